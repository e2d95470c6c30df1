"""Which classes are for training, validation and test, as published."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import Literal, get_args

from lga.config import FrozenModel
from lga.errors import ManifestError
from lga.files import kind_of
from lga.labels import lookup_key, quote

Benchmark = Literal["hmdb51", "ucf101", "kinetics100", "ssv2_small", "ssv2_full"]
BENCHMARKS: tuple[Benchmark, ...] = get_args(Benchmark)
Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
Videos = Literal["hmdb51", "ucf101", "kinetics", "ssv2"]
"""The set of videos that a benchmark is cut from; two benchmarks may share one."""
Names = Literal["cleaned", "published"]


class ActionClass(FrozenModel):
    """One class: its published name, its name as one would write it in a sentence, and the folder of its clips."""

    published: str
    cleaned: str
    folder: str | None = None

    def label(self, names: Names) -> str:
        """The name that is wanted."""
        return self.cleaned if names == "cleaned" else self.published


class SplitFacts(FrozenModel):
    """One split: its classes in the order of their numbers, and the sha256 and length of the published list."""

    sha256: str
    clips: int
    classes: tuple[ActionClass, ...]


class Partition(FrozenModel):
    """One benchmark's table; `version` counts changes of the cleaned names."""

    version: Literal[1]
    benchmark: Benchmark
    videos: Videos
    splits: Mapping[Split, SplitFacts]

    def by_folder(self) -> dict[str, tuple[Split, ActionClass]]:
        """Every class that has a folder, by the folder's lookup key: its spelling makes no difference."""
        return {
            lookup_key(one.folder): (split, one)
            for split, facts in self.splits.items()
            for one in facts.classes
            if one.folder is not None
        }


@cache
def read_partition(benchmark: Benchmark) -> Partition:
    """One benchmark's table, as it lies in the package."""
    file = resources.files("lga.datasets") / "partitions" / f"{benchmark}.json"
    return Partition.model_validate_json(file.read_bytes())


LINE = re.compile(r"(train|val|test)([0-9]{1,4})/+(.+)")


@dataclass(frozen=True, slots=True)
class ListedClip:
    """One line of a list: its split and class, and the clip as the list writes it (`stem`: its name without suffix)."""

    split: Split
    action: ActionClass
    name: str
    stem: str


@dataclass(frozen=True, slots=True)
class SplitLists:
    """The three lists of a benchmark, and what they are: `published`, or others with their sha256."""

    clips: tuple[ListedClip, ...]
    origin: str


def read_split_lists(folder: Path, partition: Partition, *, any_lists: bool = False) -> SplitLists:
    """Read train, val and test, each named `train.txt` or `train_few_shot.txt`, and check them against their sha256.

    A class is known by its folder where a line has one, else by its number, which starts at 0 in each split.

    Raises:
        ManifestError: a list is missing, is not the published one (unless `any_lists`), holds a line that is
            none, or two of them share a class.
    """
    clips: list[ListedClip] = []
    found: list[str] = []
    for split in SPLITS:
        path = _list_file(folder, split)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ManifestError(f"{path}: cannot be read ({error.strerror})") from error
        digest, wanted = sha256(data).hexdigest(), partition.splits[split].sha256
        if digest != wanted:
            found.append(f"{split} {digest[:12]}")
            if not any_lists:
                raise ManifestError(
                    f"{path}: not the published {split} list of {partition.benchmark}: its sha256 should be {wanted} "
                    f"and is {digest}; get the published lists, or take these knowingly with --any-lists"
                )
        clips += _parse(path, data, split, partition)
    _refuse_shared_classes(folder, clips)
    return SplitLists(tuple(clips), f"other lists: sha256 {', '.join(found)}" if found else "published lists")


def _list_file(folder: Path, split: Split) -> Path:
    names = (f"{split}.txt", f"{split}_few_shot.txt")
    for name in names:
        if kind_of(folder / name) == "file":
            return folder / name
    raise ManifestError(f"{folder}: no {' or '.join(names)} in it; give the folder with the published lists")


def _parse(path: Path, data: bytes, split: Split, partition: Partition) -> list[ListedClip]:
    try:
        lines = data.decode().splitlines()
    except UnicodeDecodeError as error:
        raise ManifestError(f"{path}: not a list in UTF-8") from error
    folders, classes = partition.by_folder(), partition.splits[split].classes
    clips: list[ListedClip] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        match = LINE.fullmatch(line.strip())
        if match is None or match[1] != split:
            raise ManifestError(f"{path}, line {number}: wanted `{split}NUMBER/clip`; found {quote(line)}")
        parent = PurePosixPath(match[3]).parent.name
        if parent:
            _, action = folders.get(lookup_key(parent), (None, None))
        else:
            action = classes[int(match[2])] if int(match[2]) < len(classes) else None
        if action is None:
            raise ManifestError(f"{path}, line {number}: {quote(line)} is of no class of {partition.benchmark}")
        clips.append(ListedClip(split, action, match[3], PurePosixPath(match[3]).stem))
    return clips


def _refuse_shared_classes(folder: Path, clips: list[ListedClip]) -> None:
    split_of: dict[str, Split] = {}
    for clip in clips:
        first = split_of.setdefault(clip.action.published, clip.split)
        if first != clip.split:
            name = quote(clip.action.published)
            raise ManifestError(f"{folder}: {name} is in {first} and in {clip.split}; a class belongs to one split")
