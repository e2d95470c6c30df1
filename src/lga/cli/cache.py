"""`lga cache show | clear | check`: the features that are kept from one run to the next."""

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

import tyro
from rich.table import Table

from lga.cli.options import Flag, plural, print_json, stderr, stdout
from lga.errors import SettingsError
from lga.files import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from lga.features.entry import Key
    from lga.features.store import FeatureStore


@dataclass(frozen=True, slots=True)
class Group:
    """The entries of one kind that one backbone or motion encoder made of clips sampled in one way."""

    kind: str
    identity: str
    sampling: str
    stale: bool
    """made by a reader of another version, so that nothing asks for it"""
    entries: int
    bytes: int


@dataclass(frozen=True)
class ShowCache:
    """Show where features are kept, how much room they take, and what they are of.

    The cache lies in $LGA_CACHE or ~/.cache/lga; LGA_CACHE=off keeps nothing.

    Example: lga cache show
    """

    json: Flag = False
    """print one JSON document instead of a table"""

    def run(self) -> int:
        """Print it; exit 1 if the cache cannot be read."""
        from lga.features.former import former_entries

        store = open_store()
        groups, places, old = group_rows(store.rows()), store.count_places(), size_of(former_entries(store.folder))
        if self.json:
            value = {"path": str(store.path), "bytes": store.size, "places": places}
            value |= {"entries": [asdict(one) for one in groups], "set_aside": list(map(str, store.set_aside))}
            print_json(value | {"old": {"files": old[0], "bytes": old[1]}})
            return 0
        stdout().print(f"{store.path}: {megabytes(store.size)}, {plural(places, 'place')} of clips", soft_wrap=True)
        if groups:
            stdout().print(group_table(groups))
        for one in store.set_aside:
            stdout().print(f"damaged and set aside: {one} (`lga cache clear` removes it)", soft_wrap=True)
        if old[0]:
            told = f"no longer read: {plural(old[0], 'file')} of the cache of 0.1.0, {megabytes(old[1])}"
            stdout().print(f"{told} (`lga cache clear --old` removes them)", soft_wrap=True)
        return 0


@dataclass(frozen=True)
class ClearCache:
    """Remove kept features, all of them or some, and give their room back; they are made anew when they are wanted.

    Nothing is asked. Pose networks and replies of language models, which lie beside them, stay.

    Example: lga cache clear --stale
    """

    backbone: Annotated[str, tyro.conf.arg(metavar="IDENTITY")] = ""
    """only what this backbone or motion encoder made, named as `lga cache show` does"""
    stale: Flag = False
    """only what is not asked for any more: made by another version's reader, or places where no clip lies now"""
    old: Flag = False
    """only the files of the cache of 0.1.0, which is no longer read"""
    json: Flag = False
    """print one JSON document instead of a line"""

    def run(self) -> int:
        """Remove it and say what went; exit 1 if it cannot be removed."""
        from lga.features.former import clear_former, former_entries

        if sum((bool(self.backbone), self.stale, self.old)) > 1:
            raise SettingsError("--backbone, --stale and --old each choose what goes; give one of them")
        store = open_store()
        if self.old:
            freed = size_of(former_entries(store.folder))[1]
            told = plural(gone := clear_former(store.folder), "file")
        else:
            if self.backbone:
                check_identity(store, self.backbone)
            before = store.size + size_of(store.set_aside)[1]
            gone = store.clear(identity=self.backbone or None, stale=self.stale)
            freed = before - store.size - size_of(store.set_aside)[1]
            told = plural(gone, "entry", "entries")
        if self.json:
            print_json({"path": str(store.path), "removed": gone, "bytes": freed})
        else:
            stdout().print(f"{store.folder}: {told} removed, {megabytes(freed)} freed", soft_wrap=True)
        return 0


@dataclass(frozen=True)
class CheckCache:
    """Compare everything that is kept with its checksum and remove what is damaged; it is made anew when it is wanted.

    Example: lga cache check
    """

    json: Flag = False
    """print one JSON document instead of a line"""

    def run(self) -> int:
        """Check and say what was found; exit 1 if the cache cannot be read."""
        store = open_store()
        found = store.check()
        if self.json:
            print_json({"path": str(store.path), **asdict(found), "notes": store.notes})
            return 0
        for note in store.notes:
            stderr().print(f"cache: {note}", soft_wrap=True)
        removed = f", {found.damaged} damaged and removed" if found.damaged else ""
        stdout().print(f"{store.path}: {plural(found.sound, 'entry', 'entries')} sound{removed}", soft_wrap=True)
        return 0


def open_store() -> "FeatureStore":
    """The store that the environment names.

    Raises:
        SettingsError: `LGA_CACHE=off`.
    """
    from lga.features.cache import default_cache

    store = default_cache().store
    if store is None:
        raise SettingsError("LGA_CACHE=off: nothing is kept; unset it, or name a folder")
    return store


def check_identity(store: "FeatureStore", identity: str) -> None:
    """Refuse to clear what nobody made.

    Raises:
        SettingsError: nothing is kept of this backbone or motion encoder; those of which something is are named.
    """
    known = sorted({key.identity for key, _ in store.rows()})
    if identity not in known:
        of = f"only what these made: {', '.join(map(repr, known))}" if known else "nothing at all"
        raise SettingsError(f"nothing is kept that {identity!r} made, {of}")


def group_rows(rows: "Sequence[tuple[Key, int]]") -> list[Group]:
    """Count entries and bytes of those that were made alike."""
    counts, sizes = Counter[tuple[str, str, str, bool]](), Counter[tuple[str, str, str, bool]]()
    for key, size in rows:
        alike = (key.kind, key.identity, key.sampling, key.is_stale)
        counts[alike] += 1
        sizes[alike] += size
    return [Group(*alike, count, sizes[alike]) for alike, count in sorted(counts.items())]


def group_table(groups: "Sequence[Group]") -> Table:
    """A row a group."""
    table = Table("of", "made by", "sampling", "entries", "size", "")
    for one in groups:
        note = "stale: another reader" if one.stale else ""
        table.add_row(
            f"{one.kind}s" if one.kind != "motion" else one.kind,
            one.identity,
            one.sampling,
            str(one.entries),
            megabytes(one.bytes),
            note,
        )
    return table


def size_of(paths: "Iterable[Path]") -> tuple[int, int]:
    """How many files there are of these, and their bytes."""
    found = [path.stat().st_size for path in paths if kind_of(path) == "file"]
    return len(found), sum(found)


def megabytes(size: int) -> str:
    """A size for people."""
    return f"{size / 1e6:.1f} MB"
