"""Benchmarks turned into manifests: the five published ones from their split files, and others by a function."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol

from lga.datasets.manifest import manifest_path, read_table, write_table
from lga.datasets.partition import (
    BENCHMARKS,
    SPLITS,
    ActionClass,
    Benchmark,
    ListedClip,
    Names,
    Partition,
    Split,
    SplitLists,
    Videos,
    read_partition,
    read_split_lists,
)
from lga.errors import ManifestError, SettingsError, VideoError
from lga.labels import lookup_key, quote
from lga.video import files

YOUTUBE = re.compile(r"([A-Za-z0-9_-]{11})(?:_[0-9]+_[0-9]+)?")
FILM = re.compile(r"(.+)_[a-z]+_[a-z]+_np[0-9]+_[a-z]+_[a-z]+_[0-9]+")
GROUP = re.compile(r"v_.+_(g[0-9]+)_c[0-9]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FoundClip:
    """A clip on disk: its name without the suffix, and the name of the folder that holds it."""

    path: Path
    stem: str
    folder: str


def find_clips(folder: Path) -> tuple[FoundClip, ...]:
    """Every clip below a folder, in the order of their paths, as `lga.video.files.find_clips` finds them.

    Raises:
        ManifestError: a folder is missing or may not be listed.
    """
    try:
        found = files.find_clips(folder)
    except VideoError as error:
        raise ManifestError(f"{error}; give the folder with the videos") from error
    clips = (
        FoundClip(path, path.stem if files.has_video_name(path) and path.is_file() else path.name, path.parent.name)
        for path in found
    )
    return tuple(sorted(clips, key=lambda clip: str(clip.path)))


def clip_key(videos: Videos, stem: str) -> str | None:
    """What identifies a clip, whatever its suffix and time stamps: a YouTube id, a number or its name; None if nothing.

    `stem` is the name without a suffix.
    """
    if videos == "kinetics":
        match = YOUTUBE.fullmatch(stem)
        return match[1] if match else None
    if videos == "ssv2":
        return stem if stem.isascii() and stem.isdecimal() else None
    return stem


def source_group(videos: Videos, stem: str, folder: str) -> str:
    """The video that a clip was cut from, as far as its name tells; a clip of unknown origin is its own group.

    Source: HMDB51's names are film_action_attributes_number, UCF101's v_Action_gNN_cNN with groups numbered anew in
    each class; of Kinetics every clip is another video, and Something-Something does not tell.
    """
    return GROUPS[videos](stem, folder)


def _film(stem: str, folder: str) -> str:
    match = FILM.fullmatch(stem)
    action = folder.replace(" ", "_")
    if match is None or not match[1].lower().endswith(f"_{action}".lower()):
        return stem
    return match[1][: -len(action) - 1]


def _numbered_group(stem: str, folder: str) -> str:
    match = GROUP.fullmatch(stem)
    return f"{folder}_{match[1]}" if match else stem


def _own(stem: str, _folder: str) -> str:
    return stem


def _video(stem: str, _folder: str) -> str:
    return clip_key("kinetics", stem) or stem


GROUPS: dict[Videos, Callable[[str, str], str]] = {
    "hmdb51": _film,
    "ucf101": _numbered_group,
    "kinetics": _video,
    "ssv2": _own,
}


COLUMNS = ("path", "label", "group", "split", "id", "published", "benchmark", "lists")
BY_CLASS = "class partition"
"""What `lists` says where no list was read: all clips of a class belong to the split of the class."""


@dataclass(frozen=True, slots=True)
class BenchmarkClip:
    """One clip of a benchmark; `id` is the same for this clip in every manifest, whatever the file is called."""

    path: Path
    id: str
    group: str
    split: Split
    action: ActionClass


@dataclass(frozen=True, slots=True)
class Imported:
    """The clips that an import found, and what it did not find or did not take."""

    benchmark: str
    lists: str
    """what says which clip is in which split: published lists, other lists with their sha256, the class partition"""
    clips: tuple[BenchmarkClip, ...]
    wanted: dict[Split, int] = field(default_factory=dict[Split, int])
    """clips of the lists; without lists, as many as the published ones have; empty where that is not known"""
    missing: tuple[str, ...] = ()
    """listed clips that are not in the folder, as the lists write them"""
    empty: tuple[str, ...] = ()
    """classes without any clip"""
    doubles: tuple[Path, ...] = ()
    """files that are left out because another one of the same clip was taken"""
    unused: int = 0
    """files in the folder that belong to no class or are not on the lists"""


class Importer(Protocol):
    """Looks up which clips below a folder belong to a benchmark, to which class and to which split."""

    def __call__(self, videos: Path, *, lists: Path | None, any_lists: bool) -> Imported:
        """The arguments are those of `import_benchmark`."""
        ...


def import_benchmark(
    benchmark: str, videos: Path, *, lists: Path | None = None, any_lists: bool = False, partial: bool = False
) -> Imported:
    """Look up which clips below `videos` belong to a benchmark, to which class and to which split.

    Without `lists`, which only hmdb51 and ucf101 can do, all clips in a class's folder belong to the class's split.

    Args:
        benchmark: which one, by its name in `IMPORTERS`.
        videos: the folder with the videos, in any of the usual layouts.
        lists: the folder with the published lists.
        any_lists: take lists that are not the published ones, and say so.
        partial: let classes without any clip be left out.

    Raises:
        SettingsError: there is no such benchmark; those that there are are listed.
        ManifestError: the lists are missing or not the published ones, or a class has no clip.
    """
    if benchmark not in IMPORTERS:
        raise SettingsError(f"there is no benchmark {quote(benchmark)}; there are {', '.join(IMPORTERS)}")
    imported = IMPORTERS[benchmark](videos, lists=lists, any_lists=any_lists)
    if not imported.clips:
        raise ManifestError(
            f"{videos}: none of its {imported.unused} clips belongs to {benchmark}; give the right folder"
        )
    if imported.empty and not partial:
        first = ", ".join(imported.empty[:5]) + (", ..." if len(imported.empty) > 5 else "")
        raise ManifestError(
            f"{videos}: {len(imported.empty)} classes of {benchmark} without a clip ({first}); "
            "get their videos, or leave the classes out with --partial"
        )
    return imported


def import_published(benchmark: Benchmark, videos: Path, *, lists: Path | None, any_lists: bool) -> Imported:
    """One of the five published benchmarks; the arguments are those of `import_benchmark`.

    Raises:
        ManifestError: the lists are missing or not the published ones.
    """
    partition = read_partition(benchmark)
    if lists is None and benchmark not in ("hmdb51", "ucf101"):
        raise ManifestError(f"{benchmark} is a list of clips: give the folder with its lists (--split-lists)")
    listed = None if lists is None else read_split_lists(lists, partition, any_lists=any_lists)
    found = find_clips(videos)
    return _match(found, listed or _in_class_folders(found, partition), partition)


IMPORTERS: dict[str, Importer] = {one: partial(import_published, one) for one in BENCHMARKS}
"""The benchmarks that `lga data import` knows; one of your own joins them as a function."""


def write_benchmark(imported: Imported, manifest: Path, *, names: Names = "cleaned") -> None:
    """Write the manifest: relative paths where the videos lie in its folder, and the published name of each class.

    Raises:
        LGAError: it cannot be written.
    """
    rows = [
        (
            manifest_path(clip.path, manifest),
            clip.action.label(names),
            clip.group,
            clip.split,
            clip.id,
            clip.action.published,
            imported.benchmark,
            imported.lists,
        )
        for clip in imported.clips
    ]
    write_table(manifest, COLUMNS, rows)


def named_benchmark(manifest: Path) -> tuple[Benchmark, str] | None:
    """The published benchmark that every row of a manifest is of, and the lists that say so; None if it is none.

    Raises:
        ManifestError: the manifest cannot be read.
    """
    table = read_table(manifest)
    said = {(table.cell(row, "benchmark"), table.cell(row, "lists")) for row in table.rows}
    found: list[tuple[Benchmark, str]] = [(one, lists) for one in BENCHMARKS for name, lists in said if name == one]
    return found[0] if len(said) == len(found) == 1 else None


def _in_class_folders(found: Sequence[FoundClip], partition: Partition) -> SplitLists:
    """The lists as they would be if they named all clips in each class's folder."""
    folders = partition.by_folder()
    listed: dict[tuple[str | None, str], ListedClip] = {}
    for one in found:
        split, action = folders.get(lookup_key(one.folder), (None, None))
        if split is not None and action is not None:
            clip = ListedClip(split, action, f"{one.folder}/{one.path.name}", one.stem)
            listed.setdefault((action.folder, one.stem), clip)
    return SplitLists(tuple(sorted(listed.values(), key=lambda clip: SPLITS.index(clip.split))), BY_CLASS)


def _match(found: Sequence[FoundClip], listed: SplitLists, partition: Partition) -> Imported:
    """Find each listed clip among the files; of several files of one clip, take the one most like the list's name."""
    there: dict[str, list[FoundClip]] = {}
    for one in found:
        key = clip_key(partition.videos, one.stem)
        if key is not None:
            there.setdefault(key, []).append(one)
    clips: dict[str, BenchmarkClip] = {}
    missing: list[str] = []
    candidates: set[Path] = set()
    for line in listed.clips:
        same = there.get(clip_key(partition.videos, line.stem) or "", [])
        candidates.update(each.path for each in same)
        if not same:
            missing.append(line.name)
            continue
        clip = _clip(line, min(same, key=lambda each: _unlike(each, line)), partition)
        if clip.id in clips:
            raise ManifestError(f"the lists name {quote(line.name)} twice; take out one of the two lines")
        clips[clip.id] = clip
    chosen = {clip.path for clip in clips.values()}
    wanted = Counter(one.split for one in listed.clips)
    used = {clip.action.published for clip in clips.values()}
    classes = [each.published for facts in partition.splits.values() for each in facts.classes]
    return Imported(
        benchmark=partition.benchmark,
        lists=listed.origin,
        clips=tuple(clips.values()),
        wanted={
            split: partition.splits[split].clips if listed.origin == BY_CLASS else wanted[split] for split in SPLITS
        },
        missing=tuple(missing),
        empty=tuple(each for each in classes if each not in used),
        doubles=tuple(sorted(candidates - chosen)),
        unused=len(found) - len(candidates | chosen),
    )


def _unlike(found: FoundClip, listed: ListedClip) -> tuple[bool, bool, str]:
    """A key that sorts the files of one clip: first those in the class's folder, then those with the listed name."""
    folder = listed.action.folder
    elsewhere = folder is not None and lookup_key(found.folder) != lookup_key(folder)
    return elsewhere, found.stem != listed.stem, str(found.path)


def _clip(listed: ListedClip, found: FoundClip, partition: Partition) -> BenchmarkClip:
    videos, folder = partition.videos, listed.action.folder
    key = clip_key(videos, found.stem) or found.stem
    name = f"{folder}/{key}" if videos in ("hmdb51", "ucf101") else key
    group = source_group(videos, found.stem, folder or found.folder)
    return BenchmarkClip(found.path, f"{videos}/{name}", group, listed.split, listed.action)
