"""Write a manifest again without what the doctor found wrong."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lga.episodes.doctor import Diagnosis, Finding
from lga.episodes.sheet import Row, Sheet, manifest_path, write_sheet
from lga.errors import ManifestError, SettingsError


@dataclass(frozen=True, slots=True)
class Treated:
    """What was written, and what was not."""

    path: Path
    kept: int
    left_out: tuple[Finding, ...]
    """why each row that is missing was left out; one a row"""
    respelt: dict[str, str]


def refuse_to_overwrite(manifest: Path, target: Path) -> None:
    """The manifest that is looked at is never written.

    Raises:
        SettingsError: the two are one file.
    """
    if target.resolve() == manifest.resolve() or (target.exists() and target.samefile(manifest)):
        raise SettingsError(f"--fix {target}: this is the manifest itself, which is never overwritten; name another")


def write_treated(sheet: Sheet, diagnosis: Diagnosis, target: Path) -> Treated:
    """Write the rows that no finding names, with all their columns; rows that were not looked at are kept.

    A label in two spellings is written in the one that most rows use. Paths are changed only where `target` lies in
    another folder.

    Raises:
        ManifestError: no row is left.
        SettingsError: `target` is the manifest itself.
    """
    refuse_to_overwrite(sheet.path, target)
    left_out = {one.line: one for one in diagnosis.findings if one.line is not None}
    kept = [row for row in sheet.rows if row.line not in left_out]
    if not kept:
        raise ManifestError(f"{sheet.path}: no row is left when what is wrong is left out; nothing was written")
    write_sheet(target, sheet.columns, (tuple(_cells(sheet, row, diagnosis, target)) for row in kept))
    return Treated(target, len(kept), tuple(left_out.values()), diagnosis.spelling)


def _cells(sheet: Sheet, row: Row, diagnosis: Diagnosis, target: Path) -> Iterator[str]:
    for column, cell in zip(sheet.columns, row.cells, strict=False):
        if column == "label":
            yield diagnosis.spelling.get(cell.strip(), cell)
        elif column == "path" and target.absolute().parent != sheet.path.absolute().parent:
            yield manifest_path(sheet.path.parent / cell.strip(), target)
        else:
            yield cell
    yield from row.cells[len(sheet.columns) :]
