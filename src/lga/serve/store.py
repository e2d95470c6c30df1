"""Taught actions behind a running server: what is in the folder now, prepared once for all who ask."""

from collections.abc import Collection
from threading import Lock

from lga.actions import Actions
from lga.recognition import Prepared
from lga.recognizer import Recognizer
from lga.store.folder import ActionsFolder, Edit


class Store:
    """The newest version, in memory and in a folder that others may change too; None while nothing is taught.

    A change is on disk before anybody sees it. Whoever holds a version goes on with it.
    """

    def __init__(self, folder: ActionsFolder, recognizer: Recognizer):
        """Begin with what is in the folder.

        Raises:
            ActionsError: it is damaged, or the actions are from another backbone.
        """
        self._folder, self._recognizer = folder, recognizer
        self._lock = Lock()
        self._now: Prepared | None = None
        self.refresh()

    @property
    def now(self) -> Prepared | None:
        """The newest version that `refresh` has seen."""
        return self._now

    def refresh(self) -> None:
        """Look whether anybody has changed the folder; cheap if not.

        Raises:
            ActionsError: it is damaged, or the actions are from another backbone.
        """
        with self._lock:
            actions = self._folder.load()
            if actions is not (None if self._now is None else self._now.actions):
                self._now = None if actions is None else self._recognizer.prepare(actions)

    def change(self, edit: Edit, *, keep: Collection[str] = ()) -> Actions | None:
        """Replace the actions by what `edit` makes of them, as `ActionsFolder.change` does.

        Raises:
            LGAError: `edit` refuses, or the folder cannot be written; then everything is as it was.
        """
        after = self._folder.change(edit, keep=keep)
        self.refresh()
        return after
