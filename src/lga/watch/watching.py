"""Recognise which actions happen in a long video, and when."""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf
from queue import Empty, Full, Queue
from threading import Event, Thread
from time import monotonic

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor

from lga.actions import Actions
from lga.backbone.protocol import Backbone
from lga.confidence import confidence
from lga.core.openset import max_logit
from lga.errors import LGAError, SettingsError, VideoError
from lga.features.cache import ClipFeatures
from lga.motion.encoder import MotionEncoder, MovingMoment
from lga.recognition import Prepared
from lga.recognizer import Recognizer
from lga.watch.address import Address, find_address
from lga.watch.moments import Damage, Finish, Moment, Shown, sample_moments
from lga.watch.segments import Hit, Segment, Segmenter
from lga.watch.settings import WatchSettings
from lga.watch.source import open_source
from lga.watch.windows import Window, WindowPlan, fit_cut

AHEAD = 8
"""Moments that may be decoded before they are encoded."""
NAP = 0.1
"""Seconds between two checks whether to stop."""
Record = Callable[[Shown], None]
"""Called with every picture as it is decoded, in the thread that decodes."""


@dataclass(frozen=True, slots=True)
class Start:
    """The source is open; its header promises `duration` seconds, None where it is live or does not say."""

    duration: float | None


@dataclass(frozen=True, slots=True)
class Encoded:
    """A sampled moment, in seconds from the start, its token, and what moved then."""

    time: float
    token: Float[Tensor, " dim"]
    moving: MovingMoment | None = None


Item = Start | Moment | Damage | Finish


class Reading:
    """A thread that reads and samples a source while a `with` block lasts, and the queue of what it finds, in order."""

    def __init__(
        self,
        address: Address,
        backbone: Backbone,
        settings: WatchSettings,
        stop: Event,
        record: Record | None,
        motion: MotionEncoder | None = None,
    ):
        self.address, self.backbone, self.settings = address, backbone, settings
        self.stop, self.record, self.motion = stop, record, motion
        self.queue: Queue[Item | None] = Queue(AHEAD)
        self.closed = Event()
        self.trouble: LGAError | None = None
        self.thread = Thread(target=self._read, name="lga watch", daemon=True)

    def __enter__(self) -> "Reading":
        """Begin to read, in the background."""
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop reading; a thread that waits for a silent stream is left behind until something comes."""
        self.closed.set()
        self.thread.join(timeout=1.0)

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
                for item in sample_moments(self._recorded(source.shown()), self.settings.rate, gap, how, self.motion):
                    if not self._hand_over(item):
                        return
        except LGAError as error:
            self.trouble = error
        finally:
            self._hand_over(None)

    def _recorded(self, shown: Iterator[Shown | Damage | Finish]) -> Iterator[Shown | Damage | Finish]:
        for item in shown:
            if self.closed.is_set():
                return
            if self.record is not None and isinstance(item, Shown):
                self.record(item)
            yield item

    def _hand_over(self, item: Item | None) -> bool:
        while not self.closed.is_set():
            try:
                self.queue.put(item, timeout=NAP)
            except Full:
                continue
            return True
        return False


BATCH = 4
"""Moments encoded at once."""
Progress = Callable[[float, float | None], None]
"""Called with how many seconds have been watched, of how many; None where that is unknown."""


def watch(
    recognizer: Recognizer,
    actions: Actions,
    source: str | Address,
    settings: WatchSettings | None = None,
    *,
    stop: Event | None = None,
    progress: Progress | None = None,
    record: Record | None = None,
) -> Generator[Segment | Damage]:
    """Yield each action in a long video as soon as it is certain, and every passage that could not be read.

    `source` is a video file, a URL on this machine, a camera (/dev/video0) or - for standard input. It is decoded once
    from beginning to end, in memory that does not grow. Setting `stop` ends it in good order: what was found so far
    is yielded first, as it is before an error in the middle.

    >>> for segment in watch(Recognizer(), actions, "match.mp4"):
    ...     print(segment)

    Raises:
        SettingsError: the source is a URL of another machine, `accept` a threshold where nothing gives scores, or the
            backbone encodes a clip's frames together.
        ActionsError: the actions were taught with another backbone.
        VideoError: the source cannot be read, broke off with an error, or was silent for longer than the timeout.
    """
    settings = settings or WatchSettings()
    if recognizer.encoder.preprocessing.tubelet:
        raise SettingsError(
            "these actions' backbone encodes a clip's frames together, but a long video is encoded moment by "
            "moment; teach with a model that sees frames one by one"
        )
    prepared = recognizer.prepare(actions)
    address = source if isinstance(source, Address) else find_address(source)
    watcher = Watcher(prepared, settings)
    motion = recognizer.motion_encoder(actions)
    with Reading(address, recognizer.encoder, settings, stop or Event(), record, motion) as reader:
        try:
            duration = None
            for batch in batched(reader.items()):
                yield from watcher.take(encode(recognizer.encoder, batch))
                if isinstance(batch[-1], Start):
                    duration = batch[-1].duration
                if progress is not None:
                    progress(watcher.end if isinstance(batch[-1], Finish) else watcher.seen, duration)
        except VideoError:
            yield from watcher.finish()
            raise
        yield from watcher.finish()


def batched(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Lists of up to `BATCH` moments, and every other item in a list of its own; none is lost on an error."""
    held: list[Item] = []
    try:
        for item in items:
            if isinstance(item, Moment):
                held.append(item)
            if held and (len(held) == BATCH or not isinstance(item, Moment)):
                yield held
                held = []
            if not isinstance(item, Moment):
                yield [item]
    except VideoError:
        if held:
            yield held
        raise
    if held:
        yield held


def encode(backbone: Backbone, batch: Sequence[Item]) -> list[Item | Encoded]:
    """The same items in their order, the moments among them encoded, all at once."""
    moments = [item for item in batch if isinstance(item, Moment)]
    if not moments:
        return [*batch]
    views = rearrange(torch.stack([moment.views for moment in moments]), "t v h w c -> 1 t v h w c")
    tokens = iter(backbone.encode_frames(views)[0])
    return [Encoded(item.time, next(tokens), item.moving) if isinstance(item, Moment) else item for item in batch]


class Watcher:
    """Turns what was read and encoded into segments: asks about windows, and holds what is undecided."""

    def __init__(self, prepared: Prepared, settings: WatchSettings):
        self.prepared, self.settings = prepared, settings
        actions, rejection = prepared.actions, prepared.rejection
        rejection.judge(rejection.known_score(0.0), settings.accept)  # refuses a threshold where there are no scores
        cut = fit_cut(actions.frames, actions.support_label) if not settings.ignore_cuts else None
        self.plan = WindowPlan(
            actions.method.frames, settings.rate, settings.windows, settings.stride, cut=cut, part=settings.part
        )
        self.parts: list[tuple[Window, Float[Tensor, " way"]]] = []
        self.segmenter = Segmenter(settings.longest, 2 / settings.rate)
        self.seen, self.end = 0.0, inf

    def take(self, batch: Iterable[Item | Encoded]) -> Iterator[Segment | Damage]:
        """Take items as `encode` gives them, and yield what is certain by now."""
        windows: list[Window] = []
        for item in batch:
            if isinstance(item, Damage):
                yield item
            elif isinstance(item, Finish):
                self.end = item.time
            elif isinstance(item, Encoded):
                self.seen = item.time
                if bool(item.token.isfinite().all()):
                    windows += self.plan.add(item.time, item.token, item.moving)
                else:
                    yield Damage(item.time, item.time + 1 / self.settings.rate, "its features are not finite numbers")
        yield from self.segmenter.add(self._hits(windows), self.seen)

    def finish(self) -> Iterator[Segment]:
        """Yield the rest; no segment ends after the video."""
        rest = self.segmenter.add(self._hits(tuple(self.plan.finish())), self.seen) + self.segmenter.finish()
        yield from (replace(segment, end=min(segment.end, self.end)) for segment in rest)

    def _hits(self, windows: Sequence[Window]) -> list[Hit]:
        """The windows that count as known, each by the mean of its scores and those of its parts (our choice)."""
        if not windows:
            return []
        clips = [ClipFeatures(one.tokens, one.times, one.end, "", one.motion) for one in windows]
        hits: list[Hit] = []
        for window, score in zip(windows, self.prepared.score(clips), strict=True):
            if window.part:
                self.parts.append((window, score))
            elif not window.frozen:
                parts = [other for part, other in self.parts if window.holds(part)]
                hits += self._judged(window, torch.stack([score, *parts]).mean(0))
        oldest = windows[-1].end - self.settings.longest
        self.parts = [(part, score) for part, score in self.parts if part.end > oldest]
        return hits

    def _judged(self, window: Window, score: Float[Tensor, " way"]) -> list[Hit]:
        rejection = self.prepared.rejection
        sure = rejection.known_score(float(max_logit(score)))
        known, _ = rejection.judge(sure, self.settings.accept)
        if not known:
            return []
        probability, label = score.softmax(-1).max(-1)
        value = confidence(float(probability), sure)
        return [Hit(window.start, window.end, self.prepared.actions.labels[int(label)], value)]
