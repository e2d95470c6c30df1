"""Whether test clips or classes were seen before: in training, or twice in the data."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lga.datasets.manifest import read_table
from lga.datasets.partition import BENCHMARKS, Benchmark, read_partition
from lga.errors import ManifestError
from lga.evaluation.dataset import LoadedDataset
from lga.labels import lookup_key, quote
from lga.model.checkpoint import CheckpointRecord


@dataclass(frozen=True, slots=True)
class SeenClips:
    """The clips of a training or a test: their ids (or the digests of their content) and their benchmark."""

    name: str
    """for messages: the checkpoint's folder or the manifest"""
    ids: frozenset[str]
    benchmark: Benchmark | None = None


def read_seen_clips(manifest: Path, *, split: str | None = None) -> SeenClips:
    """The ids in a manifest's column `id` and the benchmark it was imported as, if it has these columns.

    Raises:
        ManifestError: it is not a manifest.
    """
    table = read_table(manifest)
    rows = [row for row in table.rows if split is None or table.cell(row, "split") == split]
    named = {table.cell(row, "benchmark") for row in rows}
    known: list[Benchmark] = [one for one in BENCHMARKS if named == {one}]
    ids = frozenset(table.cell(row, "id") for row in rows) - {""}
    return SeenClips(str(manifest), ids, known[0] if known else None)


def shared_clips(train: Iterable[str], test: Iterable[str]) -> tuple[str, ...]:
    """The ids that are in both, in order."""
    return tuple(sorted(set(train) & set(test)))


def refuse_overlap(trained: SeenClips, asked: SeenClips) -> None:
    """Refuse to evaluate weights on what they have seen.

    Two benchmarks that cut the same videos differently (ssv2_small and ssv2_full) put classes that one tests into the
    training of the other, so weights of one are refused on the other even where no clip is in both.

    Raises:
        ManifestError: a clip is in both, or the two benchmarks share their videos.
    """
    if trained.benchmark and asked.benchmark and trained.benchmark != asked.benchmark:
        videos = read_partition(asked.benchmark).videos
        if read_partition(trained.benchmark).videos == videos:
            raise ManifestError(
                f"{trained.name} was trained on {trained.benchmark}, which is cut from the same videos ({videos}) as "
                f"{asked.benchmark} of {asked.name}; evaluate on {trained.benchmark}, or train on {asked.benchmark}"
            )
    shared = shared_clips(trained.ids, asked.ids)
    if shared:
        raise ManifestError(
            f"{asked.name}: {len(shared)} of its {len(asked.ids)} clips were in the training of {trained.name} "
            f"(the first: {shared[0]}); evaluate on clips it has not seen"
        )


def refuse_seen(
    record: CheckpointRecord, checkpoint: str, manifest: Path, split: str | None, asked: LoadedDataset
) -> None:
    """Refuse to evaluate a checkpoint on classes, clips or a benchmark that it was trained on or chosen with.

    Raises:
        ManifestError: there is an overlap; the first is named.
    """
    trained = record.provenance
    known: list[Benchmark] = [one for one in BENCHMARKS if one == trained.benchmark]
    refuse_overlap(
        SeenClips(checkpoint, frozenset(trained.ids), known[0] if known else None),
        read_seen_clips(manifest, split=split),
    )
    clips = sorted(set(trained.clips) & set(asked.digests))
    learnt = {lookup_key(label) for label in (*trained.classes, *record.selection.classes)}
    classes = sorted(label for label in asked.labels if lookup_key(label) in learnt)
    if clips or classes:
        what = f"{len(clips)} of these clips" if clips else f"the class {quote(classes[0])}"
        raise ManifestError(
            f"{checkpoint} was trained or chosen on {what}: nothing would be measured; use --split test, or clips of "
            "classes that it has not seen"
        )
