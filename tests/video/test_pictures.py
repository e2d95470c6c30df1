import io
import struct
from zlib import crc32

import numpy as np
import pytest
from PIL import Image

from lga.errors import VideoError
from lga.video.clip import uniform_times
from lga.video.decode import open_clip
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


def test_greys_of_sixteen_bits_are_scaled_to_eight(tmp_path):
    deep = np.linspace(0, 65535, 256).round().astype(np.uint16)[None].repeat(5, 0)
    Image.fromarray(deep).save(tmp_path / "1.png")
    picture = read_picture(tmp_path / "1.png").numpy()
    assert (picture == np.arange(256)[None, :, None]).all()


CLEAR = (10, 200, 30)
"""The colour of what is transparent: it must not be seen."""


def cutouts():
    """Pictures whose left half is transparent and whose right half is (20, 20, 20)."""
    half = np.zeros((6, 8), bool)
    half[:, :4] = True
    colours = np.where(half[..., None], CLEAR, 20).astype(np.uint8)
    alpha = np.where(half, 0, 255).astype(np.uint8)
    yield "rgba", Image.fromarray(np.dstack([colours, alpha])), {}
    yield "grey and alpha", Image.fromarray(np.dstack([colours[..., 0], alpha]), "LA"), {}
    yield "a transparent colour", Image.fromarray(colours), {"transparency": CLEAR}
    yield "a transparent grey", Image.fromarray(colours[..., 0]), {"transparency": CLEAR[0]}
    yield "a transparent grey of 16 bits", Image.fromarray(colours[..., 1].astype(np.uint16) * 257), {}
    palette = Image.fromarray(half.astype(np.uint8), "P")
    palette.putpalette([20, 20, 20, *CLEAR])
    yield "a transparent place in the palette", palette, {"transparency": 1}


@pytest.mark.parametrize(("kind", "image", "how"), list(cutouts()), ids=lambda one: one if isinstance(one, str) else "")
def test_what_is_transparent_is_white(tmp_path, kind, image, how):
    file = io.BytesIO()
    image.save(file, "PNG", **how)
    content = file.getvalue()
    if "16" in kind:  # Pillow reads which grey is transparent, but does not write it
        value = struct.pack(">4sH", b"tRNS", CLEAR[1] * 257)
        place = content.index(b"IDAT") - 4
        content = content[:place] + struct.pack(">I", 2) + value + struct.pack(">I", crc32(value)) + content[place:]
    (tmp_path / "1.png").write_bytes(content)
    picture = read_picture(tmp_path / "1.png").numpy()
    assert (picture[:, :4] == 255).all()
    assert (picture[:, 4:] == 20).all()


def test_what_is_half_transparent_is_half_white(tmp_path):
    Image.new("RGBA", (4, 4), (0, 100, 200, 128)).save(tmp_path / "1.png")
    assert read_picture(tmp_path / "1.png")[0, 0].tolist() == pytest.approx([127, 177, 227], abs=1)


@pytest.mark.shared
@pytest.mark.parametrize(("name", "dark"), [("png16", 0.1), ("cutout", 0.005)])
def test_odd_folders_are_neither_white_nor_empty(shared, name, dark):
    with open_clip(shared / "data/odd/folders" / name) as clip:
        shown = [one.numpy() for one in clip.pictures_at(uniform_times(clip.duration, 8))]
    assert all(dark < (one.max(2) < 100).mean() < 0.95 for one in shown)
    assert len({one.tobytes() for one in shown}) == 8


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


@pytest.mark.parametrize("mode", ["RGB", "LA", "P", "I;16"])
def test_a_png_with_a_flipped_bit_is_refused_wherever_it_is(tmp_path, mode):
    path, noise = tmp_path / "a.png", np.random.default_rng(0).integers(0, 255, (8, 8), np.uint8)
    (Image.fromarray(noise.astype(np.uint16)) if mode == "I;16" else Image.fromarray(noise).convert(mode)).save(path)
    whole = path.read_bytes()
    assert read_picture(path).shape == (8, 8, 3)
    for place in range(8, len(whole) - 12, 3):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 16]) + whole[place + 1 :])
        with pytest.raises(VideoError):
            read_picture(path)
