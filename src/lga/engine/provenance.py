"""Whether weights are asked about what they were trained on."""

from pathlib import Path

from lga.anatomy.labels import lookup_key, quote
from lga.engine.bench import LoadedBench
from lga.episodes.overlap import Provenance, read_provenance, refuse_overlap
from lga.episodes.partition import BENCHMARKS, Benchmark
from lga.errors import ManifestError
from lga.model.record import CheckpointRecord


def refuse_seen(
    record: CheckpointRecord, checkpoint: str, manifest: Path, split: str | None, asked: LoadedBench
) -> None:
    """Refuse to evaluate a checkpoint on classes, clips or a benchmark that it was trained on or chosen with.

    Raises:
        ManifestError: there is an overlap; the first is named.
    """
    trained = record.provenance
    known: list[Benchmark] = [one for one in BENCHMARKS if one == trained.benchmark]
    refuse_overlap(
        Provenance(checkpoint, frozenset(trained.ids), known[0] if known else None),
        read_provenance(manifest, split=split),
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
