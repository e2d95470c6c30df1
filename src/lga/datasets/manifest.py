"""Which clips there are: a table of path, label and group, or a folder for each label."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lga.errors import AnatomyError, ManifestError
from lga.files import write_atomically
from lga.labels import check_unique_labels, checked_label, printable, quote
from lga.video.clip import is_clip

MAX_BYTES = 256 * 2**20


@dataclass(frozen=True, slots=True)
class ManifestRow:
    """The cells of one row, and the line of the file in which it ends."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ManifestTable:
    """A CSV with the columns path and label, and whatever else is in it."""

    path: Path
    columns: tuple[str, ...]
    rows: tuple[ManifestRow, ...]

    def cell(self, row: ManifestRow, column: str) -> str:
        """A row's text in a column, without blanks around it; empty where the column or the cell is missing."""
        if column not in self.columns:
            return ""
        place = self.columns.index(column)
        return row.cells[place].strip() if place < len(row.cells) else ""


def read_table(path: Path) -> ManifestTable:
    """Read a manifest whole, without checking its rows.

    Raises:
        ManifestError: the file is missing, is not a CSV in UTF-8, or lacks the columns path and label.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ManifestError(f"{path}: larger than {MAX_BYTES >> 20} MiB; this is not a manifest")
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            columns = tuple(next(reader, ()))
            rows = tuple(ManifestRow(reader.line_num, tuple(cells)) for cells in reader if cells)
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
    return ManifestTable(path, columns, rows)


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
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
    """A clip's path as a manifest writes it: relative where the clip lies in the manifest's folder, else absolute."""
    clip = clip.absolute()
    try:
        return str(clip.relative_to(manifest.absolute().parent))
    except ValueError:
        return str(clip)


@dataclass(frozen=True, slots=True)
class LabelledClip:
    """One row: a clip, the action it shows, and the group (source video, person) and split it belongs to, if known."""

    path: Path
    label: str
    group: str | None = None
    split: str | None = None


@dataclass(frozen=True, slots=True)
class Examples:
    """What a folder or CSV offers for teaching; an action without clips is taught by words alone."""

    labels: tuple[str, ...]
    clips: tuple[LabelledClip, ...]
    ignored: tuple[Path, ...]
    """files in the action folders that are not clips"""


def read_manifest(path: Path, *, split: str | None = None) -> tuple[LabelledClip, ...]:
    """Read a CSV with the columns path, label and, if wanted, group and split; other columns are ignored.

    Paths are relative to the manifest's folder. With `split` only the rows of that split are returned.

    Raises:
        ManifestError: the file is missing, is not such a CSV, has an empty cell or has no row left; it names the line.
    """
    table = read_table(path)
    rows = [_read_row(table, row) for row in table.rows]
    if split is not None:
        there = sorted({row.split for row in rows if row.split})
        rows = [row for row in rows if row.split == split]
        if not rows:
            raise ManifestError(f"{path}: no row has split {quote(split)}; it has {', '.join(there) or 'no splits'}")
    if not rows:
        raise ManifestError(f"{path}: the manifest has a header and no clips")
    check_unique_labels(str(path), [row.label for row in rows])
    return tuple(rows)


def read_examples(source: Path) -> Examples:
    """Read what is to be taught: a folder with one folder of clips for each action, or a CSV with path and label.

    A folder's name is the action's label, its underscores read as blanks. Hidden files and folders are passed over.

    Raises:
        ManifestError: nothing is there, or two folders name the same action.
    """
    if source.is_file():
        rows = read_manifest(source)
        return Examples(tuple(dict.fromkeys(row.label for row in rows)), rows, ())
    if not source.is_dir():
        raise ManifestError(f"{source}: no such folder or CSV; give a folder with one folder of clips for each action")
    folders = [one for one in _visible(source) if one.is_dir()]
    if not folders:
        raise ManifestError(f"{source}: no folders in it; put the clips of each action into a folder named after it")
    labels = [_folder_label(folder) for folder in folders]
    check_unique_labels(str(source), [folder.name for folder in folders])
    clips: list[LabelledClip] = []
    ignored: list[Path] = []
    for folder, label in zip(folders, labels, strict=True):
        for file in _visible(folder):
            if is_clip(file):
                clips.append(LabelledClip(file, label))
            else:
                ignored.append(file)
    return Examples(tuple(labels), tuple(clips), tuple(ignored))


def _read_row(table: ManifestTable, row: ManifestRow) -> LabelledClip:
    name, where = table.cell(row, "path"), f"{table.path}, line {row.line}"
    if not name or "\0" in name:
        raise ManifestError(f"{where}: the path is empty or not a path")
    try:
        label = checked_label(table.cell(row, "label"))
    except AnatomyError as error:
        raise ManifestError(f"{where}: {error}") from error
    return LabelledClip(
        table.path.parent / name, label, table.cell(row, "group") or None, table.cell(row, "split") or None
    )


def _folder_label(folder: Path) -> str:
    try:
        return checked_label(folder.name.replace("_", " "))
    except AnatomyError as error:
        raise ManifestError(f"{printable(folder)}: {error}") from error


def _visible(folder: Path) -> list[Path]:
    try:
        return sorted(one for one in folder.iterdir() if not one.name.startswith("."))
    except OSError as error:
        raise ManifestError(
            f"{printable(folder)}: cannot be listed ({error.strerror}); check that you may read it"
        ) from error
