"""Recognition in long video: what happens when, as the video runs."""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import replace
from threading import Event

import torch
from einops import rearrange

from lga.actions import Actions
from lga.backbone.protocol import Backbone
from lga.errors import VideoError
from lga.features import ClipFeatures
from lga.recognition import Recognition, Support, answer
from lga.recognizer import Recognizer
from lga.watch.address import Address, find_address
from lga.watch.moments import Damage, Finish, Moment
from lga.watch.reading import Item, Record, Start, reading
from lga.watch.segments import Hit, Segment, Segmenter
from lga.watch.settings import WatchSettings
from lga.watch.windows import Window, WindowPlan, fit_cut

BATCH = 4
"""Moments encoded at once."""
Progress = Callable[[float, float | None], None]
"""Called with how many seconds have been watched, of how many; None where nobody knows."""


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
    """Yield what happens in a long video as soon as it is certain, and every passage that could not be watched.

    `source` is a video file, a URL on this machine, a camera (/dev/video0) or - for standard input. It is decoded once
    from beginning to end, in memory that does not grow. Setting `stop` ends it in good order: what was found so far
    is yielded first, as it is before an error in the middle.

    >>> for found in watch(Recognizer(), actions, "match.mp4"):
    ...     print(found)

    Raises:
        SettingsError: the source is a URL of another machine, or `accept` a threshold where nothing gives scores.
        ActionsError: the actions were taught with another backbone.
        VideoError: the source cannot be read, broke off with an error, or was silent for longer than the timeout.
    """
    settings = settings or WatchSettings()
    support = recognizer.prepare(actions)
    address = source if isinstance(source, Address) else find_address(source)
    watcher = _Watcher(recognizer.encoder, actions, support, settings)
    end = float("inf")
    with reading(address, recognizer.encoder, settings, stop or Event(), record) as found:
        try:
            duration = None
            for batch in batched(found.items()):
                yield from watcher.look(batch)
                if isinstance(batch[-1], Start):
                    duration = batch[-1].duration
                if isinstance(batch[-1], Finish):
                    end = batch[-1].time
                if progress is not None:
                    progress(end if isinstance(batch[-1], Finish) else watcher.seen, duration)
        except VideoError:
            yield from watcher.finish(float("inf"))
            raise
        yield from watcher.finish(end)


def batched(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Up to `BATCH` moments at once, all of them even if reading fails; what is no moment stands alone."""
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


class _Watcher:
    """What is taught, and what is still undecided."""

    def __init__(self, backbone: Backbone, actions: Actions, support: Support, settings: WatchSettings):
        self.backbone, self.actions, self.support, self.settings = backbone, actions, support, settings
        rejection = support.rejection
        rejection.judge(rejection.known_score(0.0), settings.accept)  # refuses a threshold that nothing can be held to
        cut = fit_cut(actions.frames, actions.owner) if settings.cuts else None
        self.plan = WindowPlan(actions.method.frames, settings.rate, settings.windows, settings.stride, cut=cut)
        self.segmenter = Segmenter(settings.longest, 2 / settings.rate)
        self.seen = 0.0

    def look(self, batch: Sequence[Item]) -> Iterator[Segment | Damage]:
        """Take what was found, encode moments, and give what is certain by now."""
        windows: list[Window] = []
        moments = [one for one in batch if isinstance(one, Moment)]
        yield from (one for one in batch if isinstance(one, Damage))
        if moments:
            views = rearrange(torch.stack([one.views for one in moments]), "t v h w c -> 1 t v h w c")
            for moment, token in zip(moments, self.backbone.encode_frames(views)[0], strict=True):
                if bool(token.isfinite().all()):
                    windows += self.plan.add(moment.time, token)
                else:
                    end = moment.time + 1 / self.settings.rate
                    yield Damage(moment.time, end, "its features are not finite numbers")
            self.seen = moments[-1].time
            yield from self.segmenter.add(self._hits(windows), self.seen)

    def finish(self, end: float) -> Iterator[Segment]:
        """Give the rest; nothing lasts longer than the video."""
        rest = self.segmenter.add(self._hits(tuple(self.plan.finish())), self.seen) + self.segmenter.finish()
        yield from (replace(one, end=min(one.end, end)) for one in rest)

    def _hits(self, windows: Sequence[Window]) -> list[Hit]:
        clips = [ClipFeatures(one.tokens, one.times, one.end, "") for one in windows]
        answers = answer(self.actions, self.support, clips, self.backbone.space)
        judged = [one.accepting(self.settings.accept) for one in answers]
        return [
            Hit(window.start, window.end, one.label, one.probability * _sureness(one))
            for window, one in zip(windows, judged, strict=True)
            if one.known
        ]


def _sureness(found: Recognition) -> float:
    """How surely a window shows a taught action at all; without a score nothing speaks against it."""
    return 1.0 if found.known_score is None else found.known_score
