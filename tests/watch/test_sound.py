"""The sound of a watched file under its pictures."""

from fractions import Fraction

import av
import numpy as np
import pytest

from lga.errors import LGAError
from lga.watch.address import Address, find_address
from lga.watch.output import annotate
from lga.watch.sound import add_sound

RATE = 16000
BEEP = 0.8
"""when the sound begins to be heard, in seconds from its start"""


def with_beep(path, codec: str, *, layout: str = "fltp", later: float = 0.0, seconds: float = 2.0):
    """A video of 50 pictures at 25 a second whose sound begins `later`, silent but for a beep at `BEEP`."""
    wave = np.zeros(round(RATE * seconds), np.float32)
    wave[round(BEEP * RATE) : round((BEEP + 0.2) * RATE)] = 0.5
    if layout.startswith("s16"):
        wave = (wave * 32767).astype(np.int16)
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        voice = container.add_stream(codec, rate=RATE, layout="mono")
        for number in range(50):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 5 * number, np.uint8), "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(video.encode(frame))
        container.mux(video.encode())
        for start in range(0, len(wave), 1024):
            frame = av.AudioFrame.from_ndarray(wave[None, start : start + 1024], layout, "mono")
            frame.sample_rate, frame.time_base = RATE, Fraction(1, RATE)
            frame.pts = start + round(later * RATE)
            container.mux(voice.encode(frame))
        container.mux(voice.encode())
    return path


def heard(path):
    """The codec, when the beep begins and when the sound ends, in seconds of the file."""
    with av.open(str(path)) as container:
        [voice] = container.streams.audio
        loud, end = [], 0.0
        for frame in container.decode(voice):
            samples = np.abs(frame.to_ndarray().astype(np.float64)).max(0)
            samples /= 1.0 if frame.format.name.startswith("flt") else 32767.0
            over = np.flatnonzero(samples > 0.2)
            loud += [frame.time + over[0] / frame.sample_rate] if len(over) else []
            end = frame.time + frame.samples / frame.sample_rate
        return voice.codec_context.codec.canonical_name, min(loud), end


@pytest.mark.parametrize(
    ("name", "codec", "layout", "kept"),
    [("a.mp4", "aac", "fltp", "aac"), ("a.mkv", "pcm_s16le", "s16", "aac"), ("a.mkv", "libmp3lame", "fltp", "mp3")],
)
@pytest.mark.parametrize("later", [0.0, 0.4])
def test_sound_is_heard_when_it_was(tmp_path, name, codec, layout, kept, later):
    source = find_address(str(with_beep(tmp_path / name, codec, layout=layout, later=later)))
    annotate(source, [], tmp_path / "out.mp4")
    assert add_sound(source, tmp_path / "out.mp4", until=60.0) is None
    found, begin, _ = heard(tmp_path / "out.mp4")
    assert found == kept
    assert begin == pytest.approx(BEEP + later, abs=0.07)  # an encoder's first packets are silence
    assert {one.name for one in tmp_path.iterdir()} == {name, "out.mp4"}
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == 50


def test_sound_ends_where_watching_did(tmp_path):
    source = find_address(str(with_beep(tmp_path / "a.mp4", "aac", seconds=5.0)))
    annotate(source, [], tmp_path / "out.mp4")
    assert add_sound(source, tmp_path / "out.mp4", until=2.5) is None
    assert heard(tmp_path / "out.mp4")[2] == pytest.approx(2.5, abs=0.1)


def test_a_video_without_sound_stays_as_it_is_and_says_so(tmp_path, write_video, video_files):
    source = find_address(str(write_video(tmp_path / "a.mp4", video_files.numbered(10))))
    annotate(source, [], tmp_path / "out.mp4")
    before = (tmp_path / "out.mp4").read_bytes()
    assert add_sound(source, tmp_path / "out.mp4", until=60.0) == "the video has none"
    assert (tmp_path / "out.mp4").read_bytes() == before


def test_sound_that_nobody_knows_is_left_out(tmp_path):
    path = with_beep(tmp_path / "a.mkv", "aac")
    source = find_address(str(path))
    annotate(source, [], tmp_path / "out.mp4")
    path.write_bytes(path.read_bytes().replace(b"A_AAC", b"A_ZZZ"))
    before = (tmp_path / "out.mp4").read_bytes()
    assert add_sound(source, tmp_path / "out.mp4", until=60.0) == "it is of a kind that is not known here"
    assert (tmp_path / "out.mp4").read_bytes() == before


def test_a_stream_has_none(tmp_path):
    assert "not recorded" in (add_sound(Address("pipe", "-"), tmp_path / "out.mp4", until=1.0) or "")


def test_sound_that_runs_backwards_is_left_out(tmp_path):
    first = with_beep(tmp_path / "a.ts", "mp2", layout="s16").read_bytes()
    (tmp_path / "twice.ts").write_bytes(first + first)
    source = find_address(str(tmp_path / "twice.ts"))
    annotate(source, [], tmp_path / "out.mp4")
    before = (tmp_path / "out.mp4").read_bytes()
    assert add_sound(source, tmp_path / "out.mp4", until=60.0) == "its time stamps leap"
    assert (tmp_path / "out.mp4").read_bytes() == before


def test_a_place_that_cannot_be_written_is_one_line(tmp_path):
    source = find_address(str(with_beep(tmp_path / "a.mp4", "aac")))
    with pytest.raises(LGAError, match="cannot be written"):
        add_sound(source, tmp_path / "no" / "\0", until=1.0)
