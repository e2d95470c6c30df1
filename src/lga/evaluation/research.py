"""The researcher's face: one's own method on one's own manifest, beside others, on the same episodes.

    from lga import evaluation

    dataset = evaluation.load("manifest.csv", backbone="tiny")
    episodes = evaluation.episodes(dataset, ways=5, shots=1, episodes=1000, seed=0)
    outcomes = evaluation.run({"mine": my_method, "lga": evaluation.METHODS["lga"]}, dataset, episodes)
    for name, outcome in outcomes.items():
        print(name, evaluation.accuracy(outcome))

`my_method` is a function of a `Dataset` that returns a function of `Tasks`: the scores of every query for the classes
of its episode, a tensor of shape episodes x queries x classes. `lga.methods.protocol` says what both hold.
"""

from collections.abc import Mapping
from pathlib import Path
from textwrap import shorten

import torch

from lga.backbone.protocol import Backbone
from lga.config import BackboneConfig, MethodConfig, ProtocolConfig, StageCount, Wording
from lga.datasets.episodes import Episodes, plan_episodes
from lga.datasets.manifest import read_manifest, read_sentences
from lga.errors import SettingsError
from lga.evaluation import statistics
from lga.evaluation.dataset import LoadedDataset, load_dataset
from lga.evaluation.outcome import Outcome, read_dataset, run_episodes
from lga.evaluation.statistics import Interval
from lga.features.cache import default_cache
from lga.features.extract import Progress
from lga.methods.catalogue import MethodEntry, find_method
from lga.methods.protocol import Method
from lga.model.pretrained import load_pretrained

MOST_SHOWN = 80
"""Characters of a wrong argument that its refusal shows."""


def load(
    manifest: str | Path,
    *,
    split: str | None = None,
    backbone: Backbone | BackboneConfig | str = "offline",
    descriptions: str | Path | None = None,
    frames: int = 8,
    stages: StageCount = 3,
    wording: Wording = "label+stages",
    progress: Progress | None = None,
) -> LoadedDataset:
    """Encode the clips of a manifest, or of one split of it; what cannot be read is named in `skipped`.

    Features are kept in $LGA_CACHE or ~/.cache/lga, so that the next time needs no video.

    Args:
        manifest: a CSV with the columns path,label[,group][,split].
        split: only the rows of this split.
        backbone: one by name, by settings, or as an object.
        descriptions: a JSON file with your own stage sentences.
        frames: sampled from each clip.
        stages: of each action; auto takes as many as its text has.
        wording: what the text encoder reads for a stage.
        progress: called with how many clips are done, of how many.

    Raises:
        ManifestError: the manifest cannot be read, or none of its clips can.
        SettingsError: a setting is out of its range, or the backbone is a trained checkpoint.
        BackboneError: the backbone cannot be loaded.
    """
    _expect("load", manifest, (str, Path), "the path of a manifest")
    method = MethodConfig(frames=frames, stages=stages, wording=wording)
    if isinstance(backbone, str):
        backbone = BackboneConfig(backbone=backbone)
    source = load_pretrained(backbone) if isinstance(backbone, BackboneConfig) else load_pretrained(None, backbone)
    if source.head is not None:
        raise SettingsError(
            f"{source.config.model}: a trained checkpoint, whose head would not be used here; measure it with "
            "`lga evaluate --model`"
        )
    return load_dataset(
        read_manifest(Path(manifest), split=split),
        source.backbone,
        method,
        cache=default_cache(),
        descriptions=read_sentences(Path(descriptions), Path(manifest), stages=method.stages) if descriptions else None,
        progress=progress,
    )


def episodes(
    dataset: LoadedDataset,
    *,
    ways: int = 5,
    shots: int = 1,
    queries: int = 1,
    episodes: int = 10_000,
    seed: int = 0,
    source_disjoint: bool = False,
) -> Episodes:
    """Draw episodes among the clips of a dataset; the same seed draws the same ones.

    Raises:
        SettingsError: a number is out of its range.
        ManifestError: the clips cannot fill such an episode, or groups are needed and missing.
    """
    _expect("episodes", dataset, (LoadedDataset,), "a dataset, as evaluation.load gives it")
    protocol = ProtocolConfig(
        ways=ways, shots=shots, queries=queries, episodes=episodes, seed=seed, source_disjoint=source_disjoint
    )
    return plan_episodes(dataset.label, dataset.group, protocol)


def run(
    methods: Mapping[str, Method | MethodEntry | str],
    dataset: LoadedDataset,
    episodes: Episodes,
    *,
    progress: Progress | None = None,
) -> dict[str, Outcome]:
    """Let every method answer every query of the same episodes; no gradients are kept.

    `methods` maps names of your choice to functions of your own, entries of `METHODS`, or names in it.

    Raises:
        SettingsError: something else than that is given, or no method has such a name.
        LGAError: a method's scores are not finite, or not one for every query and class; it is named.
    """
    _expect("run", methods, (Mapping,), 'methods by name, as in {"mine": my_method}')
    _expect("run", dataset, (LoadedDataset,), "a dataset, as evaluation.load gives it")
    _expect("run", episodes, (Episodes,), "episodes, as evaluation.episodes draws them")
    outcomes: dict[str, Outcome] = {}
    with torch.no_grad():
        for name, given in methods.items():
            scorer = read_dataset(_method(name, given, dataset), dataset.dataset)
            if not callable(scorer):
                raise _unwanted("run", scorer, f"a function of tasks from the method {name!r}")
            outcomes |= run_episodes({name: scorer}, episodes, progress=progress)
    return outcomes


def accuracy(outcome: Outcome) -> Interval:
    """The share of right answers, with its three 95 % intervals.

    Raises:
        SettingsError: something else than one method's outcome is given.
    """
    _expect("accuracy", outcome, (Outcome,), "the outcome of one method, as in evaluation.run(...)[name]")
    return statistics.accuracy(outcome)


def _method(name: str, given: Method | MethodEntry | str, dataset: LoadedDataset) -> Method:
    if isinstance(given, str):
        given = find_method(given)
    if isinstance(given, MethodEntry):
        return given.build(dataset.dataset.space)
    if not callable(given):
        raise _unwanted("run", given, f"a function of a dataset as the method {name!r}")
    return given


def _expect(function: str, given: object, kinds: tuple[type, ...], wanted: str) -> None:
    if not isinstance(given, kinds):
        raise _unwanted(function, given, wanted)


def _unwanted(function: str, given: object, wanted: str) -> SettingsError:
    """What was wanted and what came, in one line."""
    return SettingsError(f"evaluation.{function} wants {wanted}, not {shorten(repr(given), MOST_SHOWN)}")
