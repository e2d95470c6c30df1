"""Odd videos: what recorders, editors and cameras write, with counted pictures, whole and damaged."""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from random import Random

import av
import numpy as np
from av.error import FFmpegError
from av.stream import Disposition
from av.video.stream import VideoStream
from jaxtyping import UInt8
from odd_cases import WORDS, Case, Facts, Maker, Reader, Verdict, count_of, counted, damage

from lga.backbone.protocol import Preprocessing
from lga.errors import VideoError
from lga.video.clip import content_digest, read_clip
from lga.watch.address import find_address
from lga.watch.moments import Damage, Shown
from lga.watch.source import open_source


@dataclass(frozen=True, slots=True)
class Coding:
    """An encoder with its pixels and the file names that it goes into."""

    suffixes: tuple[str, ...]
    codec: str
    pixels: str
    options: Mapping[str, str] = field(default_factory=dict)
    size: tuple[int, int] = (96, 48)
    rates: tuple[Fraction, ...] = (Fraction(10), Fraction(25), Fraction(30000, 1001), Fraction(50), Fraction(15))
    ratio: Fraction = Fraction(1)
    """of a stored pixel's width to its height, where nothing else is said"""
    free: bool = True
    """whether time stamps, rotation, ratio and sound are possible"""


INTERLACED = {"threads": "1", "x264-params": "bff=1:crf=4"}
AV1 = {"preset": "10", "crf": "5", "svtav1-params": "lp=1:keyint=1"}
H264 = {"preset": "ultrafast", "threads": "1"}
MOVES = (".mp4", ".mov", ".m4v", ".mkv")
TV = (Fraction(25), Fraction(30), Fraction(30000, 1001), Fraction(50))
CODINGS = (
    Coding((*MOVES, ".qt", ".f4v"), "libx264", "yuv420p", H264),
    Coding((*MOVES, ".ts", ".mts", ".m2ts", ".flv", ".avi"), "libx264", "yuv420p", {**H264, "bf": "3", "g": "12"}),
    Coding((".mp4", ".mkv"), "libx264", "yuv420p10le", H264),
    Coding((".mp4", ".mov"), "libx264", "yuv444p", H264),
    Coding((".mkv",), "libx264rgb", "rgb24", H264),
    Coding((".mp4", ".mkv", ".ts"), "libx265", "yuv420p", {"x265-params": "log-level=none:pools=none:frame-threads=1"}),
    Coding((".mp4", ".mkv"), "libx265", "yuv420p10le", {"x265-params": "log-level=none:pools=none:frame-threads=1"}),
    Coding((".mp4", ".mkv", ".webm"), "libsvtav1", "yuv420p", AV1, size=(192, 96)),
    Coding((".mp4", ".avi", ".mkv", ".mov", ".3g2", ".divx"), "mpeg4", "yuv420p", {"g": "5"}),
    Coding((".mp4", ".3gp"), "mpeg4", "yuv420p", {"bf": "2", "g": "9"}, rates=(Fraction(10), Fraction(25))),
    Coding(
        (".3gp",),
        "h263",
        "yuv420p",
        size=(176, 144),
        ratio=Fraction(12, 11),
        rates=(Fraction(15), Fraction(30000, 1001)),
    ),
    Coding((".mov", ".avi", ".mkv"), "mjpeg", "yuvj420p"),
    Coding((".mov", ".avi"), "png", "rgb24"),
    Coding((".mov",), "png", "rgba"),
    Coding((".mov",), "png", "rgb48be"),
    Coding((".mov",), "png", "gray16be"),
    Coding((".mov",), "qtrle", "rgb24"),
    Coding((".mov",), "qtrle", "argb"),
    Coding((".mov",), "prores_ks", "yuv422p10le"),
    Coding((".avi", ".mkv"), "rawvideo", "yuv420p", rates=TV),
    Coding((".mov",), "rawvideo", "uyvy422"),
    Coding((".avi",), "mpeg4", "yuv420p", {"bf": "2", "g": "9"}),
    Coding((".avi",), "rawvideo", "bgr24"),
    Coding((".avi",), "huffyuv", "yuv422p"),
    Coding((".mkv", ".avi"), "ffv1", "yuv420p"),
    Coding((".mkv",), "ffv1", "gbrp16le"),
    Coding((".mkv",), "ffv1", "gray"),
    Coding((".mkv", ".webm"), "libvpx", "yuv420p", {"g": "6"}),
    Coding((".mkv", ".webm", ".mp4"), "libvpx-vp9", "yuv420p", {"cpu-used": "8", "threads": "1"}),
    Coding((".webm",), "libvpx", "yuva420p", {"auto-alt-ref": "0"}),
    Coding((".mkv",), "mpeg2video", "yuv420p", {"g": "10", "bf": "2"}, rates=TV),
    Coding((".ts", ".m2ts"), "mpeg2video", "yuv420p", {"g": "10"}, rates=TV),
    Coding((".mpg", ".vob", ".mpeg"), "mpeg2video", "yuv420p", {"g": "10"}, rates=TV, free=False),
    Coding((".mpg",), "mpeg1video", "yuv420p", {"g": "8"}, rates=TV, free=False),
    Coding((".wmv", ".asf"), "wmv2", "yuv420p", {"g": "8"}),
    Coding((".asf", ".avi"), "msmpeg4", "yuv420p"),
    Coding((".flv",), "flv", "yuv420p", {"g": "9"}),
    Coding((".gif",), "gif", "rgb8", rates=(Fraction(10), Fraction(25), Fraction(20)), free=False),
    Coding((".gif",), "gif", "gray", rates=(Fraction(10), Fraction(50)), free=False),
)


@dataclass(frozen=True, slots=True)
class Video:
    """All that is written into a file: pictures in square pixels, how they are stored, and what else is there."""

    coding: Coding
    suffix: str
    rate: Fraction
    numbers: tuple[int, ...]
    times: tuple[float, ...] = ()
    """when each picture comes, in seconds; empty for a constant rate"""
    shift: float = 0.0
    """by how many seconds all time stamps are later"""
    rotation: int = 0
    mirror: bool = False
    ratio: Fraction = Fraction(0)
    sound: str = ""
    extra: str = ""
    muxer: Mapping[str, str] = field(default_factory=dict)
    interlaced: bool = False

    @property
    def when(self) -> tuple[float, ...]:
        """When each picture comes."""
        return self.times or tuple(float(place / self.rate) for place in range(len(self.numbers)))

    @property
    def base(self) -> Fraction:
        """Seconds that the time stamps count."""
        return Fraction(1, 1000) if self.times else 1 / self.rate

    @property
    def duration(self) -> float:
        """Seconds that the pictures last, the last one as long as the rate says."""
        return self.when[-1] + 1 / float(self.rate)


def write(path: Path, video: Video) -> None:
    """Encode and mux a video."""
    with av.open(str(path), "w", format=FORMATS[video.suffix], options=dict(video.muxer)) as container:
        before = [_decoy(container)] if video.extra == "decoy before" else []
        stream = _stream(container, video)
        decoys = [*before, *([_decoy(container)] if video.extra == "decoy after" else [])]
        voice = _Voice(container, video.suffix) if video.sound else None
        if video.extra == "words":
            container.metadata["title"] = "odd \x07 \u202e name\nwith lines; DROP \U0001f3ac"
        container.start_encoding()
        for decoy in decoys:
            for _ in range(2):
                container.mux(decoy.encode(av.VideoFrame.from_ndarray(counted(4000), "rgb24")))
            container.mux(decoy.encode())
        for number, moment in zip(video.numbers, video.when, strict=True):
            if voice is not None:
                voice.speak_to(video.shift + moment + 0.5)
            _mux(container, stream.encode(_frame(video, number, moment)), video.shift)
        _mux(container, stream.encode(), video.shift)
        if voice is not None:
            voice.end(3.0 if video.sound == "longer" else 0.0)
    if video.extra == "garbage behind":
        with path.open("ab") as file:
            file.write(b"\0" * 1000)


def _stream(container: av.container.OutputContainer, video: Video) -> VideoStream:
    """The stream of pictures that is meant."""
    stream = container.add_stream(video.coding.codec, rate=video.rate, options=dict(video.coding.options))
    (stream.width, stream.height), stream.pix_fmt = video.coding.size, video.coding.pixels
    stream.codec_context.thread_count = 1
    if video.times:
        stream.codec_context.time_base = video.base
    if video.ratio:
        stream.codec_context.sample_aspect_ratio = video.ratio
    if video.rotation or video.mirror:
        stream.set_display_rotation(video.rotation, hflip=video.mirror)
    if video.extra.startswith("decoy"):
        stream.disposition = Disposition.default
    return stream


def _frame(video: Video, number: int, moment: float) -> av.VideoFrame:
    width, height = video.coding.size
    if video.coding.pixels in ("argb", "rgba", "yuva420p"):
        frame = av.VideoFrame.from_ndarray(_see_through(number, width, height), "rgba")
    else:
        frame = av.VideoFrame.from_ndarray(_stored(number, width, height, video.interlaced), "rgb24")
    frame.pts, frame.time_base = round(moment / video.base), video.base
    return frame


class _Voice:
    """Silence beside the pictures, a tenth of a second at a time."""

    def __init__(self, container: av.container.OutputContainer, suffix: str):
        self._container, self._heard = container, 0
        self._stream = container.add_stream(VOICES.get(suffix, "aac"), rate=48000)

    def speak_to(self, time: float) -> None:
        """Go on until so many seconds."""
        while self._heard / 10 < time:
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 4800), np.int16), "s16", "mono")
            frame.sample_rate, frame.pts, frame.time_base = 48000, 4800 * self._heard, Fraction(1, 48000)
            self._container.mux(self._stream.encode(frame))
            self._heard += 1

    def end(self, later: float) -> None:
        """Go on for so many seconds, and end."""
        self.speak_to(self._heard / 10 + later)
        self._container.mux(self._stream.encode())


VOICES = {
    ".webm": "libopus",
    ".flv": "aac",
    ".wmv": "pcm_s16le",
    ".asf": "pcm_s16le",
    ".avi": "pcm_s16le",
    ".divx": "pcm_s16le",
}
FORMATS = {
    **{".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".qt": "mov", ".f4v": "f4v", ".3gp": "3gp", ".3g2": "3g2"},
    **{".mkv": "matroska", ".webm": "webm", ".avi": "avi", ".divx": "avi", ".gif": "gif", ".flv": "flv"},
    **{".ts": "mpegts", ".mts": "mpegts", ".m2ts": "mpegts", ".mpg": "mpeg", ".mpeg": "mpeg", ".vob": "vob"},
    **{".wmv": "asf", ".asf": "asf"},
}


def _mux(container: av.container.OutputContainer, packets: Sequence[av.Packet], shift: float) -> None:
    for packet in packets:
        if shift and packet.dts is not None and packet.pts is not None:
            ticks = round(shift / packet.time_base)
            packet.pts, packet.dts = packet.pts + ticks, packet.dts + ticks
        container.mux(packet)


def _decoy(container: av.container.OutputContainer) -> VideoStream:
    """A second stream of pictures that is not meant."""
    stream = container.add_stream("mpeg4", rate=10)
    stream.width, stream.height, stream.pix_fmt = 96, 48, "yuv420p"
    stream.disposition = Disposition(0)
    return stream


SECOND = 2048
"""What the number of a frame's second field is more than that of its first."""


def _stored(number: int, width: int, height: int, interlaced: bool) -> UInt8[np.ndarray, "height width 3"]:
    picture = counted(number, height, width)
    if interlaced:
        picture[::2] = counted(number + SECOND, height, width)[::2]
    return np.ascontiguousarray(picture)


def _see_through(number: int, width: int, height: int) -> UInt8[np.ndarray, "height width 4"]:
    """The picture of a number; the strip in its middle is transparent, and dark below that."""
    picture = np.dstack([counted(number, height, width), np.full((height, width), 255, np.uint8)])
    picture[7 * height // 16 : 9 * height // 16] = (10, 10, 10, 0)
    return np.ascontiguousarray(picture)


LATEST_AFTER_SOUND = 10.0


def random_video(random: Random) -> Video:
    """A video as it may come: one coding, and some of what files have besides."""
    coding = random.choice(CODINGS)
    first = random.randrange(1, 1900)
    count = random.choice([8, 13, 24, 40]) if coding.size[0] < 100 else 12
    video = Video(
        coding, random.choice(coding.suffixes), random.choice(coding.rates), tuple(range(first, first + count))
    )
    if not coding.free:
        return video
    if random.random() < 0.2:
        video = replace(video, sound=random.choice(["same", "longer"]))
    for change in random.sample(CHANGES, random.choice([0, 1, 1, 2, 3])):
        video = change(video, random)
    return replace(video, sound="") if video.shift > LATEST_AFTER_SOUND else video


def write_random(path: Path, random: Random) -> Video:
    """Write a random video; one that its encoder or muxer refuses is drawn again."""
    while True:
        video = random_video(random)
        with contextlib.suppress(FFmpegError):
            write(path, video)
            return video


def _shifted(video: Video, random: Random) -> Video:
    if video.suffix in (".avi", ".divx", ".gif"):
        return video
    return replace(video, shift=random.choice([0.04, 0.32, 7.32, 100.0, 4000.0, 90_000.0]))


def _uneven(video: Video, random: Random) -> Video:
    if video.suffix in (".avi", ".divx", ".gif", ".3gp", ".mpg") or video.coding.codec in ("mpeg2video", "h263"):
        return video
    times, now = [], 0.0
    for _ in video.numbers:
        times.append(round(now, 3))
        now += random.choice([0.02, 0.04, 0.04, 0.1, 0.4, 3.0])
    return replace(video, times=tuple(times))


def _turned(video: Video, random: Random) -> Video:
    if video.suffix not in (".mp4", ".mov", ".m4v", ".mkv", ".qt"):
        return video
    return replace(video, rotation=random.choice([0, 90, 180, 270]), mirror=random.random() < 0.5)


def _oblong(video: Video, random: Random) -> Video:
    if video.coding.codec not in ("libx264", "libx265", "mpeg4") or video.suffix in (".flv", ".avi", ".divx"):
        return video
    return replace(
        video, ratio=random.choice([Fraction(2), Fraction(1, 2), Fraction(4, 3), Fraction(16, 11), Fraction(1)])
    )


def _with_more(video: Video, random: Random) -> Video:
    if video.suffix in (".mp4", ".mov", ".mkv") and not video.muxer:
        return replace(video, extra=random.choice(["decoy before", "decoy after", "words", "garbage behind"]))
    return video


def _muxed(video: Video, random: Random) -> Video:
    if video.suffix in (".mp4", ".mov", ".m4v") and not video.times and not video.sound and not video.extra:
        flags = random.choice(["faststart", "frag_keyframe+empty_moov", "frag_every_frame", "+negative_cts_offsets"])
        return replace(video, muxer={"movflags": flags})
    if video.suffix in (".mkv", ".webm"):
        return replace(
            video, muxer=random.choice([{"live": "1"}, {"cluster_time_limit": "100"}, {"reserve_index_space": "500"}])
        )
    return video


def _woven(video: Video, random: Random) -> Video:
    if video.coding.codec == "libx264" and video.coding.pixels == "yuv420p" and not video.times:
        return replace(video, interlaced=True, coding=replace(video.coding, options=INTERLACED))
    return video


CHANGES: tuple[Callable[[Video, Random], Video], ...] = (
    _shifted,
    _uneven,
    _turned,
    _oblong,
    _with_more,
    _muxed,
    _woven,
)


def described(video: Video) -> str:
    """A video in a few words."""
    odd = [
        f"{video.suffix} {video.coding.codec} {video.coding.pixels}",
        f"{len(video.numbers)} at {video.rate}",
        f"shift {video.shift:g}" if video.shift else "",
        "uneven" if video.times else "",
        f"turned {video.rotation}{' mirrored' * video.mirror}" if video.rotation or video.mirror else "",
        f"ratio {video.ratio}" if video.ratio else "",
        f"sound {video.sound}" if video.sound else "",
        video.extra,
        str(dict(video.muxer)) if video.muxer else "",
        "interlaced" if video.interlaced else "",
    ]
    return ", ".join(filter(None, odd))


def truth(video: Video) -> Facts:
    """What a reader must find."""
    width, height = video.coding.size
    ratio = video.ratio or video.coding.ratio
    shown = (round(width * ratio), height) if ratio > 1 else (width, round(height / ratio))
    turned = shown[::-1] if video.rotation in (90, 270) else shown
    steps = [later - one for one, later in zip(video.when, video.when[1:], strict=False)]
    return {
        "when": list(video.when),
        "numbers": list(video.numbers),
        "duration": video.duration,
        "slack": (max(steps[-1], 1 / float(video.rate)) if video.times else 0.6 / float(video.rate)) + 0.02,
        "tick": 0.011 if video.suffix == ".gif" else 0.0025 if video.coding.free else 1.1 / float(video.rate),
        "size": list(turned),
        "rotation": video.rotation,
        "mirror": video.mirror,
        "white": video.coding.pixels in ("argb", "rgba", "yuva420p"),
        "interlaced": video.interlaced,
        "lasting": video.suffix in (".ts", ".mts", ".m2ts", ".mpg", ".mpeg", ".vob"),
    }


def make_video(folder: Path, random: Random) -> Case:
    """A video with which nothing is wrong, sometimes under another video's name."""
    video = write_random(folder / "made", random)
    name = f"clip{video.suffix}"
    if random.random() < 0.1:
        name = random.choice(["clip.mp4", "CLIP.AVI", "clip.mkv", "cl\u202eip.mp4", "a b;c.mp4", "-x.mov", "%d.mp4"])
    (folder / "made").rename(folder / name)
    how = described(video) if name.endswith(video.suffix) else f"{described(video)}, called {name!r}"
    return Case(how, "video", {**truth(video), "name": name}, sound=True)


FIELDS = {
    ".mp4": (
        b"mvhd",
        b"tkhd",
        b"mdhd",
        b"stts",
        b"ctts",
        b"stsz",
        b"stco",
        b"stsc",
        b"elst",
        b"stsd",
        b"avcC",
        b"hdlr",
        b"stss",
        b"moov",
        b"trun",
        b"tfhd",
    ),
    ".mkv": (
        b"\x44\x89",
        b"\x2a\xd7\xb1",
        b"\xae",
        b"\xb0",
        b"\xba",
        b"\xe7",
        b"\xa3",
        b"\x23\xe3\x83",
        b"\x1f\x43\xb6\x75",
        b"\x1a\x45\xdf\xa3",
        b"\x63\xa2",
        b"\x54\xb0",
    ),
    ".avi": (b"avih", b"strh", b"strf", b"idx1", b"LIST", b"movi", b"00dc"),
    ".gif": (b"GIF8", b"\x21\xf9\x04", b"\x2c", b"NETSCAPE"),
    ".flv": (b"FLV", b"duration", b"width", b"framerate"),
    ".ts": (b"\x47\x40", b"\x47\x41", b"\0\0\x01\xe0"),
    ".mpg": (b"\0\0\x01\xba", b"\0\0\x01\xb3", b"\0\0\x01\xe0"),
    ".wmv": (b"\xa1\xdc\xab\x8c", b"\x91\x07\xdc\xb7", b"\x30\x26\xb2\x75"),
}
FIELDS |= {".mov": FIELDS[".mp4"], ".webm": FIELDS[".mkv"], ".m4v": FIELDS[".mp4"], ".3gp": FIELDS[".mp4"]}
FIELDS |= {".asf": FIELDS[".wmv"], ".m2ts": FIELDS[".ts"], ".mts": FIELDS[".ts"], ".vob": FIELDS[".mpg"]}


def _spoil_field(path: Path, random: Random) -> str:
    """Overwrite a number behind one of the marks by which a format finds its parts."""
    data = bytearray(path.read_bytes())
    marks = [mark for mark in FIELDS.get(path.suffix, ()) if mark in data]
    if not marks:
        return damage(path, random)
    mark = random.choice(marks)
    places = [at for at in range(len(data)) if data.startswith(mark, at)]
    size = random.choice([1, 2, 4, 4, 8])
    begin = random.choice(places) + len(mark) + random.randrange(28)
    value = random.choice([*WORDS, random.getrandbits(32)]) & ((1 << 8 * size) - 1)
    data[begin : begin + size] = value.to_bytes(
        size, "little" if path.suffix in (".avi", ".wmv", ".asf", ".gif") else "big"
    )
    path.write_bytes(data)
    return f"field of {mark!r}"


def _splice(path: Path, random: Random) -> str:
    """The head of one video and the tail of another."""
    rest = path.with_name("other")
    other = write_random(rest, random)
    data, tail = path.read_bytes(), rest.read_bytes()
    path.write_bytes(data[: random.randrange(len(data))] + tail[random.randrange(len(tail)) :])
    rest.unlink()
    return f"spliced with {other.suffix}"


def make_damaged(folder: Path, random: Random) -> Case:
    """A video that something happened to."""
    video = write_random(folder / "made", random)
    path = (folder / "made").rename(folder / f"clip{video.suffix}")
    whole = path.read_bytes()
    kind = random.random()
    if kind < 0.3:
        how = _spoil_field(path, random)
    elif kind < 0.37:
        how = _splice(path, random)
    else:
        how = damage(path, random)
        if random.random() < 0.15:
            how = f"{how}, {damage(path, random)}"
    same = path.read_bytes() == whole
    facts = {**truth(video), "name": path.name, "damaged": not same, "damage": how}
    return Case(f"{described(video)}: {how}", "video", facts)


DOUBLING = ("appended", "doubled", "swapped", "prepended")
"""What makes one recording two, one after the other, in formats that go on for ever."""


class Eyes:
    """An onlooker that reads the number of every picture that it sees."""

    def __init__(self, facts: Facts):
        self.facts, self.seen = facts, list[tuple[float, int | None, tuple[int, int], bool]]()

    def times(self, duration: float, last: float, rate: float) -> Sequence[float]:
        """Nine moments besides those of the clip."""
        return [duration * part / 9 for part in range(9)] + [last]

    def see(self, wanted: float, shown: float, picture: UInt8[np.ndarray, "height width 3"]) -> None:
        """Read it."""
        turned = upright(picture, self.facts)
        self.seen.append((wanted, count_of(turned), picture.shape[1::-1], _is_white(turned)))


def upright(picture: UInt8[np.ndarray, "height width 3"], facts: Facts) -> UInt8[np.ndarray, "high wide 3"]:
    """A picture that is shown as the facts say, turned back as it was made."""
    picture = picture[:, ::-1] if facts["mirror"] else picture
    return np.rot90(picture, -int(facts["rotation"]) // 90)  # type: ignore


def _is_white(picture: UInt8[np.ndarray, "height width 3"]) -> bool:
    height = picture.shape[0]
    return bool(picture[height // 2].mean() > 230)


def read_video(folder: Path, facts: Facts) -> Verdict:
    """Read a clip at some moments, and watch it from beginning to end."""
    path, eyes = folder / str(facts["name"]), Eyes(facts)
    content_digest(path)
    try:
        clip = read_clip(path, frames=8, how=Preprocessing(64, 64), motion_gap=0.1, onlooker=eyes)
    except VideoError:
        if facts.get("damaged"):
            with contextlib.suppress(VideoError):
                _watched(path, facts)
        raise
    trouble = _judge(eyes, clip.duration, facts) or _watched(path, facts)
    hidden = bool(trouble and facts.get("damaged") and facts["damage"] != "truncated" and not complains(path))
    return Verdict(known=True, trouble=trouble, hidden=hidden)


def complains(path: Path) -> bool:
    """Whether FFmpeg says of anything in the pictures of a file that it is wrong."""
    try:
        with av.open(str(path), metadata_errors="replace") as container:
            stream = container.streams.best("video")
            if not isinstance(stream, VideoStream):
                return True
            stream.codec_context.options, stream.codec_context.thread_count = {"err_detect": "crccheck"}, 1
            for packet in container.demux(stream):
                if packet.is_corrupt or any(frame.is_corrupt for frame in packet.decode()):
                    return True
    except (FFmpegError, ValueError):
        return True
    return False


def _judge(eyes: Eyes, duration: float, facts: Facts) -> str:
    if facts.get("damaged"):
        return _judge_damaged(eyes, facts)
    if abs(duration - facts["duration"]) > facts["slack"]:  # type: ignore
        return f"lasts {duration:.3f} s where {facts['duration']:.3f} s are right"
    when, numbers, tick = np.array(facts["when"]), list(facts["numbers"]), float(facts["tick"])  # type: ignore
    for wanted, number, size, white in eyes.seen:
        if list(size) != facts["size"]:
            return f"{size} pixels where {facts['size']} are right"
        if facts["white"] and not white:
            return "what is transparent is not white"
        first, last = (int(np.searchsorted(when, wanted + by, "right")) - 1 for by in (-tick, tick))
        right = {numbers[max(place, 0)] for place in range(first, last + 1)}
        if number not in right | ({one + SECOND for one in right} if facts["interlaced"] else set()):
            return f"at {wanted:.3f} s picture {number} where {sorted(right)} is right"
    return ""


def _judge_damaged(eyes: Eyes, facts: Facts) -> str:
    """Of a damaged file only pictures of the clip may be shown, and in order."""
    numbers, before = set(facts["numbers"]), -1  # type: ignore
    joined = facts["lasting"] and set(DOUBLING) & set(str(facts["damage"]).split(", "))
    for wanted, seen, _, _ in eyes.seen:
        number = seen % SECOND if facts["interlaced"] and seen is not None else seen
        if number is None or number not in numbers:
            return f"at {wanted:.3f} s a picture that is none of the clip's ({number})"
        if number < before and not joined:
            return f"at {wanted:.3f} s picture {number} after picture {before}"
        before = number
    return ""


def _watched(path: Path, facts: Facts) -> str:
    """What is wrong with the pictures that a watcher of the whole video sees."""
    with open_source(find_address(str(path)), 5.0) as source:
        found = list(source.shown())
    times = [one.time for one in found if isinstance(one, Shown)]
    if times != sorted(times):
        return "watched: time goes back"
    if facts.get("damaged"):
        return ""
    damage = [one for one in found if isinstance(one, Damage)]
    if damage:
        return f"watched: damage where there is none ({damage[0].reason})"
    shown = [count_of(upright(one.picture(), facts)) for one in found if isinstance(one, Shown)]
    if shown != facts["numbers"]:
        return f"watched: {shown} where {facts['numbers']} is right"
    begin, when = times[-1] - facts["when"][-1], facts["when"]  # type: ignore
    wrong = [
        one for one, right in zip(times[1:], when[1:], strict=True) if abs(one - begin - right) > 2 * facts["tick"]
    ]  # type: ignore
    return f"watched: pictures at {wrong} s that come at another time" if wrong else ""


KINDS: Mapping[str, Maker] = {"videos": make_video, "damaged videos": make_damaged}
READERS: Mapping[str, Reader] = {"video": read_video}
