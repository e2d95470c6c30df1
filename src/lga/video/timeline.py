"""The time line of pictures whose time stamps may leap."""

from dataclasses import dataclass

GLITCH = 0.5
"""A time stamp that goes back by less than this many seconds: the picture is left out. By more: a new recording."""
LONGEST_STILL = 10.0
"""Seconds that one picture may stay on screen."""
USUAL_STEP = 0.04
"""Seconds between pictures until two of them were seen."""


def leaps(step: float) -> bool:
    """Whether a time stamp so many seconds after the one before it belongs to another recording."""
    return not -GLITCH < step <= LONGEST_STILL


@dataclass(frozen=True, slots=True)
class Placed:
    """When a picture is shown, in seconds from the start, and where the gap before it begins, if there is one."""

    time: float
    gap: float | None = None


class Timeline:
    """Places pictures one after the other.

    Time stamps that go back, or forward by more than `LONGEST_STILL`, are those of another recording: it goes on
    one picture after the last. Only a file that promises a `duration` may be believed to show nothing for longer.
    Where something was lost, a decoder may give one picture from after the gap and then the last from before it: that
    one comes too late.
    """

    def __init__(self, origin: float | None = None, duration: float | None = None):
        self._origin, self._duration = origin, duration
        self._last: float | None = None
        self._last_but_one = 0.0
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
            believed = 0 <= time <= (LONGEST_STILL if self._duration is None else self._duration)
            time = time if believed else 0.0
            self._origin, self._last = stamp - time, time
            return Placed(time)
        step = time - last
        if -GLITCH < step <= 0 or self._last_but_one < time <= last:
            return None
        self._last_but_one = last
        if 0 < step <= LONGEST_STILL:
            self._step, self._last = min(max(step, 0.001), 1.0), time
            return Placed(time)
        if step > 0 and self._duration is not None and time <= self._duration + 1:
            self._last = time
            return Placed(time, gap=last + self._step)
        time = last + self._step
        self._origin, self._last = stamp - time, time
        return Placed(time)
