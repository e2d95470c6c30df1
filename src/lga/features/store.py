"""Features on disk: one SQLite database that threads and processes share, every row sealed."""

import os
import sqlite3
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

from lga.database import DamageError, Layout, connect, faults, is_damage, writing
from lga.errors import LGAError
from lga.features.entry import Entry, Key, KnownPlace, is_sealed, pack, seal_place, unpack
from lga.features.former import has_former
from lga.features.held import Held, folder_lock
from lga.files import kind_of
from lga.video.clip import READER_VERSION
from lga.video.stamp import Stamp

NAME = "features.sqlite"
"""The file in the cache folder. Another layout gets another name, so that versions of lga can share a folder."""
FEATURES = Layout(
    what="features",
    application=0x4C474146,
    version=1,
    tables=(
        "CREATE TABLE feature (kind TEXT NOT NULL, content BLOB NOT NULL, sampling TEXT NOT NULL, "
        "identity TEXT NOT NULL, reader INTEGER NOT NULL, times BLOB NOT NULL, data BLOB NOT NULL, "
        "seal BLOB NOT NULL, PRIMARY KEY (kind, content, sampling, identity, reader)) STRICT",
        "CREATE TABLE place (path BLOB PRIMARY KEY, stamp BLOB NOT NULL, reader INTEGER NOT NULL, "
        "content BLOB NOT NULL, seal BLOB NOT NULL) STRICT, WITHOUT ROWID",
    ),
    journal="wal",
    synchronous="normal",
    error=LGAError,
    advice="`lga cache check` sets it aside, and features are made anew",
)
FIND = "SELECT times, data, seal FROM feature WHERE kind=? AND content=? AND sampling=? AND identity=? AND reader=?"
FIND_PLACE = "SELECT stamp, content, seal FROM place WHERE path=? AND reader=?"
KEEP = "INSERT OR REPLACE INTO feature VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
KEEP_PLACE = "INSERT OR REPLACE INTO place VALUES (?, ?, ?, ?, ?)"
ROWS = "SELECT kind, content, sampling, identity, reader, length(times) + length(data) FROM feature"
EVERY_ROW = "SELECT rowid, kind, content, sampling, identity, reader, times, data, seal FROM feature"
EVERY_PLACE = "SELECT path, stamp, reader, content, seal FROM place"

FORMER_NOTE = "clips are encoded once more, the cache of 0.1.0 is no longer read (`lga cache clear --old` removes it)"

Outcome = TypeVar("Outcome")


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check of all rows found."""

    sound: int
    damaged: int
    """they have been removed"""


class FeatureStore:
    """Features by key and the digests of clips by place, in one file of a folder.

    What is found is what was kept, to the bit: each row is sealed with its key. A row that is damaged is counted in
    `damaged` and not there; keeping the same again mends it. A file that is damaged as a whole is set aside and a new
    one begun, which `notes` says. Where the file is out of reach or cannot be written, `troubles` says why, once, and
    the work goes on without it, or with what can be read of it. Threads and processes may share a store; no connection
    crosses a fork.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.path = folder / NAME
        self.notes: list[str] = []
        self.troubles: list[str] = []
        self._damaged: set[Key | bytes] = set()
        self._held = Held()
        self._file: tuple[int, int] | None = None
        self._readable = self._writable = True
        weakref.finalize(self, self._held.close)

    @property
    def damaged(self) -> int:
        """How many rows that were asked for turned out to be damaged."""
        return len(self._damaged)

    @property
    def size(self) -> int:
        """Bytes on the disk."""
        parts = (self.path, self.path.with_name(f"{NAME}-wal"))
        return sum(one.stat().st_size for one in parts if kind_of(one) == "file")

    @property
    def set_aside(self) -> list[Path]:
        """The damaged files that lie beside this one."""
        return sorted(self.folder.glob(f"{NAME}.damaged-*"))

    def find(self, keys: Sequence[Key]) -> dict[Key, Entry]:
        """Those of the entries that are there and sound."""

        def fetch(connection: sqlite3.Connection) -> list[object]:
            return [connection.execute(FIND, key.columns).fetchone() for key in keys]

        found: dict[Key, Entry] = {}
        for key, row in zip(keys, self._try(fetch, [None] * len(keys), writes=False), strict=True):
            if row is None:
                continue
            entry = unpack(key, row)
            if entry is None:
                self._damaged.add(key)
            else:
                found[key] = entry
        return found

    def find_digest(self, path: Path, stamp: Stamp) -> str | None:
        """The digest of the clip that lay at this place when it had this stamp; None if that is not known."""
        name = KnownPlace(path, stamp, "").name

        def fetch(connection: sqlite3.Connection) -> object:
            return connection.execute(FIND_PLACE, (name, READER_VERSION)).fetchone()

        match self._try(fetch, None, writes=False):
            case (bytes(value), bytes(content), bytes(sealed)) if sealed == seal_place(name, value, content):
                return content.hex() if value == stamp.value else None
            case None:
                return None
            case _:
                self._damaged.add(name)
                return None

    def keep(self, entries: Sequence[Entry], places: Sequence[KnownPlace] = ()) -> None:
        """Write all of it, or, where that fails, nothing."""
        rows = [pack(one) for one in entries]
        placed = [
            (one.name, one.stamp.value, READER_VERSION, content, seal_place(one.name, one.stamp.value, content))
            for one in places
            for content in (bytes.fromhex(one.digest),)
        ]

        def write(connection: sqlite3.Connection) -> None:
            with writing(connection, self.path, FEATURES):
                connection.executemany(KEEP, rows)
                connection.executemany(KEEP_PLACE, placed)

        if rows or placed:
            self._try(write, None, writes=True)

    def rows(self) -> list[tuple[Key, int]]:
        """The key of everything that is kept, and how many bytes it has; what is damaged may be among it, or not.

        Raises:
            LGAError: the file is damaged or out of reach.
        """

        def fetch(connection: sqlite3.Connection) -> list[tuple[Key, int]]:
            found = list[tuple[Key, int]]()
            for row in connection.execute(ROWS):
                match row:
                    case (
                        ("clip" | "motion" | "sentence") as kind,
                        bytes(content),
                        str(sampling),
                        str(identity),
                        int(reader),
                        int(size),
                    ):
                        found.append((Key(kind, content, identity, sampling, reader), size))
                    case _:
                        continue
            return found

        return self._do(fetch, [])

    def count_places(self) -> int:
        """How many places of clips are known.

        Raises:
            LGAError: the file is damaged or out of reach.
        """

        def count(connection: sqlite3.Connection) -> int:
            return connection.execute("SELECT count(*) FROM place").fetchone()[0]

        return self._do(count, 0)

    def check(self) -> Checked:
        """Compare every row with its seal and remove those that differ.

        A file that is damaged as a whole is set aside, as always.

        Raises:
            LGAError: the file is out of reach.
        """
        return self._do_or_set_aside(self._look_through, Checked(0, 0))

    def clear(self, *, identity: str | None = None, stale: bool = False) -> int:
        """Remove what one backbone made, what is stale, or everything, and shrink the file; how many entries went.

        What is stale was made by a reader of another version, or is a place where no clip lies any more. When all goes,
        so do the damaged files that were set aside.

        Raises:
            LGAError: the file is out of reach or cannot be written.
        """

        def remove(connection: sqlite3.Connection) -> int:
            gone = list[tuple[bytes]]()
            if stale:
                gone = [row for row in connection.execute("SELECT path FROM place") if _is_gone(row[0])]
            with writing(connection, self.path, FEATURES):
                if identity is not None:
                    count = connection.execute("DELETE FROM feature WHERE identity=?", (identity,)).rowcount
                elif stale:
                    connection.executemany("DELETE FROM place WHERE path=?", gone)
                    connection.execute("DELETE FROM place WHERE reader<>?", (READER_VERSION,))
                    wrong = "DELETE FROM feature WHERE reader NOT IN (0, ?)"
                    count = connection.execute(wrong, (READER_VERSION,)).rowcount
                else:
                    connection.execute("DELETE FROM place")
                    count = connection.execute("DELETE FROM feature").rowcount
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            return count

        count = self._do_or_set_aside(remove, 0)
        if identity is None and not stale:
            for one in self.set_aside:
                one.unlink(missing_ok=True)
        return count

    def _look_through(self, connection: sqlite3.Connection) -> Checked:
        sound, wrong, lost = 0, list[tuple[object]](), list[tuple[object]]()
        for number, *values, sealed in connection.execute(EVERY_ROW):
            if is_sealed(values, sealed):
                sound += 1
            else:
                wrong.append((number,))
        for *values, sealed in connection.execute(EVERY_PLACE):
            if not is_sealed(values, sealed):
                lost.append((values[0],))
        with writing(connection, self.path, FEATURES):
            connection.executemany("DELETE FROM feature WHERE rowid=?", wrong)
            connection.executemany("DELETE FROM place WHERE path=?", lost)
        (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        if found != "ok":
            raise DamageError(found)
        return Checked(sound, len(wrong) + len(lost))

    def _try(self, work: Callable[[sqlite3.Connection], Outcome], empty: Outcome, *, writes: bool) -> Outcome:
        """Do it; where that cannot be done, note why and give what is empty."""
        with self._held.lock:
            for _ in range(2):
                if not self._readable or (writes and not self._writable):
                    return empty
                try:
                    return self._do(work, empty, create=writes)
                except LGAError as error:
                    if is_damage(error) and os.path.isfile(self.path):
                        self._set_aside(error)
                        continue
                    self._writable, self._readable = False, self._readable and writes
                    self.troubles += [] if self.troubles else [str(error)]
            return empty

    def _do_or_set_aside(self, work: Callable[[sqlite3.Connection], Outcome], empty: Outcome) -> Outcome:
        with self._held.lock:
            try:
                return self._do(work, empty)
            except LGAError as error:
                if not is_damage(error) or not os.path.isfile(self.path):
                    raise
                self._set_aside(error)
                return empty

    def _do(self, work: Callable[[sqlite3.Connection], Outcome], empty: Outcome, *, create: bool = False) -> Outcome:
        with self._held.lock:
            if self._held.connection is None:
                if not create and kind_of(self.path) == "nothing":
                    return empty
                self._open()
            connection = self._held.connection
            if connection is None:
                return empty
            with faults(self.path, FEATURES):
                return work(connection)

    def _open(self) -> None:
        """Open the file, and make it if there is none.

        Raises:
            LGAError: it is damaged, out of reach or cannot be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with folder_lock(self.folder, alone=False):
                if self._begin() and has_former(self.folder) and not self.set_aside:
                    self.notes.append(f"{self.path}: new; {FORMER_NOTE}")
                self._file = _file_number(self.path)
                self._held.connection = self._connect()
        except OSError as error:
            raise LGAError(f"{self.path}: cannot be written ({error.strerror}); choose another place") from error
        self._held.connection.text_factory = _read_text

    def _connect(self) -> sqlite3.Connection:
        """A connection that can write, or where the folder cannot be written, one that reads what is there."""
        try:
            return connect(self.path, FEATURES, access="create")
        except LGAError as error:
            if is_damage(error) or os.access(self.folder, os.W_OK):
                raise
            connection = connect(self.path, FEATURES, access="frozen")
            self._writable = False
            self.troubles.append(f"{self.path}: in a folder that cannot be written; nothing new is kept")
            return connection

    def _begin(self) -> bool:
        """Make an empty file if there is none; whether it was this process that did."""
        try:
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        except FileExistsError:
            return False
        return True

    def _set_aside(self, error: LGAError) -> None:
        """Put the damaged file out of the way, unless another process has done that since it was opened.

        Its log goes first: a new file beside the old one's log would take it for its own.
        """
        self._held.close()
        aside = self.path.with_name(f"{NAME}.damaged-{uuid4().hex[:8]}")
        what = f"{self.path}: damaged ({error.__cause__ or 'not what lga writes'})"
        try:
            with folder_lock(self.folder, alone=True):
                if _file_number(self.path) != self._file:
                    return
                for end in ("-wal", "-shm", ""):
                    if kind_of(one := self.path.with_name(NAME + end)) == "file":
                        one.rename(aside.with_name(aside.name + end))
        except OSError as why:
            self._readable = self._writable = False
            self.troubles.append(f"{what}, and it cannot be set aside ({why.strerror}); delete it")
        else:
            self.notes.append(f"{what}; set aside as {aside.name}, features are made anew")


def _read_text(data: bytes) -> str:
    """Text even where it is damaged; its row's seal tells."""
    return data.decode(errors="replace")


def _is_gone(name: bytes) -> bool:
    try:
        return kind_of(Path(os.fsdecode(name))) == "nothing"
    except LGAError:
        return False


def _file_number(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
