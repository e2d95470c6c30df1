"""The sound of a watched file, put under the pictures that were written of it."""

from collections.abc import Iterator
from fractions import Fraction
from heapq import merge
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.video.stream import VideoStream

from lga.files import replace_file
from lga.video.decode import LIMITS
from lga.video.measure import start_of
from lga.watch.address import Address

COPIED = frozenset({"aac", "mp3", "ac3", "eac3", "alac", "opus"})
"""Kinds of sound that an mp4 holds as they are; others are encoded as AAC."""


def add_sound(address: Address, video: Path, *, until: float) -> str | None:
    """Put a file's sound, up to `until` (seconds), under a video that shows its pictures at the same times.

    Returns why there is no sound in the end, None where there is.

    Raises:
        LGAError: the place cannot be written.
    """
    if address.live:
        return "a stream's sound is not recorded"
    options = {**LIMITS, "format_whitelist": address.formats, "protocol_whitelist": address.protocols}
    try:
        with open(address.name, "rb") as file, av.open(file, "r", options=options, metadata_errors="replace") as heard:
            if not heard.streams.audio:
                return "the video has none"
            if not heard.streams.audio[0].codec_context:  # FFmpeg knows no such codec
                return "it is of a kind that is not known here"
            with replace_file(video) as part, av.open(str(video)) as seen, av.open(str(part), "w", "mp4") as written:
                _write(heard, seen, written, until)
    except _LeapError:
        return "its time stamps leap"
    except FFmpegError as error:
        return f"it cannot be read ({error.strerror})"
    return None


class _LeapError(Exception):
    """Sound that runs backwards belongs to several recordings, whose pictures were put on one time line."""


def _write(heard: InputContainer, seen: InputContainer, written: OutputContainer, until: float) -> None:
    """Copy the pictures, and copy or encode the sound between them, in the order of time."""
    pictures = written.add_stream_from_template(seen.streams.video[0])
    sound = heard.streams.audio[0]
    as_it_is = sound.codec_context.codec.canonical_name in COPIED
    target = (
        written.add_stream_from_template(sound)
        if as_it_is
        else written.add_stream("aac", rate=sound.codec_context.sample_rate or 48000)
    )

    def shown() -> "Iterator[tuple[float, int, Packet[VideoStream]]]":
        for packet in seen.demux(video=0):
            if packet.dts is not None:
                packet.stream = pictures
                yield float(packet.dts * packet.time_base), 0, packet

    packets = (_copied if as_it_is else _encoded)(heard, sound, target, until)
    for _, _, packet in merge(shown(), packets, key=lambda one: one[:2]):
        written.mux(packet)


def _origin(heard: InputContainer) -> float:
    """When a player begins, in the file's own time: with its first sound or picture, whichever is earlier."""
    return min(start_of(heard.streams.video[0]), max((heard.start_time or 0) / av.time_base, 0.0))


# A packet comes with its time and the place of its stream, which decides between equal times.
def _copied(
    heard: InputContainer, sound: AudioStream, target: AudioStream, until: float
) -> "Iterator[tuple[float, int, Packet[AudioStream]]]":
    origin, last = _origin(heard), -1.0
    for packet in heard.demux(sound):
        if packet.pts is None or packet.dts is None:
            continue
        shift = round(origin / packet.time_base)
        packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
        time = float(packet.dts * packet.time_base)
        if time >= until:
            return
        if time < last:
            raise _LeapError
        last = time
        if time >= 0:
            packet.stream = target
            yield time, 1, packet


def _encoded(
    heard: InputContainer, sound: AudioStream, target: AudioStream, until: float
) -> "Iterator[tuple[float, int, Packet[AudioStream]]]":
    origin, last = _origin(heard), -1.0
    fitting = av.AudioResampler("fltp", sound.codec_context.layout, target.codec_context.sample_rate)
    for frame in heard.decode(sound):
        time = (frame.time or 0.0) - origin
        if time >= until:
            break
        if time < last:
            raise _LeapError
        last = time
        if time < 0:
            continue
        frame.pts = round(time * sound.codec_context.sample_rate)
        frame.time_base = Fraction(1, sound.codec_context.sample_rate)
        for part in fitting.resample(frame):
            yield from _timed(target.encode(part))
    for part in fitting.resample(None):
        yield from _timed(target.encode(part))
    yield from _timed(target.encode(None))


def _timed(packets: "list[Packet[AudioStream]]") -> "Iterator[tuple[float, int, Packet[AudioStream]]]":
    for packet in packets:
        yield float((packet.dts or 0) * packet.time_base), 1, packet
