"""A manifest as the table that it is: every column of every row, so that it can be written again unchanged."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lga.errors import ManifestError
from lga.files import write_atomically
from lga.video.files import printable

MAX_BYTES = 256 * 2**20


@dataclass(frozen=True, slots=True)
class Row:
    """The cells of one row, and the line of the file in which it ends."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A CSV with the columns path and label, and whatever else is in it."""

    path: Path
    columns: tuple[str, ...]
    rows: tuple[Row, ...]

    def cell(self, row: Row, column: str) -> str:
        """What a row says, without blanks around it; nothing where the column or the cell is missing."""
        if column not in self.columns:
            return ""
        place = self.columns.index(column)
        return row.cells[place].strip() if place < len(row.cells) else ""


def read_sheet(path: Path) -> Sheet:
    """Read a manifest whole, whatever its rows are worth.

    Raises:
        ManifestError: the file is missing, is not a CSV in UTF-8, or lacks the columns path and label.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ManifestError(f"{path}: larger than {MAX_BYTES >> 20} MiB; this is not a manifest")
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            columns = tuple(next(reader, ()))
            rows = tuple(Row(reader.line_num, tuple(cells)) for cells in reader if cells)
    except OSError as error:
        raise ManifestError(
            f"{path}: cannot be read ({error.strerror}); give a CSV with the columns path,label"
        ) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise ManifestError(f"{path}: not a CSV in UTF-8 ({error}); it needs the columns path,label") from error
    missing = [name for name in ("path", "label") if name not in columns]
    if missing:
        raise ManifestError(
            f"{path}: no column {' and '.join(missing)} in its first line; it needs path,label and may have group,split"
        )
    return Sheet(path, columns, rows)


def write_sheet(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a CSV whole or not at all.

    Raises:
        ManifestError: a name cannot be written as UTF-8.
        LGAError: the disk is full, or the place cannot be written.
    """
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([columns, *rows])
    try:
        data = text.getvalue().encode()
    except UnicodeEncodeError as error:
        stray = printable(Path(error.object[max(0, error.start - 40) : error.end].splitlines()[-1]))
        raise ManifestError(f"{path}: a manifest is UTF-8, and the name {stray} is not; rename that file") from error
    write_atomically(path, data)


def manifest_path(clip: Path, manifest: Path) -> str:
    """How a manifest names a clip: relative to its folder where the clip lies in it, else from the root."""
    clip = clip.absolute()
    try:
        return str(clip.relative_to(manifest.absolute().parent))
    except ValueError:
        return str(clip)
