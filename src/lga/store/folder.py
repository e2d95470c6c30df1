"""A folder of taught actions: `actions.sqlite`, and `clips/` where clips are kept.

Any number of processes may change one folder at once. A change is a function from the newest actions to others; it is
written when nobody has changed anything since, else it is made again of what the others have made.
"""

import os
import sqlite3
from collections.abc import Callable, Collection, Generator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Lock

from lga.actions import Actions
from lga.database import connect, reading, writing
from lga.durable import make_folders
from lga.errors import ActionsError
from lga.files import kind_of, one_line
from lga.store.changes import PlannedChange, plan_change
from lga.store.clips import ClipMark, Comings, KeptClips, kept_name
from lga.store.format1 import digest_format1, is_format1, load_format1, remove_format1
from lga.store.rows import DATABASE, LAYOUT, read_kept, read_seal
from lga.store.tables import NOTHING, State, read_state

OWN = {DATABASE, f"{DATABASE}-journal", "clips", ".DS_Store"}
"""What may lie in a folder in which nothing is taught yet."""
ATTEMPTS = 4
"""times that a change is made before the lock is taken; then the lock is held meanwhile"""
Edit = Callable[[Actions | None], Actions | None]
"""From the newest actions to others, None for nothing taught. May be called again, with what others have written."""


class ActionsFolder:
    """Taught actions in a folder, as they are now; safe to be used from several threads.

    Links are followed: it is the folder itself that changes.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self._path, self._clips = folder / DATABASE, KeptClips(folder)
        self._lock = Lock()
        self._watch: sqlite3.Connection | None = None
        self._seen: tuple[int, int, int] | None = None
        self._state = self._made = NOTHING

    @property
    def clips(self) -> KeptClips:
        """The clips that it keeps."""
        return self._clips

    def load(self) -> Actions | None:
        """The actions of this moment, or None if nothing is taught there yet. Cheap if nothing has changed since.

        Raises:
            ActionsError: the folder is damaged, changed by hand or something else.
        """
        return self._newest().actions

    def load_taught(self) -> Actions:
        """The same of a folder in which something has to be taught.

        Raises:
            ActionsError: also where nothing is, or no folder; the message says which.
        """
        if kind_of(self.folder) == "nothing":
            raise ActionsError(
                f"{self.folder}: no such folder; give the folder that `lga teach EXAMPLES/ --out FOLDER` wrote"
            )
        actions = self.load()
        if actions is None:
            raise ActionsError(f"{self.folder}: nothing is taught there yet; `lga teach EXAMPLES/ --out FOLDER` does")
        return actions

    def change(self, edit: Edit, *, keep: Collection[str] = ()) -> Actions | None:
        """Replace the actions by what `edit` makes of them; when this returns, it is on the disk.

        New examples whose path is in `keep` get a copy of their clip in the folder. Clips that no example needs any
        more are removed from the folder.

        Raises:
            LGAError: `edit` refuses, or the folder cannot be written; then everything is as it was.
        """
        with Comings(self._clips, self._settle) as comings:
            for _ in range(ATTEMPTS):
                before = self._newest()
                change = self._plan(before, edit(before.actions), keep, comings)
                if change is None:
                    return before.actions
                with self._writing() as connection:
                    if done := self._is_newest(connection, before):
                        comings.place()
                        change.write(connection)
                if done:
                    return self._finish(change)
            with self._writing() as connection:
                before = self._read_within(connection)
                change = self._plan(before, edit(before.actions), keep, comings)
                if change is None:
                    return before.actions
                comings.place()
                change.write(connection)
            return self._finish(change)

    def close(self) -> None:
        """Let go of the database."""
        with self._lock:
            if self._watch is not None:
                self._watch.close()
            self._watch, self._seen = None, None

    def _plan(
        self, before: State, after: Actions | None, keep: Collection[str], comings: Comings
    ) -> PlannedChange | None:
        """What a change has to do, with copies of the clips to be kept; None if there is nothing to do."""
        if after is before.actions:
            return None
        if after is not None and keep:
            after = self._keeping(before.actions, after, keep, comings)
        change = plan_change(before if before.seal else NOTHING, after, self._clips, converted=before.converted)
        for name in before.kept - change.after.kept:
            comings.announce(name)
        return change

    def _keeping(self, before: Actions | None, after: Actions, keep: Collection[str], comings: Comings) -> Actions:
        examples, known = list(after.examples), () if before is None else before.examples
        for number, one in enumerate(examples):
            if one.path not in keep or one in known:
                continue
            source = Path(one.path)
            if (name := kept_name(source, one.digest)) is not None:
                self._make_folder()
                comings.copy(source, name)
                examples[number] = one.model_copy(update={"path": self._clips.path(name), "name": one.called})
        return replace(after, examples=tuple(examples))

    def _newest(self) -> State:
        with self._lock:
            if self._seen is None or self._look() != self._seen:
                self._read()
            return self._state

    def _look(self) -> tuple[int, int, int] | None:
        """What differs when anything has changed: the file, and SQLite's count of others' changes."""
        file = self._file()
        if self._watch is None or self._seen is None or file is None or file != self._seen[:2]:
            return None
        with reading(self._watch, self._path, LAYOUT):
            return *file, _changes(self._watch)

    def _read(self) -> None:
        """Read everything; what is in no database may be in files of version 0.1.0, until somebody converts them."""
        for last in (False, False, True):
            self._reopen()
            if self._watch is not None and (file := self._file()):
                with reading(self._watch, self._path, LAYOUT):
                    self._state = self._known(read_seal(self._watch)) or read_state(self._watch, self._clips)
                    self._seen = *file, _changes(self._watch)
                if self._state.seal:
                    return
            self._seen = None
            try:
                self._state = self._read_format1()
            except ActionsError:
                if last or not self._is_written():
                    raise
            else:
                return

    def _known(self, seal: bytes) -> State | None:
        """The state of this seal, if it was read or made here."""
        return next((one for one in (self._state, self._made) if one.seal and one.seal == seal), None)

    def _reopen(self) -> None:
        if self._watch is not None:
            self._watch.close()
        self._watch, self._seen = None, None
        if not self._is_written():
            return
        try:
            self._watch = connect(self._path, LAYOUT, access="read")
        except ActionsError:
            if self._is_written():
                raise

    def _file(self) -> tuple[int, int] | None:
        """Which file the database is."""
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _is_written(self) -> bool:
        """Whether anything was ever committed to the database; a first change that was cut off leaves it empty."""
        try:
            return self._path.stat().st_size > 0
        except OSError:
            return kind_of(self._path) != "nothing"

    def _read_format1(self) -> State:
        if is_format1(self.folder):
            actions, digest = load_format1(self.folder)
            return replace(NOTHING, actions=actions, converted=digest)
        self._refuse_strange()
        return NOTHING

    def _refuse_strange(self) -> None:
        kind = kind_of(self.folder)
        if kind == "nothing":
            return
        try:
            strange = kind != "folder" or not set(os.listdir(self.folder)) <= OWN
        except OSError as error:
            raise ActionsError(f"{self.folder}: cannot be read ({error.strerror}); check its permissions") from error
        if strange:
            raise ActionsError(
                f"{self.folder}: not a folder of taught actions; give one that lga wrote, or a place for a new one"
            )

    def _make_folder(self) -> None:
        if kind_of(self.folder) == "folder":
            return
        with one_line(self.folder):
            make_folders(self.folder)

    @contextmanager
    def _writing(self) -> Generator[sqlite3.Connection]:
        self._make_folder()
        connection = connect(self._path, LAYOUT, access="write" if self._is_written() else "create")
        try:
            with writing(connection, self._path, LAYOUT):
                yield connection
        finally:
            connection.close()

    def _is_newest(self, connection: sqlite3.Connection, before: State) -> bool:
        """Whether nobody has changed anything since; to be called within a transaction."""
        now = read_seal(connection)
        return now == before.seal and (bool(now) or digest_format1(self.folder) == before.converted)

    def _read_within(self, connection: sqlite3.Connection) -> State:
        state = read_state(connection, self._clips)
        return state if state.seal else self._read_format1()

    def _finish(self, change: PlannedChange) -> Actions | None:
        """After the commit: remove the files of version 0.1.0 that were converted, and remember the new state."""
        state = change.after
        if state.converted and digest_format1(self.folder) == state.converted:
            remove_format1(self.folder)
        with self._lock:
            self._made = state
        return state.actions

    def _settle(self, marks: list[ClipMark]) -> None:
        """Remove the clips that came or went and that no example needs."""
        with self._writing() as connection:
            needed = read_kept(connection)
            for one in marks:
                one.remove_unneeded(needed)


def load_actions(folder: Path) -> Actions:
    """Read a folder of taught actions, strictly: nothing missing, nothing damaged, nothing changed by hand.

    Raises:
        ActionsError: the folder is missing, damaged, edited or from another version, or nothing is taught there; the
            message says which.
    """
    with closing(ActionsFolder(folder)) as store:
        return store.load_taught()


def save_actions(actions: Actions, folder: Path, *, keep: Collection[str] = ()) -> Actions:
    """Write a folder that holds everything, in place of what was taught there before; what else lies in it stays.

    `keep` as in `ActionsFolder.change`. Returns the actions as they are in the folder.

    Raises:
        LGAError: the folder is something else, or cannot be written.
    """
    with closing(ActionsFolder(folder)) as store:
        saved = store.change(lambda _: actions, keep=keep)
    return actions if saved is None else saved


def _changes(connection: sqlite3.Connection) -> int:
    """How often others have changed the database, as SQLite counts."""
    connection.execute("SELECT seal FROM state").fetchall()
    return connection.execute("PRAGMA data_version").fetchone()[0]
