import io

import av
import numpy as np
import pytest
from av.stream import Disposition
from PIL import Image

from lga.errors import VideoError
from lga.video.clip import uniform_times
from lga.video.decode import open_clip

DEFAULT = Disposition.default
NONE = Disposition(0)


@pytest.fixture
def write_streams(video_files):
    def write(path, *streams):
        """A file of streams, each a disposition and the numbers that its pictures carry, ten a second."""
        with av.open(str(path), "w") as container:
            added = []
            for disposition, shown in streams:
                stream = container.add_stream("mpeg4", rate=10, options={"g": "5"})
                stream.width, stream.height, stream.pix_fmt = 96, 48, "yuv420p"
                stream.disposition = disposition
                added.append((stream, shown))
            for stream, shown in added:
                for number in shown:
                    picture = np.ascontiguousarray(video_files.counted(number))
                    container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
                container.mux(stream.encode())
        return path

    return write


def numbers(path, video_files):
    with open_clip(path) as clip:
        return [video_files.count_of(one) for one in clip.pictures_at(uniform_times(clip.duration, 4))]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov"])
@pytest.mark.parametrize(
    "others",
    [[(NONE, [999] * 20)], [(NONE, [999] * 20), (NONE, [998] * 30)]],
    ids=["a second stream", "two other streams"],
)
def test_the_default_stream_is_shown_wherever_it_stands(tmp_path, write_streams, video_files, suffix, others):
    wanted = (DEFAULT, list(range(20)))
    for place in range(len(others) + 1):
        path = write_streams(tmp_path / f"{place}{suffix}", *others[:place], wanted, *others[place:])
        assert numbers(path, video_files) == [2, 7, 12, 17]


@pytest.mark.parametrize("other", [[999], [999] * 3], ids=len)
def test_a_still_or_a_short_stream_is_not_the_clip(tmp_path, write_streams, video_files, other):
    path = write_streams(tmp_path / "a.mp4", (DEFAULT, other), (DEFAULT, list(range(20))))
    assert numbers(path, video_files) == [2, 7, 12, 17]


def test_a_single_picture_is_a_clip_where_there_is_nothing_else(tmp_path, write_streams, video_files):
    assert numbers(write_streams(tmp_path / "a.mp4", (DEFAULT, [7])), video_files) == [7] * 4


def test_a_cover_is_no_clip(tmp_path, video_files):
    file = io.BytesIO()
    Image.fromarray(video_files.counted(999)).save(file, "PNG")
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        voice = container.add_stream("aac", rate=8000)
        container.add_attachment("cover.png", "image/png", file.getvalue())
        container.mux(voice.encode(video_files.silence(1.0)))
        container.mux(voice.encode())
    with pytest.raises(VideoError, match="only sound in it"), open_clip(tmp_path / "a.mkv"):
        pass


@pytest.mark.shared
def test_the_second_stream_of_an_odd_file_is_its_default(shared, video_files):
    assert numbers(shared / "data/odd/video/two_streams_second_default.mp4", video_files) == [12, 37, 62, 87]
