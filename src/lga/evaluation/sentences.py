"""Whether sentences mean what they should: against their own label, and against clips that show the action."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

import torch
from einops import repeat
from jaxtyping import Float, Int
from torch import Tensor

from lga.anatomy.schema import Anatomy
from lga.backbone.protocol import Backbone
from lga.config import MethodConfig
from lga.core.score import video_text_scores
from lga.datasets.manifest import LabelledClip
from lga.errors import AnatomyError, ManifestError
from lga.features.cache import FeatureCache
from lga.features.extract import Progress, Skipped, collect, encode_names, encode_stages
from lga.model.matching import LGA

STAGE_SHARE = 0.5
"""a sentence should be nearer to its own label than to this share of the others"""
ANATOMY_SHARE = 0.75
"""the same for the mean over an anatomy's stages"""


@dataclass(frozen=True, slots=True)
class TextCheck:
    """For each stage of a label, the share of other labels to which its sentence is less similar than to its own."""

    label: str
    shares: tuple[float, ...]

    @property
    def doubtful(self) -> bool:
        """Whether a stage, or the stages together, suit other labels better."""
        return min(self.shares) < STAGE_SHARE or sum(self.shares) / len(self.shares) < ANATOMY_SHARE


@dataclass(frozen=True, slots=True)
class VisualCheck:
    """How well the sentences of a label recognise its example clips; nothing is taught, the words alone decide."""

    label: str
    origin: str
    clips: int
    shares: tuple[float, ...]
    """a stage each: how often a clip's stage is more alike to its own sentence than to another label's, 0 to 1; 0.5 is
    chance"""
    right: int
    """clips recognised, among all labels, by the sentences"""
    right_by_label: int
    """clips recognised by the label alone"""
    gained: int
    """clips that only the sentences recognise"""
    lost: int
    """clips that only the label alone recognises"""
    rival: str | None
    """the label that takes most of the clips which the sentences get wrong"""

    @property
    def hurts(self) -> bool:
        """Whether the sentences lose more clips than they gain."""
        return self.lost > self.gained

    @property
    def chance(self) -> float:
        """The probability that gains and losses are at least so unequal if neither wording is better (sign test)."""
        return sign_test(self.gained, self.lost)


@dataclass(frozen=True, slots=True)
class VisualChecks:
    """The visual check of a set of anatomies, the most harmful first."""

    checks: tuple[VisualCheck, ...]
    skipped: tuple[Skipped, ...]


def label_shares(
    stages: Float[Tensor, "classes stages dim"], labels: Float[Tensor, "classes dim"]
) -> Float[Tensor, "classes stages"]:
    """The share of the other labels to which each stage's sentence is less alike than to its own label, 0 to 1.

    Similarity is the cosine; a tie counts half. A sentence of another label has 0.5 on average.

    Raises:
        ValueError: there is only one label.
    """
    similarity = video_text_scores(stages, repeat(labels, "c d -> c l d", l=stages.shape[1]))
    return own_shares(similarity, torch.arange(len(labels), device=labels.device))


def own_shares(
    similarity: Float[Tensor, "items classes stages"], label: Int[Tensor, " items"]
) -> Float[Tensor, "items stages"]:
    """For each item and stage, the share of the other classes that are less alike than its own; a tie counts half.

    Its mean over a class's items is the area under the curve (AUC) of telling own from other sentences item by item.

    Raises:
        ValueError: there is only one class.
    """
    if similarity.shape[1] < 2:
        raise ValueError("one class alone cannot be told from others")
    own = similarity.gather(1, repeat(label, "i -> i 1 l", l=similarity.shape[2]))
    below = (similarity < own).sum(1) + ((similarity == own).sum(1) - 1) / 2
    return below / (similarity.shape[1] - 1)


def sign_test(gained: int, lost: int) -> float:
    """The two-sided probability of a split at least so unequal, if gaining and losing were equally likely; 1 for none.

    Source: the exact sign (McNemar) test.
    """
    total = gained + lost
    return min(1.0, 2 * sum(comb(total, few) for few in range(min(gained, lost) + 1)) / 2**total)


def check_against_labels(anatomies: Sequence[Anatomy], backbone: Backbone, cache: FeatureCache) -> list[TextCheck]:
    """Compare every stage's sentence with all labels in the text encoder's space; the most doubtful first.

    Needs no clip. A sentence that names another action's things, or nothing in particular, gets a low share; so may a
    good one whose words the label does not suggest, and those of labels that differ in a detail only. Read it, then
    decide.

    Raises:
        AnatomyError: there are fewer than two anatomies, or they differ in the number of stages.
    """
    if len(anatomies) < 2:
        raise AnatomyError("sentences are compared with their own label and others; give at least two labels")
    if len({len(one.stages) for one in anatomies}) > 1:
        raise AnatomyError("the labels have different numbers of stages; check those of one number at a time")
    labels = encode_names(anatomies, backbone, cache)
    shares = label_shares(encode_stages(anatomies, "stages", backbone, cache), labels)
    found = [TextCheck(one.label, tuple(row)) for one, row in zip(anatomies, shares.tolist(), strict=True)]
    return sorted(found, key=lambda one: sum(one.shares))


def check_against_clips(
    clips: Sequence[LabelledClip],
    anatomies: Sequence[Anatomy],
    backbone: Backbone,
    method: MethodConfig,
    *,
    cache: FeatureCache,
    progress: Progress | None = None,
) -> VisualChecks:
    """Recognise clips by words alone, with each label's sentences and with the label alone, clip by clip.

    `anatomies` are the labels to choose among, all labels of the clips among them; the sentences are worded as `method`
    says. A clip that cannot be read is left out and named.

    Raises:
        ManifestError: no clip can be read, or there are fewer than two labels.
        ValueError: a clip's label has no anatomy, or `method` gives every label its own number of stages.
    """
    if len(anatomies) < 2:
        raise ManifestError("clips are recognised among labels; give clips of at least two actions")
    names = [one.label for one in anatomies]
    paths = [clip.path for clip in clips]
    kept, skipped = collect(paths, backbone, frames=method.frames, cache=cache, progress=progress)
    label = torch.tensor([names.index(clips[place].label) for place, _ in kept])
    if not kept:
        first = f"; the first: {skipped[0].reason}" if skipped else ""
        raise ManifestError(f"none of the {len(clips)} clips can be read{first}")
    frames = torch.stack([features.frames for _, features in kept])
    lga = LGA(method, backbone.space)
    cut = lga.cut(frames)
    by_sentences, by_label = (
        lga.similarities(frames, cut, lga.sentences(encode_stages(anatomies, wording, backbone, cache)))
        for wording in (method.wording, "label")
    )
    return VisualChecks(tuple(weigh_checks(by_sentences, by_label, label, anatomies)), tuple(skipped))


def weigh_checks(
    by_sentences: Float[Tensor, "clips classes stages"],
    by_label: Float[Tensor, "clips classes stages"],
    label: Int[Tensor, " clips"],
    anatomies: Sequence[Anatomy],
) -> list[VisualCheck]:
    """Check each label by the similarities to all sentences and to all label names; those that lose most come first.

    Source: our choice; a clip's answer is the class with the largest sum over its stages, as in LGA's V-T match.
    """
    shares = own_shares(by_sentences, label)
    answer, plain = by_sentences.sum(-1).argmax(1), by_label.sum(-1).argmax(1)
    found: list[VisualCheck] = []
    for place, anatomy in enumerate(anatomies):
        mine = label == place
        if not bool(mine.any()):
            continue
        good, known = (answer == place)[mine], (plain == place)[mine]
        wrong = Counter(one for one in answer[mine].tolist() if one != place)
        found.append(
            VisualCheck(
                label=anatomy.label,
                origin=anatomy.origin,
                clips=len(good),
                shares=tuple(shares[mine].mean(0).tolist()),
                right=int(good.sum()),
                right_by_label=int(known.sum()),
                gained=int((good & ~known).sum()),
                lost=int((known & ~good).sum()),
                rival=anatomies[wrong.most_common(1)[0][0]].label if wrong else None,
            )
        )
    return sorted(found, key=lambda one: ((one.gained - one.lost) / one.clips, one.label))
