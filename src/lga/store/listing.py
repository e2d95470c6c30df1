"""What a folder of taught actions holds, features aside: for lists, which must not wait for torch."""

from contextlib import closing
from pathlib import Path

from lga.database import connect, reading
from lga.files import kind_of
from lga.store.clips import KeptClips
from lga.store.rows import DATABASE, LAYOUT, damage, read_examples, read_labels, read_rows
from lga.taught import TaughtActions, check_taught


def read_taught(folder: Path) -> TaughtActions:
    """Read what is taught in a folder as strictly as `lga.store.folder.load_actions`, every seal checked.

    Only what features hold is not looked at. Folders of version 0.1.0 are loaded whole.

    Raises:
        ActionsError: as `load_actions`.
    """
    return _read_database(folder) or _load_whole(folder)


def _read_database(folder: Path) -> TaughtActions | None:
    """What the database holds; None where there is none, or nothing in it."""
    path = folder / DATABASE
    if not _is_written(path):
        return None
    with closing(connect(path, LAYOUT, access="read")) as connection, reading(connection, path, LAYOUT):
        rows = read_rows(connection)
        if rows is None or not rows.labels:
            return None
        with damage():
            labels = read_labels(rows)
            record, anatomies = labels.record, tuple(labels.anatomies.values())
            examples = read_examples(rows, labels, KeptClips(folder))
            taught = TaughtActions(record.backbone, record.identity, record.method, anatomies, examples)
            check_taught(taught)
    return taught


def _is_written(path: Path) -> bool:
    try:
        return kind_of(path) == "file" and path.stat().st_size > 0
    except OSError:
        return False


def _load_whole(folder: Path) -> TaughtActions:
    from lga.store.folder import load_actions

    return load_actions(folder)
