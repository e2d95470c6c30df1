"""Which moments of a clip to look at."""

from random import Random


def uniform_times(duration: float, count: int) -> tuple[float, ...]:
    """The centres of `count` equal parts of a clip, in seconds: the same moments every time.

    Raises:
        ValueError: `duration` is not a positive number of seconds, or `count` is below 1.

    Source: our choice; Temporal Segment Networks (arXiv:1608.00859) looks at segment centres when it tests.
    """
    return tuple((part + 0.5) * duration / count for part in _parts(duration, count))


def jittered_times(duration: float, count: int, *, generator: Random) -> tuple[float, ...]:
    """One moment drawn uniformly from each of `count` equal parts of a clip, in seconds: for training.

    Raises:
        ValueError: `duration` is not a positive number of seconds, or `count` is below 1.

    Source: our choice; Temporal Segment Networks (arXiv:1608.00859), "sparse sampling": one per segment.
    """
    return tuple((part + generator.random()) * duration / count for part in _parts(duration, count))


def _parts(duration: float, count: int) -> range:
    if not 0 < duration < float("inf"):
        raise ValueError(f"a clip lasts a positive number of seconds, not {duration}")
    if count < 1:
        raise ValueError(f"at least one moment must be asked for, not {count}")
    return range(count)
