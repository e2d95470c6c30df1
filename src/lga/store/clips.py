"""Example clips that a folder of taught actions keeps: `clips/DIGEST.SUFFIX`, each as long as an example needs it.

A file without an example may be there for a moment only, while a change brings it or takes it away. Such a change first
writes the clip's name into a mark, a file that it holds a lock on. Whoever later finds a mark that nobody holds asks
the database whether those clips are needed. No other file is ever removed.
"""

import fcntl
import os
import re
import shutil
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from uuid import uuid4

from lga.durable import make_folders, sync_file, sync_folder
from lga.errors import LGAError, VideoError
from lga.files import kind_of, one_line
from lga.taught import Example
from lga.video.files import content_digest

CLIPS = "clips"
NAME = re.compile(r"[0-9a-f]{64}(?:\.[a-z0-9]{1,8})?")
MARK = re.compile(r"\.[0-9a-f]{32}\.mark")


class KeptClips:
    """The clips of one folder of taught actions."""

    def __init__(self, folder: Path):
        self._clips = folder / CLIPS

    @property
    def place(self) -> Path:
        """Where they lie."""
        return self._clips

    def path(self, name: str) -> str:
        """Where the clip of this name lies, as an example says it."""
        return as_text(self._clips.absolute() / name)

    def name_of(self, example: Example) -> str | None:
        """The name under which an example's clip lies here; None if it lies elsewhere."""
        path = Path(example.path)
        name = f"{example.digest}{path.suffix}"
        if path.name != name or not NAME.fullmatch(name):
            return None
        if example.path == self.path(name):
            return name
        with suppress(OSError, ValueError):
            return name if path.parent.samefile(self._clips) else None
        return None

    def mark(self) -> "ClipMark":
        """A new mark.

        Raises:
            LGAError: the disk is full, or the place cannot be written.
        """
        with one_line(self._clips):
            make_folders(self._clips)
            while (one := ClipMark.take(self._clips / f".{uuid4().hex}.mark", flags=os.O_CREAT | os.O_EXCL)) is None:
                pass
            return one

    def abandoned(self) -> list["ClipMark"]:
        """The marks of changes that a kill has cut off, held from now on."""
        try:
            marks = [ClipMark.take(self._clips / name) for name in os.listdir(self._clips) if MARK.fullmatch(name)]
        except OSError:
            return []
        return [one for one in marks if one is not None]


class ClipMark:
    """A file with a lock that names clips which come or go."""

    def __init__(self, path: Path, descriptor: int):
        self._path, self._descriptor = path, descriptor
        lines = os.pread(descriptor, os.fstat(descriptor).st_size, 0).decode("ascii", "replace").splitlines()
        self.names = {line for line in lines if NAME.fullmatch(line)}

    @classmethod
    def take(cls, path: Path, *, flags: int = 0) -> "ClipMark | None":
        """Hold this mark; None if somebody else does, or has removed it."""
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | flags, 0o666)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(descriptor).st_nlink > 0:
                return cls(path, descriptor)
        except BlockingIOError:
            pass
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
        return None

    def announce(self, name: str) -> None:
        """Say of the clip of this name that it comes or goes."""
        if name not in self.names:
            os.write(self._descriptor, f"{name}\n".encode())
            self.names.add(name)

    def part(self, name: str) -> Path:
        """Where the clip of this name is written until it is whole."""
        return self._path.with_name(f"{self._path.stem}.{name}.part")

    def place(self, name: str) -> None:
        """Move what was written to its place."""
        self.part(name).replace(self._path.with_name(name))
        sync_folder(self._path.parent)

    def remove_unneeded(self, needed: Collection[str]) -> None:
        """Remove those of the clips that are not needed; to be called while nobody else can change the set."""
        for name in self.names:
            self.part(name).unlink(missing_ok=True)
            if name not in needed:
                self._path.with_name(name).unlink(missing_ok=True)

    def release(self, *, settled: bool) -> None:
        """Let go; the mark of a change that is not settled stays, for whoever changes the set next."""
        if settled:
            self._path.unlink(missing_ok=True)
        os.close(self._descriptor)


class Comings:
    """The clips that come or go with one change; at the end of the `with` block `settle` removes those not needed."""

    def __init__(self, clips: KeptClips, settle: Callable[[list[ClipMark]], None]):
        self._clips, self._settle = clips, settle
        self._mark: ClipMark | None = None
        self._copied: set[str] = set()

    def __enter__(self) -> "Comings":
        return self

    def copy(self, source: Path, name: str) -> None:
        """Copy a clip beside its place, whole and on the disk, unless this was done before.

        Raises:
            LGAError: the clip has changed since, or cannot be written.
        """
        if name in self._copied:
            return
        self.announce(name)
        part = self._held().part(name)
        with one_line(part.with_name(name)):
            shutil.copyfile(source, part)
            sync_file(part)
        if not is_clip_of(part, name[:64]):
            raise LGAError(f"{source}: has changed while it was read; try again")
        self._copied.add(name)

    def place(self) -> None:
        """Move all copies to their places; to be called while nobody else can change the set.

        Raises:
            LGAError: a place cannot be written.
        """
        for name in self._copied:
            with one_line(self._clips.place / name):
                self._held().place(name)
        self._copied.clear()

    def announce(self, name: str) -> None:
        """Say of the clip of this name that it may have to go.

        Raises:
            LGAError: the place cannot be written.
        """
        with one_line(Path(self._clips.path(name))):
            self._held().announce(name)

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None):
        marks = self._clips.abandoned() if self._mark is None else [self._mark, *self._clips.abandoned()]
        settled = False
        try:
            if marks:
                with suppress(LGAError, OSError):  # what this change did stands; the next one looks again
                    self._settle(marks)
                    settled = True
        finally:
            for one in marks:
                one.release(settled=settled)

    def _held(self) -> ClipMark:
        if self._mark is None:
            self._mark = self._clips.mark()
        return self._mark


def kept_name(path: Path, digest: str) -> str | None:
    """The name under which a clip would be kept; None if it cannot be: a folder of pictures stays where it is."""
    if kind_of(path) != "file" or not NAME.fullmatch(digest):
        return None
    name = f"{digest}{path.suffix.lower()}"
    return name if NAME.fullmatch(name) else digest


def is_clip_of(path: Path, digest: str) -> bool:
    """Whether the file is there and has this content."""
    try:
        return content_digest(path) == digest
    except VideoError:
        return False


def as_text(path: Path) -> str:
    """A path as text that can be written anywhere; bytes that are no UTF-8 are escaped."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
