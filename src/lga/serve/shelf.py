"""Uploaded example clips on disk, so that there are pictures of them."""

import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from lga.actions import Example
from lga.errors import LGAError


@dataclass(frozen=True, slots=True)
class Shelf:
    """A folder beside the taught actions: `<digest>/<name>` for every clip that was uploaded as an example."""

    folder: Path
    keeps: bool = True
    """else clips have a place that stays empty"""

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
        needed = {one.path for one in examples}
        if not self.folder.is_dir():
            return
        for own in self.folder.iterdir():
            if re.fullmatch(r"[0-9a-f]{64}", own.name) and own.is_dir() and not own.is_symlink():
                for clip in own.iterdir():
                    if str(clip.absolute()) not in needed:
                        clip.unlink(missing_ok=True)
                if not any(own.iterdir()):
                    own.rmdir()
        if not any(self.folder.iterdir()):
            self.folder.rmdir()
