"""Which of thousands of examples a clip is worth comparing with in full: short vectors, estimates, the best classes."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

ROWS_AT_ONCE = 256
"""Rows that are widened and multiplied together: as many as the caches hold."""


def short_products(
    query: Float[Tensor, "query dim"], rows: Float[Tensor, "rows dim"], *, block: int = ROWS_AT_ONCE
) -> Float[Tensor, "query rows"]:
    """The inner products of every query and every row, where rows may be kept narrower (float16) than queries.

    A query alone is narrowed, which is twice as fast and changes cosines by less than 0.001; for several the rows are
    widened, block by block.

    Source: our choice.
    """
    if len(query) == 1:
        return (query.to(rows.dtype) @ rows.T).to(query.dtype)
    return torch.cat([query @ some.to(query.dtype).T for some in rows.split(block)], 1)


def random_axes(numbers: int, axes: int) -> Float[Tensor, "numbers axes"]:
    """Axes on which distances of long vectors stay what they are, but for noise of about sqrt(2 / axes) of them.

    They depend on nothing but the two sizes, so that examples may come and go.

    Source: random projection, Johnson and Lindenstrauss (1984).
    """
    return torch.randn(numbers, axes, generator=torch.Generator().manual_seed(0)) / axes**0.5


def fit_line(given: Float[Tensor, " pairs"], wanted: Float[Tensor, " pairs"]) -> tuple[float, float]:
    """Slope, not below 0, and level of the line that gives the wanted values from the given ones best.

    Given values that do not differ get the slope 0 and the mean of the wanted ones.

    Raises:
        ValueError: there are no pairs.

    Source: least squares.
    """
    if not len(given):
        raise ValueError("a line needs values, and there are none")
    off, mean = given.double() - given.double().mean(), wanted.double().mean()
    spread = off.square().sum()
    slope = float((off * (wanted.double() - mean)).sum().clamp_min(0) / spread) if spread > 0 else 0.0
    return slope, float(mean) - slope * float(given.double().mean())


def best_classes(
    score: Float[Tensor, "query way"], support_label: Int[Tensor, " examples"], keep: int
) -> Bool[Tensor, "query way"]:
    """Which are the `keep` best of the classes that have examples, or all of those; of equal ones the first.

    Source: our choice. Classes are kept, not single examples, so that each is pooled over all of its own
    (docs/scale.md); ranking coarsely and then in full is what late-interaction retrieval does, as PLAID
    (arXiv:2205.09707).
    """
    taught = torch.bincount(support_label, minlength=score.shape[1]) > 0
    order = score.masked_fill(~taught, -torch.inf).argsort(dim=1, descending=True, stable=True)[:, :keep]
    return torch.zeros_like(score, dtype=torch.bool).scatter(1, order, True) & taught


def nearest_of_each_class(
    distance: Float[Tensor, " examples"], support_label: Int[Tensor, " examples"], most: int
) -> Int[Tensor, " chosen"]:
    """The places, in order, of each class's `most` nearest examples, or all of them; of equal ones the first.

    Source: our choice.
    """
    near = distance.argsort(stable=True)
    grouped = near[support_label[near].argsort(stable=True)]
    label = support_label[grouped]
    begin = torch.searchsorted(label, label)  # where each one's class begins
    rank = torch.arange(len(label), device=label.device) - begin
    return grouped[rank < most].sort().values
