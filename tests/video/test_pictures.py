import numpy as np
import pytest
from PIL import Image

from lga.errors import VideoError
from lga.video.pictures import PictureFolder, read_picture


@pytest.fixture
def folder(tmp_path, video_files):
    for number, pixels in enumerate(video_files.numbered(12)):
        Image.fromarray(pixels).save(tmp_path / f"{number}.jpg")
    return tmp_path


def test_pictures_follow_each_other_at_25_a_second(folder, video_files):
    clip = PictureFolder(folder)
    assert (clip.duration, clip.last) == (12 / 25, 11 / 25)
    seen = clip.pictures_at([0.0, 0.03, 0.04, 0.12, 11 / 25, 9.0])
    assert [video_files.number_of(picture) for picture in seen] == [0, 0, 1, 3, 11, 11]


def test_a_picture_wanted_twice_is_the_same_object(folder):
    first, again, other = PictureFolder(folder).pictures_at([0.01, 0.02, 0.3])
    assert first is again
    assert first is not other


def test_the_exif_orientation_is_honoured(tmp_path):
    image = Image.fromarray(np.tile(np.arange(40, dtype=np.uint8)[:, None, None], (1, 20, 3)))
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(tmp_path / "1.png", exif=exif)
    picture = read_picture(tmp_path / "1.png")
    assert picture.shape == (20, 40, 3)
    assert picture[0, 0, 0] > picture[0, -1, 0]


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1"])
def test_every_kind_of_picture_becomes_rgb(tmp_path, mode):
    Image.new(mode, (7, 5)).save(tmp_path / "1.png")
    assert read_picture(tmp_path / "1.png").shape == (5, 7, 3)


@pytest.mark.parametrize("content", [b"", b"text", b"\x89PNG\r\n\x1a\n" + b"\x00" * 50])
def test_a_damaged_picture_is_refused(tmp_path, content):
    (tmp_path / "1.png").write_bytes(content)
    with pytest.raises(VideoError, match=r"1\.png: not a readable picture"):
        list(PictureFolder(tmp_path).pictures_at([0.0]))


def test_a_picture_cut_short_is_refused(folder):
    whole = (folder / "3.jpg").read_bytes()
    (folder / "3.jpg").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(VideoError, match=r"3\.jpg: not a readable picture"):
        list(PictureFolder(folder).pictures_at([3 / 25]))


@pytest.mark.parametrize("size", [(20_000, 400), (20_000, 20_000)], ids=str)
def test_an_absurdly_large_picture_is_refused(tmp_path, size):
    Image.new("1", size).save(tmp_path / "1.png")
    with pytest.raises(VideoError, match=r"1\.png"):
        read_picture(tmp_path / "1.png")


def test_a_folder_without_pictures_is_refused(tmp_path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(VideoError, match="without frame pictures"):
        PictureFolder(tmp_path)
