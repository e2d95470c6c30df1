import av
import numpy as np
import pytest

from lga.errors import LGAError
from lga.video.decode import open_footage
from lga.watch.address import find_address
from lga.watch.drawing import BAR, annotate, lettered, video_writer
from lga.watch.segments import Segment

WAVE = Segment(0.4, 1.4, "wave", 0.8)


def test_the_annotated_video_lasts_as_long_and_changes_while_a_segment_lasts_only(tmp_path, write_video, video_files):
    video = write_video(tmp_path / "a.mp4", video_files.numbered(20, 96, 128))
    annotate(find_address(str(video)), [WAVE], tmp_path / "b.mp4")
    with open_footage(video) as before, open_footage(tmp_path / "b.mp4") as after:
        assert after.duration == pytest.approx(before.duration, abs=0.01)
        moments = [0.05, 0.65, 1.35, 1.65]
        pictures = list(zip(before.pictures_at(moments), after.pictures_at(moments), strict=True))
    changed = [float((left.float() - right.float()).abs()[80:].mean()) > 8 for left, right in pictures]
    assert changed == [False, True, True, False]
    assert all(float((left.float() - right.float()).abs()[:60].mean()) < 5 for left, right in pictures)
    assert {one.name for one in tmp_path.iterdir()} == {"a.mp4", "b.mp4"}


def test_the_bar_is_as_long_as_the_share_of_the_segment_that_is_over():
    picture = np.zeros((96, 100, 3), np.uint8)
    for share in (0.0, 0.25, 1.0):
        drawn = lettered(picture, [WAVE], 0.4 + share)
        bar = (drawn[-1] == np.array(BAR)).all(-1).sum()
        assert bar == pytest.approx(share * 100, abs=1.5)


def test_two_segments_at_once_have_a_strip_each():
    picture = np.full((96, 100, 3), 200, np.uint8)
    one, two = (lettered(picture, [WAVE] * count, 0.5) for count in (1, 2))
    assert (two != 200).any(-1).sum() == 2 * (one != 200).any(-1).sum()


@pytest.mark.parametrize("size", [(1, 1), (33, 17), (16, 1200)])
def test_pictures_of_odd_sizes_are_lettered_and_written(tmp_path, size):
    picture = np.zeros((*size, 3), np.uint8)
    with video_writer(tmp_path / "a.mp4") as writer:
        for number in range(3):
            writer.write(number / 10, lettered(picture, [WAVE], 0.5))
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == 3


def test_a_video_that_fails_half_way_leaves_the_old_one_alone(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"old")

    def fail():
        with video_writer(tmp_path / "a.mp4") as writer:
            writer.write(0.0, np.zeros((16, 16, 3), np.uint8))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert (tmp_path / "a.mp4").read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_place_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(LGAError, match="cannot be written"), video_writer(tmp_path / "file" / "a.mp4"):
        pass
