"""Decode in a thread of its own, so that encoding never waits for it, and nobody waits for a stream that is silent."""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from queue import Empty, Full, Queue
from threading import Event, Thread
from time import monotonic

from lga.backbone.protocol import Backbone
from lga.errors import LGAError
from lga.watch.address import Address
from lga.watch.moments import Damage, Finish, Moment, Shown, sample_moments
from lga.watch.settings import WatchSettings
from lga.watch.source import open_source

AHEAD = 8
"""Moments that may be decoded before they are encoded."""
NAP = 0.1
"""Seconds between two looks at whether to stop."""
Record = Callable[[Shown], None]
"""Called with every picture as it is decoded, in the thread that decodes."""


@dataclass(frozen=True, slots=True)
class Start:
    """The source is open; it promises to last `duration` seconds, None where it is live or says nothing."""

    duration: float | None


Item = Start | Moment | Damage | Finish


@contextmanager
def reading(
    address: Address, backbone: Backbone, settings: WatchSettings, stop: Event, record: Record | None
) -> "Generator[Reading]":
    """Read `address` in the background until the block ends.

    A thread that waits for a silent stream is left behind; it ends when something comes or FFmpeg gives up.
    """
    found = Reading(address, backbone, settings, stop, record)
    found.thread.start()
    try:
        yield found
    finally:
        found.closed.set()
        found.thread.join(timeout=1.0)


class Reading:
    """What the thread found, in order."""

    def __init__(
        self, address: Address, backbone: Backbone, settings: WatchSettings, stop: Event, record: Record | None
    ):
        self.address, self.backbone, self.settings = address, backbone, settings
        self.stop, self.record = stop, record
        self.queue: Queue[Item | None] = Queue(AHEAD)
        self.closed = Event()
        self.trouble: LGAError | None = None
        self.thread = Thread(target=self._read, name="lga watch", daemon=True)

    def items(self) -> Iterator[Item]:
        """Yield what is found, until the end or until `stop` is set.

        Raises:
            VideoError: the source cannot be read, or a live one was silent for longer than the timeout.
        """
        since = monotonic()
        while not self.stop.is_set():
            try:
                item = self.queue.get(timeout=NAP)
            except Empty:
                if self.address.live and monotonic() - since > self.settings.timeout:
                    why = f"no picture for {self.settings.timeout:g} s; it stalled (--timeout allows it longer)"
                    raise self.address.refusal(why) from None
                continue
            if item is None:
                raise self.trouble or self.address.refusal("the reading stopped")
            yield item
            if isinstance(item, Finish):
                return
            since = monotonic()

    def _read(self) -> None:
        how, gap = self.backbone.preprocessing, self.backbone.motion_gap
        try:
            with open_source(self.address, self.settings.timeout) as source:
                self._hand_over(Start(source.duration))
                for item in sample_moments(self._recorded(source.shown()), self.settings.rate, gap, how):
                    if not self._hand_over(item):
                        return
        except LGAError as error:
            self.trouble = error
        finally:
            self._hand_over(None)

    def _recorded(self, shown: Iterator[Shown | Damage | Finish]) -> Iterator[Shown | Damage | Finish]:
        for one in shown:
            if self.closed.is_set():
                return
            if self.record is not None and isinstance(one, Shown):
                self.record(one)
            yield one

    def _hand_over(self, item: Item | None) -> bool:
        while not self.closed.is_set():
            try:
                self.queue.put(item, timeout=NAP)
            except Full:
                continue
            return True
        return False
