"""A connection that is kept open between uses: threads take turns, and it never crosses a fork."""

import os
import sqlite3
import sys
import threading
import weakref
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(slots=True, weakref_slot=True, eq=False)
class Held:
    """A connection, or the place for one."""

    connection: sqlite3.Connection | None = None
    lock: threading.RLock = field(default_factory=threading.RLock)
    """to be held by whoever opens, uses or closes it"""

    def __post_init__(self):
        EVERY.add(self)

    def close(self) -> None:
        """Close it, if there is one."""
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.close()


@contextmanager
def folder_lock(folder: Path, *, alone: bool) -> Generator[None]:
    """While a `with` block lasts, no other process is in one that wants to be alone, or none at all with `alone`.

    Where the system has no such locks nothing is locked.

    Raises:
        OSError: the folder is not there or may not be read.
    """
    if sys.platform == "win32":
        yield
        return
    import fcntl

    number = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with suppress(OSError):
            fcntl.flock(number, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield
    finally:
        os.close(number)


EVERY: weakref.WeakSet[Held] = weakref.WeakSet()
"""All of this process."""
_waiting: list[Held] = []
"""Those whose locks are held by the thread that forks."""


def _before_fork() -> None:
    """Close every connection: SQLite's locks belong to a process, so a child that inherits one damages the file."""
    _waiting[:] = EVERY
    for one in _waiting:
        one.lock.acquire()
        one.close()


def _after_fork() -> None:
    while _waiting:
        _waiting.pop().lock.release()


if sys.platform != "win32":
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)
