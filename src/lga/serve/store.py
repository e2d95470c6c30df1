"""Taught actions behind a running server: what is in the folder now, prepared once for all who ask about clips."""

from collections.abc import Collection, Generator, Sequence
from contextlib import contextmanager
from threading import Lock

from lga.actions import Actions
from lga.errors import ActionsError, LGAError
from lga.recognition import Prepared
from lga.recognizer import Recognizer
from lga.store.clips import KeptClips
from lga.store.folder import ActionsFolder, Edit


class Store:
    """The newest version, in memory and in a folder that others may change too; None while nothing is taught.

    A change is on disk before anybody sees it. Whoever holds a version goes on with it. A version is prepared when a
    clip is first asked about, so that changes need not wait for that.
    """

    def __init__(self, folder: ActionsFolder, recognizer: Recognizer):
        """Begin with what is in the folder.

        Raises:
            LGAError: it is damaged, or the actions are from another backbone.
        """
        self._folder, self._recognizer = folder, recognizer
        self._lock, self._preparing = Lock(), Lock()
        self._actions: Actions | None = None
        self._prepared: Prepared | None = None
        self.refresh()
        self.prepare()

    @property
    def actions(self) -> Actions | None:
        """The newest version that `refresh` has seen."""
        return self._actions

    @property
    def clips(self) -> KeptClips:
        """The example clips that the folder keeps."""
        return self._folder.clips

    def prepare(self) -> Prepared | None:
        """The same, ready to answer; takes a while if nobody has asked since it changed."""
        with self._preparing:
            actions, known = self._actions, self._prepared
            if actions is None:
                return None
            if known is None or known.actions is not actions:
                self._prepared = known = self._recognizer.prepare(actions)
            return known

    def refresh(self) -> None:
        """Look whether anybody has changed the folder; cheap if not.

        Raises:
            LGAError: it is damaged, or the actions are from another backbone; not to be told to clients, as it names
                the folder.
        """
        with self._lock, _of_this_machine():
            actions = self._folder.load()
            if actions is not None and actions is not self._actions:
                self._recognizer.check(actions)
            self._actions = actions

    def change(self, edit: Edit, *, keep: Collection[str] = ()) -> Actions | None:
        """Replace the actions by what `edit` makes of them, as `ActionsFolder.change` does.

        Raises:
            LGAError: `edit` refuses, which is for clients; or the folder cannot be written, as `refresh`. Then
                everything is as it was.
        """
        refusals: list[LGAError] = []

        def noted(now: Actions | None) -> Actions | None:
            try:
                return edit(now)
            except LGAError as error:
                refusals.append(error)
                raise

        with _of_this_machine(refusals):
            after = self._folder.change(noted, keep=keep)
        self.refresh()
        return after

    def close(self) -> None:
        """Let go of the folder."""
        self._folder.close()


@contextmanager
def _of_this_machine(others: Sequence[LGAError] = ()) -> Generator[None]:
    """Make plain errors, which the server writes into its log, of all but these."""
    try:
        yield
    except ActionsError as error:
        if error in others:
            raise
        raise LGAError(str(error)) from error
