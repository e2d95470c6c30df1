import struct
import subprocess
import sys
from fractions import Fraction

import av
import pytest
from PIL import Image

from lga.errors import VideoError
from lga.video.decode import open_clip
from lga.video.files import MAX_BYTES

MEMORY = """
import resource, sys
from pathlib import Path
from lga.backbone.protocol import Preprocessing
from lga.errors import VideoError
from lga.video.clip import read_clip
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    read_clip(Path(sys.argv[1]), frames=8, how=Preprocessing(224, 224))
except VideoError as error:
    print(error)
print(1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before))
"""


def reading(path):
    """What reading a clip says, and how many bytes it takes, in a process of its own."""
    done = subprocess.run([sys.executable, "-c", MEMORY, path], capture_output=True, text=True, check=True)
    *said, grown = done.stdout.splitlines()
    return said, int(grown)


def write_blank(path, size, count, codec, pixels, **options):
    """Pictures without anything on them: a small file however large they are."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=10, options=options)
        (stream.width, stream.height), stream.pix_fmt = size, pixels
        stream.codec_context.thread_count = 1
        frame = av.VideoFrame(*size, pixels)
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        for number in range(count):
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.mark.slow
@pytest.mark.parametrize(
    ("suffix", "size", "codec", "pixels", "options"),
    [
        (".mp4", (12_000, 8000), "libx264", "yuv420p", {"preset": "ultrafast"}),
        (".mp4", (7680, 4320), "libx264", "yuv420p", {"preset": "ultrafast"}),
        (".mkv", (7680, 4320), "libx264", "yuv420p", {"preset": "ultrafast", "refs": "6", "bf": "3"}),
        (".gif", (9000, 9000), "gif", "gray", {}),
        (".gif", (4000, 4000), "gif", "gray", {}),
        (".avi", (6000, 4000), "rawvideo", "bgr24", {}),
        (".mkv", (4000, 3000), "ffv1", "gbrp16le", {}),
    ],
    ids=str,
)
def test_large_pictures_are_read_within_the_budget_or_refused_before_they_are_decoded(
    tmp_path, suffix, size, codec, pixels, options
):
    said, grown = reading(write_blank(tmp_path / f"a{suffix}", size, 4, codec, pixels, **options))
    assert grown < (MAX_BYTES if not said else 64 * 2**20)
    assert len(said) <= 1


@pytest.mark.slow
@pytest.mark.parametrize(("mode", "size"), [("RGB", (7000, 6000)), ("RGBA", (6000, 4000)), ("1", (9900, 9900))])
def test_large_frame_pictures_are_read_within_the_budget_or_refused(tmp_path, mode, size):
    for number in range(3):
        Image.new(mode, size).save(tmp_path / f"{number}.png")
    said, grown = reading(tmp_path)
    assert grown < (MAX_BYTES if not said else 64 * 2**20)
    assert len(said) <= 1


def test_a_small_file_that_takes_long_is_refused_before_it_is_decoded(tmp_path):
    size, dot = struct.pack("<HH", 3000, 2000), b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    head = b"GIF89a" + size + b"\x80\x00\x00" + bytes([0, 0, 0, 255, 255, 255])
    (tmp_path / "a.gif").write_bytes(head + 1000 * dot + b"\x3b")
    with pytest.raises(VideoError, match=r"1000 pictures of 3000 x 2000 pixels in \d+ bytes"):
        open_clip(tmp_path / "a.gif").__enter__()


@pytest.fixture
def strict(monkeypatch):
    """As many pixels as 60 pictures of 64 x 48 have are all that any clip may take."""
    monkeypatch.setattr("lga.video.files.WORK", 60 * 64 * 48)
    monkeypatch.setattr("lga.video.files.WORK_A_BYTE", 0.0)


@pytest.mark.usefixtures("strict")
def test_a_header_that_speaks_of_one_picture_is_not_believed(tmp_path, write_video, video_files):
    avi = bytearray(write_video(tmp_path / "a.avi", 10 * video_files.numbered(10)).read_bytes())
    for chunk, place in ((b"avih", 24), (b"strh", 40)):
        struct.pack_into("<I", avi, avi.index(chunk) + place, 1)
    (tmp_path / "a.avi").write_bytes(avi)
    with pytest.raises(VideoError, match="100 pictures of 64 x 48 pixels"):
        open_clip(tmp_path / "a.avi").__enter__()


@pytest.mark.usefixtures("strict")
def test_more_pictures_a_second_than_are_believed_are_counted_while_they_are_decoded(
    tmp_path, write_video, video_files
):
    times = [number / 1000 for number in range(250)]
    pictures, encoder = 25 * video_files.numbered(10), {"sc_threshold": "0"}
    path = write_video(tmp_path / "a.mkv", pictures, times=times, key_every=250, encoder=encoder)
    with open_clip(path) as clip:
        for _ in range(3):
            assert len(list(clip.pictures_at([0.0, 0.05]))) == 2
        with pytest.raises(VideoError, match="61 pictures of 64 x 48 pixels"):
            list(clip.pictures_at([0.2]))


@pytest.mark.shared
def test_an_odd_picture_is_refused_before_memory_is_spent(shared):
    said, grown = reading(shared / "data/odd/hostile/gif_big16384.gif")
    assert len(said) == 1
    assert grown < 64 * 2**20
