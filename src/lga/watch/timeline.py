"""One time line for pictures whose own time stamps may jump, repeat or run backwards."""

from dataclasses import dataclass

GLITCH = 0.5
"""Seconds by which a picture may come too early and just be left out; further back begins another recording."""
LONGEST_STILL = 10.0
"""Seconds that one picture may stay on screen."""
USUAL_STEP = 0.04
"""Seconds between pictures where nothing is known of it yet."""


@dataclass(frozen=True, slots=True)
class Placed:
    """When a picture is shown, in seconds from the start; `gap` begins where nothing was shown for long."""

    time: float
    gap: float | None = None


class Timeline:
    """Places pictures one after the other.

    Time stamps that go back, or forward by more than `LONGEST_STILL`, are those of another recording: it goes on
    one picture after the last. Only a file that promises a `duration` may be believed to show nothing for longer.
    """

    def __init__(self, origin: float | None = None, duration: float | None = None):
        self._origin, self._duration = origin, duration
        self._last: float | None = None
        self._step = USUAL_STEP

    @property
    def end(self) -> float:
        """When the last picture goes, in seconds; 0 before the first."""
        return 0.0 if self._last is None else self._last + self._step

    def place(self, stamp: float) -> Placed | None:
        """When the picture with this time stamp (seconds) is shown; None if it comes too late to be shown."""
        if self._origin is None:
            self._origin = stamp
        time = stamp - self._origin
        last = self._last
        if last is None:
            believed = self._duration is not None and 0 <= time <= self._duration
            time = time if believed else 0.0
            self._origin, self._last = stamp - time, time
            return Placed(time)
        step = time - last
        if -GLITCH < step <= 0:
            return None
        if 0 < step <= LONGEST_STILL:
            self._step, self._last = min(max(step, 0.001), 1.0), time
            return Placed(time)
        if step > 0 and self._duration is not None and time <= self._duration + 1:
            self._last = time
            return Placed(time, gap=last + self._step)
        time = last + self._step
        self._origin, self._last = stamp - time, time
        return Placed(time)
