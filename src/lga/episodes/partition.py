"""The usual benchmarks: which classes each split has, under which names, and which lists were published."""

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict

from lga.anatomy.labels import lookup_key

Benchmark = Literal["hmdb51", "ucf101", "kinetics100", "ssv2_small", "ssv2_full"]
BENCHMARKS: tuple[Benchmark, ...] = get_args(Benchmark)
Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
Videos = Literal["hmdb51", "ucf101", "kinetics", "ssv2"]
"""The set of videos that a benchmark is cut from; two benchmarks may share one."""
Names = Literal["cleaned", "published"]


class ActionClass(BaseModel):
    """One class: its name as published, as one would write it in a sentence, and the folder of its clips."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    published: str
    cleaned: str
    folder: str | None = None

    def label(self, names: Names) -> str:
        """The name that is wanted."""
        return self.cleaned if names == "cleaned" else self.published


class SplitFacts(BaseModel):
    """One split: its classes in the order of their numbers, and the sha256 and length of the published list."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: str
    clips: int
    classes: tuple[ActionClass, ...]


class Partition(BaseModel):
    """One benchmark's table; `version` counts changes of the cleaned names."""

    model_config = ConfigDict(frozen=True, extra="forbid")

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
    file = resources.files("lga.episodes") / "partitions" / f"{benchmark}.json"
    return Partition.model_validate_json(file.read_bytes())
