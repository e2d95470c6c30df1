"""How things move: signed directions of motion around the moving body, with the camera's own motion taken off."""

from math import exp, tau

import torch
import torch.nn.functional as F
from einops import einsum, rearrange
from jaxtyping import Float
from torch import Tensor

MOMENTS = 16
"""Moments of a clip at which its motion is measured, at the centres of equal parts."""
GRID, DIRECTIONS = 4, 8
"""Cells of the histogram along each axis, and directions in each."""
NUMBERS = MOMENTS * GRID * GRID * DIRECTIONS
SLOWEST = 0.06
"""Short sides of the picture a second below which nothing counts as motion."""
SPAN = 2.0
"""How many standard deviations of the motion's place the grid reaches from its centre."""
SMOOTHING = 1.5
"""Standard deviation, in moments, of the smoothing over time."""
STILL_SPEED = 0.03
"""Short sides a second at which the stillness of the camera has fallen to 1 / e."""
ROUNDS = 6
"""Rounds of reweighting in `remove_camera`; more change nothing that can be seen."""
NARROWEST = 0.05
"""The least spread of the motion, in short sides: a dot gets a grid as large as this."""


def remove_camera(flow: Float[Tensor, "moments 2 rows columns"]) -> Float[Tensor, "moments 2 rows columns"]:
    """What is left of a flow when the affine motion that most of the picture shares is taken off.

    Each moment is fitted by least squares, reweighted `ROUNDS` times so that what moves otherwise hardly counts.

    Source: our choice; robust affine camera motion as in Odobez & Bouthemy (1995), with Geman-McClure weights.
    """
    rows, columns = flow.shape[2:]
    down, across = torch.meshgrid(torch.linspace(-1, 1, rows), torch.linspace(-1, 1, columns), indexing="ij")
    place = torch.stack([torch.ones_like(down), across, down], -1).flatten(0, 1)
    vector = rearrange(flow, "t v r c -> t (r c) v")
    rest, weight = vector, torch.ones(vector.shape[:2])
    for _ in range(ROUNDS):
        weighed = weight[..., None] * place
        curve = weighed.mT @ place + 1e-4 * torch.eye(3)
        rest = vector - place @ torch.linalg.solve(curve, weighed.mT @ vector)
        size = torch.hypot(rest[..., 0], rest[..., 1])
        usual = 1.5 * size.median(1, keepdim=True).values.clamp_min(0.01)
        weight = 1 / (1 + (size / usual).square()).square()
    return rearrange(rest, "t (r c) v -> t v r c", r=rows)


def direction_histograms(
    motion: Float[Tensor, "moments 2 rows columns"],
) -> Float[Tensor, "moments grid other_grid directions"]:
    """How much moves where and in which direction, on a grid centred on what moves in the whole clip.

    `motion` is in short sides of the picture a second: to the right, and down. Rows of the result go down, columns to
    the right, directions from right over down. Speed beyond `SLOWEST` is shared linearly between the two
    nearest directions and the four nearest cells; beyond the grid it counts to the outermost. A still clip gives zeros.

    Source: our choice, after histograms of optical flow (Laptev et al., CVPR 2008); centring on the motion is ours.
    """
    rows, columns = motion.shape[2:]
    unit = 1 / min(rows, columns)
    down = (torch.arange(rows) + 0.5)[:, None].expand(rows, columns).flatten() * unit
    across = (torch.arange(columns) + 0.5).expand(rows, columns).flatten() * unit
    right, below = rearrange(motion, "t v r c -> v t (r c)")
    excess = (torch.hypot(right, below) - SLOWEST).clamp_min(0)
    share = excess.mean(0)
    share = share / share.sum() if float(share.sum()) > 0 else torch.full_like(share, 1 / len(share))
    centre = [(share * one).sum() for one in (down, across)]
    spread = [
        (share * (one - middle).square()).sum().clamp_min(NARROWEST**2)
        for one, middle in zip((down, across), centre, strict=True)
    ]
    reach = SPAN * ((spread[0] + spread[1]) / 2).sqrt()
    cell = torch.arange(GRID)
    near = [
        (1 - ((((one - middle) / reach + 1) / 2 * GRID - 0.5).clamp(0, GRID - 1) - cell[:, None]).abs()).clamp_min(0)
        for one, middle in zip((down, across), centre, strict=True)
    ]
    where = einsum(near[0], near[1], "i n, j n -> i j n")
    angle = torch.atan2(below, right) / tau * DIRECTIONS
    apart = (angle[..., None] - torch.arange(DIRECTIONS) + DIRECTIONS / 2) % DIRECTIONS - DIRECTIONS / 2
    amount = (1 - apart.abs()).clamp_min(0) * excess[..., None]
    return einsum(where, amount, "i j n, t n b -> t i j b") / len(down)


def flow_vector(
    histograms: Float[Tensor, "moments grid other_grid directions"],
) -> Float[Tensor, " numbers"]:
    """A clip's motion as one vector of length 1, whose cosines compare clips; zeros for a still clip.

    Smoothed over time, square roots, half of the mean over the directions taken off.

    Source: our choice; the square root is the Hellinger kernel of histograms (Arandjelovic & Zisserman, CVPR 2012).
    """
    smooth = einsum(smoothing(len(histograms)), histograms, "s t, t i j b -> s i j b").sqrt()
    signed = smooth - 0.5 * smooth.mean(-1, keepdim=True)
    return F.normalize(signed.flatten(), dim=0)


def smoothing(moments: int) -> Float[Tensor, "{moments} {moments}"]:
    """Row s: what each moment weighs in the smoothed moment s.

    It is also how a clip would move of which no two moments have anything in common but what smoothing gave them.
    """
    time = torch.arange(moments, dtype=torch.float32)
    kernel = torch.exp(-(time[:, None] - time).square() / (2 * SMOOTHING**2))
    return kernel / kernel.sum(1, keepdim=True)


def mirrored(vectors: Float[Tensor, "clips numbers"]) -> Float[Tensor, "clips numbers"]:
    """What `flow_vector` gives for the same clips with left and right exchanged."""
    cells = rearrange(vectors, "c (t i j b) -> c t i j b", t=MOMENTS, i=GRID, j=GRID)
    turned = (DIRECTIONS // 2 - torch.arange(DIRECTIONS)) % DIRECTIONS
    return rearrange(cells.flip(3)[..., turned], "c t i j b -> c (t i j b)")


def stillness(flow: Float[Tensor, "moments 2 rows columns"]) -> float:
    """How still the camera is, 0 to 1: exp(-median speed / `STILL_SPEED`) of the flow before `remove_camera`.

    Source: our choice, made on two corpora (docs/offline.md).
    """
    return exp(-float(flow.norm(dim=1).median()) / STILL_SPEED)
