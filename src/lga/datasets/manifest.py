"""Which clips there are: a table of path, label and group, or a folder for each label."""

import codecs
import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lga.anatomy.descriptions import Descriptions, read_descriptions
from lga.config import StageCount
from lga.errors import AnatomyError, ManifestError, VideoError
from lga.files import from_cell, kind_of, to_csv, write_atomically
from lga.labels import check_unique_labels, checked_label, printable, quote
from lga.video.files import find_clips, identity, is_clip, visible, why_no_clip

MAX_BYTES = 256 * 2**20
COLUMNS = ("path", "label", "group", "split", "id", "published", "benchmark", "lists")
"""The columns that mean something; others are kept and ignored."""
DELIMITERS = (",", ";", "\t", "|")
"""What may part the cells of a table: a comma, or what spreadsheets in other countries write."""


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

    Commas, semicolons, tabs or bars part the cells, whichever its first line does; capitals in the names of columns
    make no difference.

    Raises:
        ManifestError: the file is missing, is not such text in UTF-8, or lacks the columns path and label.
    """
    lines = _lines(path)
    delimiter, begun = _delimiter(lines)
    try:
        reader = csv.reader(lines[begun:], delimiter=delimiter, strict=True)
        columns = tuple(_column(name) for name in next(reader, ()))
        rows = tuple(ManifestRow(reader.line_num + begun, tuple(map(from_cell, cells))) for cells in reader if cells)
    except csv.Error as error:
        raise ManifestError(f"{path}: not a CSV in UTF-8 ({error}); it needs the columns path,label") from error
    missing = [name for name in ("path", "label") if name not in columns]
    if missing:
        raise ManifestError(
            f"{path}: no column {' and '.join(missing)} in its first line; it needs path,label and may have group,split"
        )
    twice = [name for name in COLUMNS if columns.count(name) > 1]
    if twice:
        raise ManifestError(f"{path}: two columns {' and '.join(twice)} in its first line; take one out")
    return ManifestTable(path, columns, rows)


def _lines(path: Path) -> list[str]:
    """The text of a table, line ends kept. UTF-8; or UTF-16 where its first bytes say so, as spreadsheets write it."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ManifestError(f"{path}: larger than {MAX_BYTES >> 20} MiB; this is not a manifest")
        data = path.read_bytes()
    except OSError as error:
        raise ManifestError(
            f"{path}: cannot be read ({error.strerror}); give a CSV with the columns path,label"
        ) from error
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = data.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise ManifestError(f"{path}: not a CSV in UTF-8 ({error}); it needs the columns path,label") from error
    return list(io.StringIO(text, newline=""))


def _delimiter(lines: Sequence[str]) -> tuple[str, int]:
    """What parts the cells, and the line at which the table begins: a spreadsheet's `sep=;` may stand before it.

    Where nothing is said, that of `DELIMITERS` by which the first line names the columns path and label.
    """
    first = lines[0].strip().strip('"').casefold() if lines else ""
    if first.startswith("sep="):
        return (first[4:5] or "\t"), 1  # the blanks around the line are gone, and with them a tab
    for delimiter in DELIMITERS:
        names = {_column(name.strip('"\r\n ')) for name in (lines[0] if lines else "").split(delimiter)}
        if {"path", "label"} <= names:
            return delimiter, 0
    return ",", 0


def _column(name: str) -> str:
    """A column's name: those that mean something here in lower case, without blanks around them."""
    plain = name.strip().casefold()
    return plain if plain in COLUMNS else name


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a CSV whole or not at all.

    Raises:
        ManifestError: a name cannot be written as UTF-8.
        LGAError: the disk is full, or the place cannot be written.
    """
    try:
        data = to_csv([columns, *rows]).encode()
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


def read_sentences(path: Path, manifest: Path, *, stages: StageCount) -> Descriptions:
    """The sentences of a descriptions file for the labels of a manifest, whichever split they are in.

    Raises:
        AnatomyError: the file cannot be read, or describes a label that the manifest does not have.
        ManifestError: the manifest cannot be read.
    """
    found, table = read_descriptions(path, stages=stages), read_table(manifest)
    found.check_used(dict.fromkeys(table.cell(row, "label") for row in table.rows))
    return found


def read_examples(source: Path) -> Examples:
    """Read what is to be taught: a folder with one folder of clips for each action, or a CSV with path and label.

    A folder's name is the action's label, its underscores read as blanks. Hidden files and folders are passed over.

    Raises:
        ManifestError: nothing is there, or two folders name the same action.
    """
    kind = kind_of(source)
    if kind == "file":
        rows = read_manifest(source)
        return Examples(tuple(dict.fromkeys(row.label for row in rows)), rows, ())
    if kind != "folder":
        raise ManifestError(f"{source}: no such folder or CSV; give a folder with one folder of clips for each action")
    inside = _visible(source)
    own = identity(source)
    folders = [one for one in inside if kind_of(one) == "folder" and identity(one) != own]
    if not folders:
        low = is_clip(source) or any(is_clip(one) for one in inside)
        above = f"; or give {source.absolute().parent}, if this is one action" if low else ""
        raise ManifestError(
            f"{source}: no folders in it; put the clips of each action into a folder named after it{above}"
        )
    labels = [_folder_label(folder) for folder in folders]
    check_unique_labels(str(source), [folder.name for folder in folders])
    clips: list[LabelledClip] = []
    ignored: list[Path] = []
    for folder, label in zip(folders, labels, strict=True):
        files = _visible(folder)
        here = [file for file in files if is_clip(file)]
        if not here and files:
            _refuse_wrong_level(source, folder)
        clips += [LabelledClip(file, label) for file in here]
        ignored += [file for file in files if file not in here]
    if ignored and not clips:
        first = f"the first is {ignored[0]}: {why_no_clip(ignored[0])}"
        raise ManifestError(f"{source}: nothing in its folders is a clip; {first}")
    return Examples(tuple(labels), tuple(clips), tuple(ignored))


def _refuse_wrong_level(source: Path, folder: Path) -> None:
    """Refuse what is a level too low, where an action's folder is a clip itself, or too high, where clips lie deeper.

    Raises:
        ManifestError: it is one of the two; the folder that is meant is named.
    """
    if is_clip(folder):
        above = source.absolute()
        raise ManifestError(
            f"{folder}: is itself a clip, a folder of frame pictures, where a folder of clips is wanted; put it into a "
            f"folder named after its action, or give {above.parent} if {above.name} is the action"
        )
    deeper = find_clips(folder)
    if deeper:
        raise ManifestError(
            f"{folder}: no clips in it, they lie deeper, as {deeper[0]}; give {deeper[0].parent.parent}"
        )


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
        raise ManifestError(f"{folder}: {error}") from error


def _visible(folder: Path) -> list[Path]:
    try:
        return visible(folder)
    except VideoError as error:
        raise ManifestError(str(error)) from error
