"""Our SQLite databases: opened in one way, tables checked exactly, rows sealed, faults told in one line."""

import errno
import sqlite3
import sys
import tempfile
from collections.abc import Generator, Iterable
from contextlib import closing, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal

from lga.errors import LGAError
from lga.files import kind_of

PATIENCE = 60.0
"""seconds to wait for another process's change"""
FIRST_PATIENCE = 1.0
"""seconds after which it is asked whether there is anything to wait for"""
LARGEST_VALUE = 2**30
"""bytes of the longest text or blob that is read or written"""
SYNCHRONOUS = {"full": "EXTRA", "normal": "NORMAL"}
"""what SQLite calls it; its own FULL does not sync the folder, so that a commit may be undone by a loss of power"""

Value = int | str | bytes | None
"""What a column holds; numbers with a point are packed into blobs, so that they come back to the bit."""


@dataclass(frozen=True, slots=True)
class Layout:
    """A kind of database: what it is for, its tables, and how it is kept."""

    what: str
    """what it holds, as an error says it: "taught actions" """
    application: int
    """SQLite's `application_id`: 32 bits that no other kind of ours has"""
    version: int
    tables: tuple[str, ...]
    """one CREATE statement each"""
    journal: Literal["delete", "wal"]
    """"delete" leaves one file at rest, which may be copied; with "wal" readers never wait for a writer"""
    synchronous: Literal["full", "normal"]
    """"full": what is committed outlives a loss of power; "normal": the newest may not, the rest stays whole"""
    error: type[LGAError]
    advice: str
    """what to do when it is damaged"""


MODES = {"frozen": "mode=ro&immutable=1", "read": "mode=rw", "write": "mode=rw", "create": "mode=rwc"}
"""How SQLite opens a file; to read too it may write, as what a killed writer left has to be undone first."""


class DamageError(LGAError):
    """What a database holds is not what was written into it."""


Access = Literal["frozen", "read", "write", "create"]


def connect(path: Path, layout: Layout, *, access: Access) -> sqlite3.Connection:
    """Open a database of this layout; "create" makes it where there is none.

    "frozen" is for folders that cannot be written: it takes the database for one that nobody changes, and needs no lock
    and no file beside it.

    The connection begins no transaction by itself (`reading`, `writing`), may be handed from thread to thread, and runs
    no function that a crafted file names in its tables.

    Raises:
        LGAError: `layout.error`; nothing can be opened there, or it is not a database of this layout.
    """
    if kind_of(path) != "file" and (access != "create" or kind_of(path) != "nothing"):
        raise layout.error(f"{path}: not a file; give a place that lga wrote")
    with faults(path, layout):
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?{MODES[access]}",
            uri=True,
            timeout=FIRST_PATIENCE,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LARGEST_VALUE)
            _be_patient(connection, path, layout)
            for pragma in ("trusted_schema=OFF", "cell_size_check=ON", "mmap_size=0", "fullfsync=ON"):
                connection.execute(f"PRAGMA {pragma}")
            connection.execute(f"PRAGMA synchronous={SYNCHRONOUS[layout.synchronous]}")
            if access == "create":
                _create(connection, layout)
            _check(connection, path, layout)
            connection.execute(f"PRAGMA query_only={'ON' if access in ('frozen', 'read') else 'OFF'}")
        except BaseException:
            connection.close()
            raise
    return connection


@contextmanager
def reading(connection: sqlite3.Connection, path: Path, layout: Layout) -> Generator[None]:
    """All that is read inside is of one moment.

    Raises:
        LGAError: `layout.error`; it is damaged or cannot be read.
    """
    with faults(path, layout):
        connection.execute("BEGIN")
        try:
            yield
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")


@contextmanager
def writing(connection: sqlite3.Connection, path: Path, layout: Layout) -> Generator[None]:
    """All that is written inside is there when the block ends, or nothing of it; nobody else writes meanwhile.

    Raises:
        LGAError: `layout.error`; it cannot be written, or another process did not let go for `PATIENCE` seconds.
    """
    with faults(path, layout):
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")


def seal(*values: Value) -> bytes:
    """The sha256 of a row's values, each with its kind and length, so that no two rows share one."""
    whole = sha256()
    for value in values:
        kind = type(value).__name__
        data = value if isinstance(value, bytes) else str(value).encode()
        whole.update(f"{kind} {len(data)} ".encode())
        whole.update(data)
    return whole.digest()


def sum_seals(seals: Iterable[bytes]) -> bytes:
    """One seal for a set of rows, whatever their order: their sum modulo 2^256.

    It tells damage, not malice.
    """
    total = sum(int.from_bytes(one) for one in seals)
    return (total % 2**256).to_bytes(32)


@contextmanager
def faults(path: Path, layout: Layout) -> Generator[None]:
    """Turn what SQLite says into an error that names the place and what to do.

    Raises:
        LGAError: `layout.error`, for every fault of SQLite and for `DamageError`.
    """
    try:
        yield
    except DamageError as error:
        raise layout.error(f"{path}: damaged ({error}); {layout.advice}") from error
    except UnicodeDecodeError as error:  # SQLite quotes a damaged name in what it says, and Python cannot read that
        raise layout.error(f"{path}: damaged (a name in it is no text); {layout.advice}") from error
    except sqlite3.Error as error:
        raise layout.error(f"{path}: {_in_words(error, layout)}") from error


LOCKLESS = frozenset(
    {
        sqlite3.SQLITE_IOERR_LOCK,
        sqlite3.SQLITE_IOERR_RDLOCK,
        sqlite3.SQLITE_IOERR_UNLOCK,
        sqlite3.SQLITE_IOERR_CHECKRESERVEDLOCK,
        sqlite3.SQLITE_IOERR_SHMLOCK,
        sqlite3.SQLITE_IOERR_SHMMAP,
        sqlite3.SQLITE_NOLFS,
        sqlite3.SQLITE_PROTOCOL,
    }
)
"""What SQLite says on a file system without locks or shared memory."""
NO_LOCKS = "its file system knows no locks"


PASSING = frozenset(
    {
        *(sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_NOLFS),
        *(sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_INTERRUPT),
        *(sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH, sqlite3.SQLITE_CANTOPEN),
    }
)
"""What SQLite says of the system rather than of the database."""


def is_damage(error: LGAError) -> bool:
    """Whether an error of this file says that the database itself is no good, rather than out of reach for now."""
    cause = error.__cause__
    if isinstance(cause, sqlite3.Error):
        return _code(cause) & 0xFF not in PASSING
    return not isinstance(cause, OSError)


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)


def _in_words(error: sqlite3.Error, layout: Layout) -> str:
    code = _code(error)
    if code in LOCKLESS:
        return f"{NO_LOCKS} ({error}); keep {layout.what} on a local disk"
    match code & 0xFF:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return f"another process has been writing for {PATIENCE:.0f} seconds; try again when it is done"
        case sqlite3.SQLITE_FULL:
            return "cannot be written (the disk is full); free some space"
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM | sqlite3.SQLITE_CANTOPEN:
            return f"cannot be opened ({error}); check that it is there and that you may read and write it"
        case sqlite3.SQLITE_IOERR:
            return f"cannot be read or written ({error}); free some space or choose another place"
        case sqlite3.SQLITE_NOTADB:
            return f"not {layout.what}; give a place that lga wrote"
        case _:
            return f"damaged ({error}); {layout.advice}"


def _be_patient(connection: sqlite3.Connection, path: Path, layout: Layout) -> None:
    """Wait `PATIENCE` seconds from now on, unless it is for want of locks that the database seems to be in use.

    SQLite takes a system that has no locks to give for another process that holds one.
    """
    try:
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except sqlite3.OperationalError as error:
        if _code(error) & 0xFF == sqlite3.SQLITE_BUSY and not _has_locks(path.parent):
            raise layout.error(
                f"{path}: {NO_LOCKS} (no locks available); keep {layout.what} on a local disk"
            ) from error
    connection.execute(f"PRAGMA busy_timeout={int(1000 * PATIENCE)}")


def _has_locks(folder: Path) -> bool:
    """Whether a file in a folder can be locked; yes where that cannot be tried.

    The file is a new one: letting go of a database in any way lets go of all locks that this process has on it.
    """
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP)
    return True


def _create(connection: sqlite3.Connection, layout: Layout) -> None:
    """Make the tables if there are none; of two processes that try, one does. Another's file stays as it is."""
    if _number(connection, "application_id") != layout.application and _tables(connection):
        return
    if layout.journal == "wal":
        connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("BEGIN IMMEDIATE")
    try:
        if not _tables(connection) and _number(connection, "application_id") == 0:
            for statement in layout.tables:
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id={layout.application}")
            connection.execute(f"PRAGMA user_version={layout.version}")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _check(connection: sqlite3.Connection, path: Path, layout: Layout) -> None:
    application, version = _number(connection, "application_id"), _number(connection, "user_version")
    found = _tables(connection)
    if not found and application == 0:
        raise layout.error(f"{path}: empty; no {layout.what} were ever written into it")
    if application != layout.application:
        raise layout.error(f"{path}: not {layout.what}; give a place that lga wrote")
    if version > layout.version:
        raise layout.error(f"{path}: {layout.what} of a newer lga (format {version}); install a newer version")
    with closing(sqlite3.connect(":memory:")) as model:
        for statement in layout.tables:
            model.execute(statement)
        if version != layout.version or found != _tables(model):
            raise layout.error(f"{path}: damaged (other tables than lga makes); {layout.advice}")


def _tables(connection: sqlite3.Connection) -> list[tuple[str, str, str | None]]:
    return connection.execute("SELECT type, name, sql FROM sqlite_schema ORDER BY type, name").fetchall()


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    (number,) = connection.execute(f"PRAGMA {pragma}").fetchone()
    return number
