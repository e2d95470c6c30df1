"""From labelled clips to a few-shot accuracy: encode, match all with all, run the episodes."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from einops import rearrange

from lga.anatomy.anatomize import anatomize
from lga.anatomy.files import Descriptions
from lga.anatomy.wording import word_stages
from lga.backbone.protocol import Backbone
from lga.config import MethodConfig, ProtocolConfig
from lga.core.score import resolve_alpha
from lga.engine.evaluate import Interval, match_all, run_episodes
from lga.engine.extract import Progress, Skipped, extract_features
from lga.episodes.manifest import LabelledClip
from lga.episodes.plan import plan_episodes
from lga.errors import ManifestError
from lga.features import ClipFeatures, FeatureCache
from lga.video.files import printable, refusal


@dataclass(frozen=True, slots=True)
class Report:
    """What an evaluation found, and on what."""

    accuracy: dict[str, Interval]
    class_accuracy: dict[str, float | None]
    """combined, a label; None where no query was of it"""
    calibration_error: float
    alpha: float
    clips: int
    origins: dict[str, int]
    """how many labels' sentences come from the lexicon, a file or the template"""
    skipped: tuple[Skipped, ...]


def evaluate_clips(
    clips: Sequence[LabelledClip],
    backbone: Backbone,
    method: MethodConfig,
    protocol: ProtocolConfig,
    *,
    cache: FeatureCache,
    descriptions: Descriptions | None = None,
    encoding: Progress | None = None,
    matching: Progress | None = None,
) -> Report:
    """Evaluate training-free on labelled clips; clips that cannot be read are left out and named.

    Raises:
        ManifestError: no clip can be read, or the rest cannot fill the episodes.
        AnatomyError: a label cannot be taken apart.
    """
    kept: list[tuple[LabelledClip, ClipFeatures]] = []
    skipped: list[Skipped] = []
    seen: dict[str, Path] = {}
    found = extract_features([clip.path for clip in clips], backbone, frames=method.frames, cache=cache)
    for number, (clip, features) in enumerate(zip(clips, found, strict=True), 1):
        if isinstance(features, Skipped):
            skipped.append(features)
        elif features.digest in seen:
            why = f"the same clip as {printable(seen[features.digest])}"
            skipped.append(Skipped(clip.path, str(refusal(clip.path, why))))
        else:
            seen[features.digest] = clip.path
            kept.append((clip, features))
        if encoding is not None:
            encoding(number, len(clips))
    if not kept:
        raise ManifestError(f"none of the {len(clips)} clips can be read; the first: {skipped[0].reason}")
    labels = sorted({clip.label for clip, _ in kept})
    anatomies = [anatomize(label, stages=method.stages, descriptions=descriptions) for label in labels]
    words = [text for anatomy in anatomies for text in word_stages(anatomy, method.wording)]
    text = rearrange(cache.encode_text(words, backbone), "(c l) d -> c l d", c=len(labels))
    number = np.array([labels.index(clip.label) for clip, _ in kept])
    episodes = plan_episodes(number, _groups([clip for clip, _ in kept]), protocol)
    frames = torch.stack([features.frames for _, features in kept])
    matrix = match_all(frames, torch.from_numpy(number), text, method, backbone.space, progress=matching)
    outcome = run_episodes(matrix, episodes, method, protocol)
    by_class = outcome.class_accuracy(len(labels)).tolist()
    return Report(
        accuracy=outcome.accuracy(),
        class_accuracy={one: None if np.isnan(share) else share for one, share in zip(labels, by_class, strict=True)},
        calibration_error=outcome.calibration_error(),
        alpha=resolve_alpha(method.alpha, protocol.shots),
        clips=len(kept),
        origins=dict(Counter(anatomy.origin for anatomy in anatomies)),
        skipped=tuple(skipped),
    )


def _groups(clips: Sequence[LabelledClip]) -> np.ndarray | None:
    """Number the groups; a clip without one is a group of its own. None if no clip has one."""
    if all(clip.group is None for clip in clips):
        return None
    names: dict[object, int] = {}
    return np.array([names.setdefault(clip.group or clip, len(names)) for clip in clips])
