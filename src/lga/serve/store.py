"""Taught actions behind a running server: read once, changed one at a time, written before they are shown."""

import re
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from uuid import uuid4

from lga.actions import Actions, Example, load_actions, save_actions
from lga.errors import LGAError
from lga.recognition import Prepared
from lga.recognizer import Recognizer


@dataclass(frozen=True, slots=True)
class ExampleStore:
    """A folder beside the taught actions: `<digest>/<name>` for every clip that was uploaded as an example."""

    folder: Path
    keeps: bool = True
    """False: clips are not kept, and `place` only names where they would be"""

    def place(self, digest: str, name: str) -> Path:
        """Where a clip is, or would be."""
        return self.folder.absolute() / digest / name

    def put(self, source: Path, place: Path) -> None:
        """Move a clip to its place, whole or not at all.

        Raises:
            LGAError: the disk is full, or the place cannot be written.
        """
        if not self.keeps:
            return
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            part = place.parent / f".{uuid4().hex}.part"
            shutil.move(source, part)
            part.replace(place)
        except OSError as error:
            raise LGAError(f"{place}: cannot be written ({error.strerror}); free some space") from error

    def sweep(self, examples: Iterable[Example]) -> None:
        """Remove every clip that none of these examples needs, and parts that a crash left."""
        needed = {example.path for example in examples}
        if not self.folder.is_dir():
            return
        for place in self.folder.iterdir():
            if re.fullmatch(r"[0-9a-f]{64}", place.name) and place.is_dir() and not place.is_symlink():
                for clip in place.iterdir():
                    if str(clip.absolute()) not in needed:
                        clip.unlink(missing_ok=True)
                if not any(place.iterdir()):
                    place.rmdir()
        if not any(self.folder.iterdir()):
            self.folder.rmdir()


Edit = Callable[[Actions | None], Actions | None]
"""From the old actions to the new; None while nothing is taught."""


class Store:
    """The newest version, in memory and in a folder; None and no folder while nothing is taught.

    A change is on disk before anybody sees it. Whoever holds a version goes on with it. One process may write to a
    folder at a time.
    """

    def __init__(self, folder: Path, actions: Actions | None, recognizer: Recognizer, example_store: ExampleStore):
        """Begin with what `read_store` found in the folder.

        Raises:
            ActionsError: the actions are from another backbone.
        """
        self._folder, self._recognizer, self._example_store = folder, recognizer, example_store
        self._spare = folder.with_name(f".{folder.name}.spare")
        self._lock = Lock()
        self._now = self._prepare(actions)
        self._example_store.sweep(() if self._now is None else self._now.actions.examples)

    @property
    def now(self) -> Prepared | None:
        """The newest version."""
        return self._now

    def change(self, edit: Edit) -> Actions | None:
        """Replace the actions by what `edit` makes of them, one change at a time.

        Raises:
            LGAError: `edit` refuses, or the folder cannot be written; then everything is as it was.
        """
        with self._lock:
            before = None if self._now is None else self._now.actions
            try:
                after = edit(before)
                fresh = self._prepare(after)
                self._write(after)
                self._now = fresh
            finally:
                self._example_store.sweep(() if self._now is None else self._now.actions.examples)
            return after

    def _prepare(self, actions: Actions | None) -> Prepared | None:
        return None if actions is None else self._recognizer.prepare(actions)

    def _write(self, actions: Actions | None) -> None:
        """Write a spare copy first: while the folder is replaced, there is none for a moment."""
        if actions is not None:
            save_actions(actions, self._spare)
            save_actions(actions, self._folder)
        elif self._folder.exists():
            old = self._folder.with_name(f".{uuid4().hex}.old")
            self._folder.rename(old)
            shutil.rmtree(old, ignore_errors=True)
        shutil.rmtree(self._spare, ignore_errors=True)


def read_store(folder: Path) -> Actions | None:
    """The actions of a folder, or None if there are none yet; a change that a crash interrupted is finished.

    Raises:
        ActionsError: the folder is damaged or something else.
    """
    spare = folder.with_name(f".{folder.name}.spare")
    if spare.exists() and not folder.exists():
        spare.rename(folder)
    shutil.rmtree(spare, ignore_errors=True)
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return None
    return load_actions(folder)
