"""`lga watch`."""

import json
import signal
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from time import monotonic
from typing import TYPE_CHECKING, Annotated

import tyro
from tyro.conf import Positional

from lga.cli.lines import ROOMY, segment_line
from lga.cli.options import (
    DEVICE,
    FILE,
    Flag,
    load_taught,
    plural,
    print_json_text,
    progress,
    progress_bar,
    report_motion,
    stderr,
    stdout,
)
from lga.errors import SettingsError, VideoError
from lga.files import scratch_folder, write_atomically
from lga.watch.settings import WatchSettings

if TYPE_CHECKING:
    from lga.watch.address import Address
    from lga.watch.moments import Damage, Shown
    from lga.watch.segments import Segment

EVERY = 5.0
"""Seconds between two writings of the files while the video runs."""


@dataclass(frozen=True)
class Watch:
    """Say which of the taught actions happen in a long video or a stream, and when.

    The video is decoded once, in memory that does not grow. Windows of several lengths slide over it, never across a
    cut; those that show a taught action surely enough become segments, printed as soon as they are certain. A damaged
    passage is named and passed over. Ctrl-C ends a stream: all that was found is written.

    Example: lga watch my_actions/ match.mp4 --srt match.srt
    """

    actions: Positional[Path]
    """folder that `lga teach` wrote"""
    source: Positional[Annotated[str, tyro.conf.arg(metavar="VIDEO|URL|CAMERA|-")]]
    """video file, URL on this machine (http, https, rtsp, rtmp, udp, tcp), /dev/video0, or - for standard input"""
    json: Flag = False
    """print one line of JSON for each segment and each damaged passage, and one at the end"""
    csv: Annotated[Path | None, FILE] = None
    """file to write the segments to as a table"""
    srt: Annotated[Path | None, FILE] = None
    """file to write the segments to as subtitles"""
    vtt: Annotated[Path | None, FILE] = None
    """file to write the segments to as subtitles for browsers (WebVTT)"""
    video: Annotated[Path | None, FILE] = None
    """file to write the video to as mp4, the segments drawn into it; a file keeps its sound"""
    device: Annotated[str, DEVICE] = "auto"
    """cpu, cuda, cuda:1, mps, or auto"""
    settings: Annotated[WatchSettings, tyro.conf.arg(name=""), tyro.conf.FlagCreatePairsOff] = field(
        default_factory=WatchSettings
    )

    def run(self) -> int:
        """Watch; exit 130 if a file was not watched to its end."""
        from lga.watch.address import find_address

        self._refuse_overwriting()
        log = Log(self.json, {"csv": self.csv, "srt": self.srt, "vtt": self.vtt})
        with progress() as bars:
            bars.now("loading")
            from lga.recognizer import Recognizer

            actions = load_taught(self.actions, [Path(self.source)])
            address = find_address(self.source)
            report_motion(actions.method.motion, taught=True)
            recognizer = Recognizer(actions.backbone.model_copy(update={"device": self.device}))
        with stopping() as stop, self._recording(address) as (recording, record):
            from lga.watch.watching import watch

            try:
                with progress_bar("watching") as (bar,):

                    def told(seen: float, duration: float | None) -> None:
                        log.seen = seen
                        if duration is not None:
                            bar(min(round(seen), round(duration)), round(duration))

                    for finding in watch(
                        recognizer, actions, address, self.settings, stop=stop, progress=told, record=record
                    ):
                        log.take(finding)
            except VideoError as error:
                log.trouble = error
            finally:
                log.watched = monotonic() - log.begun
                log.write()
            if self.video is not None and log.seen > 0:
                self._draw(recording(), log, self.video, live=address.live)
        log.close(stopped=stop.is_set())
        if log.trouble is not None:
            raise log.trouble
        return 130 if stop.is_set() and not address.live else 0

    def _refuse_overwriting(self) -> None:
        for written in (self.csv, self.srt, self.vtt, self.video):
            if written is not None and written.resolve() == Path(self.source).resolve():
                raise SettingsError(f"{written}: is the video that is watched; write to another file")

    @contextmanager
    def _recording(
        self, address: "Address"
    ) -> "Generator[tuple[Callable[[], Address], Callable[[Shown], None] | None]]":
        """Where the pictures can be read again: a file is there, a stream has to be recorded on the way."""
        if self.video is None or not address.live:
            yield lambda: address, None
            return
        from lga.video.write import VideoWriter
        from lga.watch.address import Address

        with scratch_folder(self.video) as folder, VideoWriter(path := folder / "seen.mp4") as writer:

            def recorded() -> Address:
                writer.close()
                return Address("file", str(path))

            yield recorded, lambda shown: writer.write(shown.time, shown.picture())

    def _draw(self, recording: "Address", log: "Log", path: Path, *, live: bool) -> None:
        from lga.watch.output import annotate
        from lga.watch.sound import add_sound

        until = log.seen + 1.0
        with progress_bar("drawing") as (bar,):

            def drawn(seen: float, duration: float | None) -> None:
                bar(round(seen), round(duration or log.seen))

            annotate(recording, log.segments, path, until=until, progress=drawn)
            lacking = "a stream's is not recorded" if live else add_sound(recording, path, until=until)
        stderr().print(
            f"video: {path}{f', without sound: {lacking}' if lacking else ', with its sound'}", soft_wrap=True
        )


@dataclass
class Log:
    """What was found so far; printed at once, and written every few seconds, so that little is lost on a kill."""

    json: bool
    files: Mapping[str, Path | None]
    """where to write them, by format: csv, srt or vtt"""
    segments: "list[Segment]" = field(default_factory=list)
    damaged: int = 0
    seen: float = 0.0
    trouble: VideoError | None = None
    begun: float = field(default_factory=monotonic)
    watched: float = 0.0
    written: float = 0.0

    def take(self, finding: "Segment | Damage") -> None:
        """Print one finding, and write the files if it is time to."""
        from lga.watch.output import clock, to_json
        from lga.watch.segments import Segment

        if isinstance(finding, Segment):
            self.segments.append(finding)
        else:
            self.damaged += 1
            where = f"{clock(finding.start)} to {clock(finding.end)}"
            stderr().print(f"skipped: {where}: {finding.reason}", soft_wrap=True)
        if self.json:
            print_json_text(to_json(finding))
        elif isinstance(finding, Segment):
            stdout().print(segment_line(finding, wide=stdout().width >= ROOMY), soft_wrap=True)
        if monotonic() - self.written > EVERY:
            self.write()

    def write(self) -> None:
        """Write the files anew, each whole or not at all."""
        from lga.watch.output import to_csv, to_srt, to_vtt

        formats = {"csv": to_csv, "srt": to_srt, "vtt": to_vtt}
        for name, path in self.files.items():
            if path is not None:
                write_atomically(path, formats[name](self.segments).encode())
        self.written = monotonic()

    def close(self, *, stopped: bool) -> None:
        """Say how much was watched, and how fast."""
        factor = self.seen / max(self.watched, 1e-9)
        if self.json:
            end = {"kind": "end", "seconds": round(self.seen, 3), "times_real_time": round(factor, 2)}
            print_json_text(json.dumps(end))
        said = f"{self.seen:.1f} s watched, {factor:.1f} x real time: {plural(len(self.segments), 'segment')}"
        written = [str(path) for path in self.files.values() if path is not None]
        damage = f", {plural(self.damaged, 'damaged passage')} skipped" if self.damaged else ""
        where = f"; written to {', '.join(written)}" if written else ""
        stderr().print(f"{said}{damage}{'; stopped' if stopped else ''}{where}", soft_wrap=True)


@contextmanager
def stopping() -> Generator[Event]:
    """Set the event on Ctrl-C or when asked to end; the second time the usual happens."""
    stop = Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def ask(number: int, _: object) -> None:
        stop.set()
        signal.signal(number, before[signal.Signals(number)])

    for number in before:
        signal.signal(number, ask)
    try:
        yield stop
    finally:
        for number, usual in before.items():
            signal.signal(number, usual)
