"""Renders small videos whose pictures say which frame they are."""

import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

STEP = 12
CODECS = {
    ".mp4": ("libx264", "yuv420p"),
    ".mov": ("libx264", "yuv420p"),
    ".m4v": ("libx264", "yuv420p"),
    ".mkv": ("libx264", "yuv420p"),
    ".avi": ("mpeg4", "yuv420p"),
    ".webm": ("libvpx", "yuv420p"),
    ".gif": ("gif", "gray"),
}


def numbered(count: int, height: int = 48, width: int = 64) -> list[np.ndarray]:
    """Grey pictures, each `STEP` levels brighter than the one before; 21 of them at most."""
    return [np.full((height, width, 3), 6 + STEP * number, np.uint8) for number in range(count)]


def number_of(picture) -> int:
    """Which of the `numbered` pictures this is."""
    return round((float(np.asarray(picture, dtype=float).mean()) - 6) / STEP)


def write_video(
    path: Path,
    frames: Sequence[np.ndarray],
    fps: int = 10,
    *,
    times: Sequence[float] | None = None,
    codec: str | None = None,
    pixels: str | None = None,
    key_every: int = 5,
    rotation: int | None = None,
    mirror: bool = False,
    sound: bool = False,
    ratio: Fraction = Fraction(0),
    muxer: dict[str, str] | None = None,
    encoder: dict[str, str] | None = None,
) -> Path:
    """Write RGB pictures as a video; `times` (in seconds) make its frame rate variable, `ratio` its pixels oblong."""
    codec = codec or CODECS[path.suffix][0]
    pixels = pixels or CODECS[path.suffix][1]
    with av.open(str(path), "w", options=muxer or {}) as container:
        stream = container.add_stream(codec, rate=fps, options={"g": str(key_every), **(encoder or {})})
        stream.height, stream.width = frames[0].shape[:2] if len(frames) else (48, 64)
        stream.pix_fmt = pixels
        if times is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        stream.codec_context.sample_aspect_ratio = ratio
        if rotation is not None:
            stream.set_display_rotation(rotation, hflip=mirror)
        voice = container.add_stream("aac", rate=8000) if sound else None
        container.start_encoding()
        for number, pixel in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixel, "rgb24")
            if times is not None:
                frame.pts, frame.time_base = round(times[number] * 1000), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if voice is not None:
            container.mux(voice.encode(silence(len(frames) / fps)))
            container.mux(voice.encode())
    return path


def write_sound(path: Path, seconds: float = 1.0) -> Path:
    with av.open(str(path), "w") as container:
        voice = container.add_stream("aac", rate=8000)
        container.mux(voice.encode(silence(seconds)))
        container.mux(voice.encode())
    return path


def with_sound(video: Path, path: Path, *, later: float) -> Path:
    """A video's packets `later` seconds after the beginning of sound."""
    with av.open(str(video)) as source, av.open(str(path), "w") as container:
        stream = source.streams.video[0]
        target, voice = container.add_stream_from_template(stream), container.add_stream("aac", rate=8000)
        container.mux(voice.encode(silence(later + 1.0)))
        container.mux(voice.encode())
        for packet in source.demux(stream):
            if packet.dts is not None:
                ticks = round(later / packet.time_base)
                packet.pts, packet.dts, packet.stream = packet.pts + ticks, packet.dts + ticks, target
                container.mux(packet)
    return path


def heard_for(path: Path, frames: Sequence[np.ndarray], seconds: float, *, codec: str, fps: int = 10) -> Path:
    """Pictures beside sound that lasts so long, in steps as recorders write both."""
    with av.open(str(path), "w") as container:
        stream, voice = container.add_stream(codec, rate=fps), container.add_stream("pcm_s16le", rate=8000)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for number in range(round(seconds * fps)):
            sound = av.AudioFrame.from_ndarray(np.zeros((1, 8000 // fps), np.int16), "s16", "mono")
            sound.sample_rate, sound.pts, sound.time_base = 8000, number * 8000 // fps, Fraction(1, 8000)
            container.mux(voice.encode(sound))
            if number < len(frames):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(frames[number], "rgb24")))
        container.mux(stream.encode())
        container.mux(voice.encode())
    return path


def silence(seconds: float) -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(np.zeros((1, int(8000 * seconds)), np.float32), "fltp", "mono")
    frame.sample_rate, frame.pts = 8000, 0
    return frame


def huge_gif(side: int) -> bytes:
    """A GIF of a few bytes whose header claims `side` x `side` pixels."""
    size = struct.pack("<HH", side, side)
    palette = bytes([0, 0, 0, 255, 255, 255])
    picture = b"\x2c" + struct.pack("<HH", 0, 0) + size + b"\x00" + b"\x02\x02\x44\x01\x00"
    return b"GIF89a" + size + b"\x80\x00\x00" + palette + picture + b"\x3b"


COUNTED = (6, 18, 31, 43, 56, 68, 81, 93)
"""What the counted pictures of a right clip say at the centres of eight equal parts of it."""


def count_of(picture) -> int:
    """The number that a counted picture carries: twelve bars across its upper part, the smallest bit last."""
    pixels = np.asarray(picture, dtype=float)
    height, width = pixels.shape[:2]
    levels = pixels[height // 8 : 3 * height // 8].mean(axis=(0, 2))
    return sum(1 << 11 - bit for bit in range(12) if levels[int((bit + 0.5) * width / 12)] > 118)


def counted(number: int, height: int = 48, width: int = 96) -> np.ndarray:
    """A picture that carries a number."""
    picture = np.full((height, width, 3), 40, np.uint8)
    bars = np.repeat([200 if number >> 11 - bit & 1 else 20 for bit in range(12)], width // 12)
    picture[height // 8 : 3 * height // 8] = bars[:, None]
    return picture
