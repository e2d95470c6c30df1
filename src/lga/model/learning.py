"""What taught examples teach: all compared with all, or, of many, some asked about for all."""

from dataclasses import replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from lga.model.matching import Cut
from lga.model.retrieval import ManyExamples, many_examples
from lga.model.staged import StagedExamples, StagedLGA
from lga.model.task import Compared, Learnt, Solved, joined, learn, solve_whole, stretch_of

ALL_ASKED_UP_TO = 1000
"""Up to so many examples each is asked about when actions are prepared; of more, some are asked about for all."""
PAIRS_ASKED = 160_000
"""About as many pairs of an example asked about and a taught one are matched then: about a second of one processor."""
LEAST_ASKED = 64
"""And however many are taught, no fewer are asked about (docs/scale.md says what that changes)."""
EXACT_UP_TO = 5000
"""Up to so many examples a clip is compared in full with each; of more, with those of the actions that suit it best."""
CLIPS_AT_ONCE = 64
"""Examples asked about together."""


def learn_from(
    staged: StagedLGA,
    frames: Float[Tensor, "examples frames dim"],
    motion: Float[Tensor, "examples numbers"] | None,
    text: Float[Tensor, "way stages dim"],
    label: Int[Tensor, " examples"],
) -> tuple[tuple[Cut, ...], StagedExamples | ManyExamples, Learnt, Compared]:
    """The examples cut and ready to be compared, what they teach, and how those asked about compare with all.

    `motion` is as `lga.motion.descriptor` describes it, `text` has the sentences of every class, padded.
    """
    few = len(label) <= EXACT_UP_TO
    return (_of_few if few else _of_many)(staged, frames, motion, text, label)


def _of_few(
    staged: StagedLGA,
    frames: Float[Tensor, "examples frames dim"],
    motion: Float[Tensor, "examples numbers"] | None,
    text: Float[Tensor, "way stages dim"],
    label: Int[Tensor, " examples"],
) -> tuple[tuple[Cut, ...], StagedExamples, Learnt, Compared]:
    """The examples cut and shown, what they teach, and how those asked about compare with all."""
    cuts = staged.cut(frames, motion)
    whole, sentences = staged.lga.as_a_whole(frames, motion), staged.sentences(text)
    asked, rule = choose_asked(label), staged.rule(len(label) / len(text))
    # before the frames are normalised, so that the two do not need memory at once
    solved = solve_whole(whole.alike_among(), label, rule) if len(asked) < len(label) else None
    support = staged.show(frames, cuts, text, whole, label=label)
    rows: list[Compared] = []
    for some in asked.split(CLIPS_AT_ONCE):
        own = [cut[some] for cut in cuts]
        query = staged.ask(frames[some], own, whole[some])
        rows.append(staged.compare(query, support, staged.similarities(frames[some], own, sentences)))
    examples = joined(rows)
    return cuts, support, learn(examples, label, len(text), rule, asked=asked, solved=solved), examples


def _of_many(
    staged: StagedLGA,
    frames: Float[Tensor, "examples frames dim"],
    motion: Float[Tensor, "examples numbers"] | None,
    text: Float[Tensor, "way stages dim"],
    label: Int[Tensor, " examples"],
) -> tuple[tuple[Cut, ...], ManyExamples, Learnt, Compared]:
    """The same of many examples, which are estimated; those asked about go the way of new clips.

    They are learnt from twice: from estimates, which says what they have to be compared with in full, and from that.
    """
    rule, way = staged.rule(len(label) / len(text)), len(text)
    many, asked = many_examples(staged, frames, motion, text, label), choose_asked(label)
    described = None if motion is None else motion[asked]
    cuts, query = many.ask(frames[asked], described)
    many = many.with_line(query)
    similarity = staged.similarities(frames[asked], cuts, staged.sentences(text))
    estimated = many.estimate(query, similarity)
    solved = Solved(stretch_of(estimated.appearance, label, rule, label[asked]), None)
    first = learn(estimated, label, way, rule, asked=asked, solved=solved)
    found = many.refine(query, estimated, first, asked=asked)
    solved = replace(solved, heads=found.left_out)
    return many.cuts, many, learn(found.comparison, label, way, rule, asked=asked, solved=solved), found.comparison


def choose_asked(label: Int[Tensor, " examples"]) -> Int[Tensor, " asked"]:
    """The numbers, in order, of the examples to ask about: all, or of many some, evenly spread over the labels."""
    count = len(label)
    if count <= ALL_ASKED_UP_TO:
        return torch.arange(count)
    some = max(LEAST_ASKED, PAIRS_ASKED // count)
    place = torch.linspace(0, count - 1, some, dtype=torch.float64).round().long()
    return label.argsort(stable=True)[place].sort().values
