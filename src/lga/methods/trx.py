"""TRX: ordered pairs (or triples) of a query's frames are matched with those of all of a class's examples."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import log, sqrt

import torch
import torch.nn.functional as F
from einops import einsum, rearrange, reduce
from jaxtyping import Float, Int
from torch import Tensor, nn

from lga.methods.protocol import Dataset, Scorer, Tasks, seen_frames
from lga.methods.scoring import FEATURES_AT_ONCE, in_blocks

POSITION = 0.1
"""The size of the positional encoding beside frames whose numbers have mean square 1."""
CLIPS_AT_ONCE = 64
"""Clips whose tuples are written out together, before they are projected."""
WIDTH = 1152
"""The official size of keys and values. LayerNorm makes k_q k_s / sqrt(width) about sqrt(width) times a cosine."""


@dataclass(frozen=True, slots=True)
class Tuples:
    """Clips as tuples: keys and values of units, and which units, side by side, make up each tuple.

    A learnt projection has one unit a tuple; without one the units are frames, so that a tuple's inner products are
    sums of its frames', and the long concatenation is never made.
    """

    key: Float[Tensor, "*clips units width"]
    value: Float[Tensor, "*clips units width"]
    member: Int[Tensor, "tuples cardinality"]

    def of(self, clips: Int[Tensor, "*some"]) -> "Tuples":
        """The tuples of some of the clips."""
        return Tuples(self.key[clips], self.value[clips], self.member)


class TRX(nn.Module):
    """-|v_q - sum_s softmax_s(k_q k_s / sqrt(width)) v_s|^2, averaged over the query's tuples and the cardinalities.

    A tuple is the concatenation of frames in their order, each with a positional encoding; s runs over the tuples of
    all examples of a class, so that every query tuple gets a prototype of its own. k = LayerNorm(linear(tuple)), v is
    another linear map of it (whose bias would cancel). Squared distances are divided by their number of dimensions and
    multiplied by `scale`, so that they do not depend on the backbone. The maps start orthogonal: they keep all angles
    at first where `width` is at least the size of a tuple. With `width` None nothing is learnt: v = the tuples, and
    k = v, scaled so that the attention is as sharp as at the official width, whatever the backbone's size.

    Source: Perrett et al., "Temporal-relational cross-transformers" (arXiv:2101.06184); squared distances,
    LayerNorm on the keys alone, encoding, dropout 0.1 and width 1152 as in the official code; frames of mean square 1,
    the orthogonal start, the scale and the form without learning are our choice.
    """

    def __init__(
        self, dim: int, *, cardinalities: Sequence[int] = (2,), width: int | None = WIDTH, scale: float = 10.0
    ):
        super().__init__()
        self.cardinalities, self.width, self.scale = tuple(cardinalities), width, scale
        sizes = () if width is None else tuple((dim * one, width) for one in self.cardinalities)
        self.keys = nn.ModuleList(nn.Sequential(_orthogonal(*size, bias=True), nn.LayerNorm(size[1])) for size in sizes)
        self.values = nn.ModuleList(_orthogonal(*size, bias=False) for size in sizes)
        self.drop = nn.Dropout(0.1 if sizes else 0.0)

    def forward(self, dataset: Dataset) -> Scorer:
        """Make every clip's tuples once."""
        seen = seen_frames(dataset)
        even = F.normalize(seen, dim=-1) * sqrt(seen.shape[-1])
        frames = self.drop(even + POSITION * encode_positions(*seen.shape[1:]).to(seen))
        tuples = [self._project(frames, place) for place in range(len(self.cardinalities))]

        def score(tasks: Tasks) -> Float[Tensor, "episodes queries way"]:
            query = rearrange(tasks.query, "e w q -> e (w q)")
            distance = [tuple_distances(one.of(query), one.of(tasks.support), self._sharpness(one)) for one in tuples]
            return -self.scale * torch.stack(distance).mean(0)

        def numbers(tasks: Tasks) -> int:
            asked, shown = tasks.query[0].numel(), tasks.support[0].numel()
            sizes = [(one.key[0].numel(), len(one.member)) for one in tuples]
            return max((asked + shown) * unit + shown * (asked + tasks.support.shape[2]) * n * n for unit, n in sizes)

        return in_blocks(score, numbers, most=FEATURES_AT_ONCE)

    def _sharpness(self, tuples: Tuples) -> float:
        size = tuples.key.shape[-1] * tuples.member.shape[1]
        return sqrt(WIDTH) / size if self.width is None else 1 / sqrt(size)

    def _project(self, frames: Float[Tensor, "clips frames dim"], place: int) -> Tuples:
        cardinality = self.cardinalities[place]
        member = list_tuples(frames.shape[1], cardinality).to(frames.device)
        if not self.keys:
            return Tuples(frames, frames, member)
        keys: list[Tensor] = []
        values: list[Tensor] = []
        for some in frames.split(CLIPS_AT_ONCE):
            joined = rearrange(some[:, member], "n p c d -> n p (c d)")
            keys.append(self.keys[place](joined))
            values.append(self.values[place](joined))
        whole = torch.arange(len(member), device=frames.device)[:, None]
        return Tuples(torch.cat(keys), torch.cat(values), whole)


def list_tuples(frames: int, cardinality: int) -> Int[Tensor, "tuples cardinality"]:
    """All ordered choices of `cardinality` of a clip's frames.

    Raises:
        ValueError: if a clip has fewer frames than that.

    Source: TRX (arXiv:2101.06184), the set of tuples.
    """
    if not 1 <= cardinality <= frames:
        raise ValueError(f"tuples of {cardinality} frames need clips of at least as many, not {frames}")
    return torch.tensor(list(combinations(range(frames), cardinality)))


def encode_positions(frames: int, dim: int) -> Float[Tensor, "frames dim"]:
    """Sines (even places) and cosines (odd places) of each frame's number, at falling frequencies.

    Source: Vaswani et al. (arXiv:1706.03762); TRX adds a tenth of it.
    """
    place = torch.arange(dim)
    angle = torch.arange(frames)[:, None] * torch.exp(-log(10000.0) / dim * (place - place % 2))
    return torch.where(place % 2 == 0, angle.sin(), angle.cos())


def tuple_distances(query: Tuples, support: Tuples, sharpness: float) -> Float[Tensor, "episodes queries way"]:
    """The squared distance, a dimension, of each query to its own prototype of each class, averaged over its tuples.

    Queries are [episodes queries ..], examples [episodes way shots ..]. Everything comes from inner products:
    |v - P|^2 = |v|^2 - 2 a.<v, s> + a.<s, s>.a, with the attention a = softmax(sharpness * <k, k_s>).

    Source: TRX (arXiv:2101.06184), query-specific class prototypes.
    """
    member = query.member
    size = member.shape[1] * query.value.shape[-1]
    cross = _tuple_products(query.value, support.value, member)
    attended = cross if query.key is query.value else _tuple_products(query.key, support.key, member)
    share = (sharpness * attended).softmax(-1)
    among = einsum(support.value, support.value, "e w k i d, e w l j d -> e w k l i j")
    own = rearrange(_gather_tuples(among, member), "e w k l i j -> e w (k i) (l j)")
    spread = (einsum(share, own, "e q w i s, e w s r -> e q w i r") * share).sum(-1)
    length = reduce(query.value.square()[:, :, member], "e q p c d -> e q 1 p", "sum")
    return (length - 2 * (share * cross).sum(-1) + spread).mean(-1) / size


def _tuple_products(
    query: Float[Tensor, "episodes queries units width"],
    support: Float[Tensor, "episodes way shots units width"],
    member: Int[Tensor, "tuples cardinality"],
) -> Float[Tensor, "episodes queries way tuples others"]:
    unit = einsum(query, support, "e q i d, e w k j d -> e q w k i j")
    return rearrange(_gather_tuples(unit, member), "e q w k i j -> e q w i (k j)")


def _gather_tuples(
    unit: Float[Tensor, "*clips units units"], member: Int[Tensor, "tuples cardinality"]
) -> Float[Tensor, "*clips tuples tuples"]:
    """Inner products of tuples from those of their units."""
    units, tuples = unit.shape[-1], len(member)
    place = [(one[:, None] * units + one).flatten() for one in member.T]
    found = torch.stack([unit.flatten(-2).index_select(-1, one) for one in place]).sum(0)
    return rearrange(found, "... (p r) -> ... p r", p=tuples)


def _orthogonal(size: int, width: int, *, bias: bool) -> nn.Linear:
    linear = nn.Linear(size, width, bias=bias)
    nn.init.orthogonal_(linear.weight)
    return linear
