"""The few-shot accuracy of LGA on a bench: match once, draw or replay the episodes, and count."""

from dataclasses import dataclass

from lga.config import MethodConfig, ProtocolConfig
from lga.core.score import resolve_alpha
from lga.engine.bench import LoadedBench
from lga.engine.evaluate import Outcome, run_episodes
from lga.engine.extract import Progress
from lga.engine.statistics import Interval, accuracy, paired_difference
from lga.episodes.plan import Episodes
from lga.errors import ManifestError
from lga.methods.lga import MATCHES, Matrix, lga_scorer, match_bench
from lga.model.head import Head


@dataclass(frozen=True, slots=True)
class Report:
    """What an evaluation found, and from what."""

    accuracy: dict[str, Interval]
    outcome: dict[str, Outcome]
    episodes: Episodes
    protocol: ProtocolConfig
    alpha: float
    """the weight of the video match that was used"""


def evaluate_bench(
    matrix: Matrix,
    method: MethodConfig,
    episodes: Episodes,
    protocol: ProtocolConfig,
    *,
    progress: Progress | None = None,
) -> Report:
    """Answer the episodes by the video match, the text match and both, training-free."""
    scorers = {match: lga_scorer(matrix, method, match=match) for match in MATCHES}
    found = run_episodes(scorers, episodes, progress=progress)
    alpha = resolve_alpha(method.alpha, protocol.shots, method.text_shots)
    return Report({match: accuracy(one) for match, one in found.items()}, found, episodes, protocol, alpha)


def compare_settings(
    report: Report,
    loaded: LoadedBench,
    other: LoadedBench,
    method: MethodConfig,
    *,
    head: Head | None = None,
    progress: Progress | None = None,
) -> tuple[Report, dict[str, Interval]]:
    """Answer the report's episodes with other settings too; the difference is the report's accuracy less theirs.

    `other` holds the same clips, encoded as `method` wants them.

    Raises:
        ManifestError: the other settings can read fewer or more clips.
    """
    if loaded.digests != other.digests:
        raise ManifestError(
            f"the two settings can read {len(loaded.digests)} and {len(other.digests)} clips; leave out those "
            "that were skipped, so that both answer the same episodes"
        )
    rival = evaluate_bench(
        match_bench(other.bench, method, head=head, progress=progress), method, report.episodes, report.protocol
    )
    return rival, {match: paired_difference(report.outcome[match], rival.outcome[match]) for match in MATCHES}
