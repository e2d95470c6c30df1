"""What distances and similarities are before they become scores: cosines, hub corrections, contrast."""

import torch
import torch.nn.functional as F
from einops import einsum
from jaxtyping import Bool, Float, Int
from torch import Tensor

LEAST_SPREAD = 0.07
"""How much the cosines of clips of different classes differ at least, as a deviation, once they are stretched."""
SPREAD_PRIOR = 5.0
"""As many differences as the least spread counts for: a few examples hardly say how much theirs differ."""
MOST_STRETCH = 10.0
"""Clips that hardly differ are not stretched any further: what is left between them may be noise."""

ROWS_AT_ONCE = 512
"""Examples compared with all at a time: a task of thousands then takes no more memory than its table."""


def look_up(
    table: Float[Tensor, "rows columns"], row: Int[Tensor, "*#places"], column: Int[Tensor, "*#places"]
) -> Float[Tensor, "*places"]:
    """table[row, column], where rows and columns are broadcast together.

    Source: our choice; flat 32-bit indices are looked up fastest.
    """
    kind = torch.int32 if table.numel() < 2**31 else torch.int64
    place = (row * table.shape[1]).to(kind) + column.to(kind)
    return table.flatten().index_select(0, place.flatten()).unflatten(0, place.shape)


def video_text_scores(
    stages: Float[Tensor, "query stages dim"], text: Float[Tensor, "way stages dim"]
) -> Float[Tensor, "query way stages"]:
    """The cosine between each stage of a query and the same stage's sentence of each class, from -1 to 1.

    Their sum over the stages is the text score s_c. A stage or sentence of all zeros scores 0.

    Source: LGA (arXiv:2507.16287), "Video-text matching".
    """
    return unit_text_scores(stages, F.normalize(text, dim=-1))


def unit_text_scores(
    stages: Float[Tensor, "query stages dim"], text: Float[Tensor, "way stages dim"]
) -> Float[Tensor, "query way stages"]:
    """`video_text_scores` of sentences whose length is 1, or 0, already.

    Source: as `video_text_scores`.
    """
    return einsum(F.normalize(stages, dim=-1), text, "q l d, c l d -> q c l")


def gram(rows: Float[Tensor, "rows dim"], block: int = ROWS_AT_ONCE) -> Float[Tensor, "rows rows"]:
    """The inner products of all rows with all; a product and its mirror image are worked out once, in blocks.

    Source: our choice; with thousands of rows in half the time of one matrix product.
    """
    if len(rows) <= block:
        return rows @ rows.T
    found = rows.new_empty(len(rows), len(rows))
    for start in range(0, len(rows), block):
        stop = start + block
        part = rows[start:stop] @ rows[start:].T
        found[start:, start:stop] = part.T
        found[start:stop, start:] = part
    return found


def hub_means(
    examples: Float[Tensor, "*episodes examples columns"], foreign: Bool[Tensor, "examples columns"]
) -> Float[Tensor, "*episodes columns"]:
    """What every column gives to clips that it should not suit: its mean over the examples of other classes.

    `examples` are the scores of the taught examples themselves (distances to examples, or similarities to classes),
    `foreign` says which examples are of another class than the column. A column without foreign examples is treated
    like the average of those that have some. A share of this mean is held against the column: an example, or a
    sentence, that is near to everything says little about a clip near to it.

    Source: our choice, after hubness corrections such as CSLS (arXiv:1710.04087); only the examples are used.
    """
    weight = foreign.to(examples.dtype)
    count = weight.sum(0)
    mean = (examples * weight).sum(-2) / count.clamp_min(1)
    usual = mean.sum(-1, keepdim=True) / (count > 0).sum().clamp_min(1)
    return mean.where(count > 0, usual)


def hub_means_without(
    examples: Float[Tensor, "*episodes asked columns"],
    foreign: Bool[Tensor, "asked columns"],
    group: Int[Tensor, " asked"] | None,
    stays: Bool[Tensor, "asked columns"],
) -> Float[Tensor, "*episodes asked columns"]:
    """`hub_means` for each example asked about, without those of its group; columns that go count for none.

    Without groups each leaves out itself alone.

    Source: our choice, as `hub_means`.
    """
    weight = foreign.to(examples.dtype)
    given = examples * weight
    gone, lost = (one if group is None else _group_sums(one, group) for one in (weight, given))
    count = weight.sum(0) - gone
    mean = (given.sum(-2, keepdim=True) - lost) / count.clamp_min(1)
    some = ((count > 0) & stays).to(examples.dtype)
    usual = (mean * some).sum(-1, keepdim=True) / some.sum(-1, keepdim=True).clamp_min(1)
    return mean.where(count > 0, usual)


def _group_sums(
    rows: Float[Tensor, "*episodes asked columns"], group: Int[Tensor, " asked"]
) -> Float[Tensor, "*episodes asked columns"]:
    """In every row the sum over the rows of its group."""
    there, group = group.unique(return_inverse=True)
    empty = rows.new_zeros((*rows.shape[:-2], len(there), rows.shape[-1]))
    return empty.index_add(-2, group, rows)[..., group, :]


def contrast_stretch(
    appearance: Float[Tensor, "*episodes asked examples"],
    support_label: Int[Tensor, " examples"],
    mine: Int[Tensor, " asked"] | None = None,
) -> Float[Tensor, "*episodes"]:
    """By how much the distances of appearance are multiplied, 1 to `MOST_STRETCH`, from the examples alone.

    `appearance` are the cosines of the examples' mean frames: of all with all, or of some, whose labels are `mine`,
    with all. Where an example's cosines with those of other classes
    deviate from their mean by less than `LEAST_SPREAD`, all are stretched until they do: backbones whose pictures all
    lie in a narrow cone tell as much by small differences as others by large ones. Where no example has two of other
    classes it is 1.

    Source: our choice, made on simulated joint spaces (docs/backbones.md).
    """
    square, differences = appearance.new_zeros(()), appearance.new_zeros(())
    own = support_label if mine is None else mine
    for some, label in zip(appearance.split(ROWS_AT_ONCE, -2), own.split(ROWS_AT_ONCE), strict=True):
        foreign = (label[:, None] != support_label).to(appearance.dtype)
        count = foreign.sum(-1, keepdim=True)
        mean = (some * foreign).sum(-1, keepdim=True) / count.clamp_min(1)
        square = square + ((some - mean).square() * foreign).sum((-2, -1))
        differences = differences + (count - 1).clamp_min(0).sum()
    variance = (square + SPREAD_PRIOR * LEAST_SPREAD**2) / (differences + SPREAD_PRIOR)
    return (LEAST_SPREAD / variance.sqrt()).clamp(1.0, MOST_STRETCH)
