"""How a body moves: what its joints do about their own mean, and which way they turn."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

MOMENTS = 8
"""Moments of a clip at which a body is looked for, at the centres of equal parts."""
LANDMARKS = 33
"""Points of a body, in BlazePose's order."""
JOINTS = (0, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28)
"""Nose, shoulders, elbows, wrists, hips, knees, ankles."""
SHOULDERS, HIPS, EARS, HEELS, TOES = (11, 12), (23, 24), (7, 8), (29, 30), (31, 32)
NOSE = 0
TURNS = 2 * (len(JOINTS) + 1) + 3
DEVIATIONS = MOMENTS * (len(JOINTS) + 1) * 2
FEWEST = 2
"""Moments with a body that are needed to see it move."""


def fill_gaps(
    body: Float[Tensor, "moments points 2"], found: Bool[Tensor, " moments"]
) -> Float[Tensor, "moments points 2"]:
    """The points at all moments: where no body was found, on the line between the moments before and after.

    Before the first and after the last they stay where they are. Moments are equally far apart.

    Raises:
        ValueError: no body was found at any moment.
    """
    seen = found.nonzero()[:, 0]
    if not len(seen):
        raise ValueError("a body must be found at one moment at least")
    time = torch.arange(len(found))
    after = torch.searchsorted(seen, time).clamp_max(len(seen) - 1)
    before = (torch.searchsorted(seen, time, right=True) - 1).clamp_min(0)
    left, right = seen[before], seen[after]
    share = ((time - left) / (right - left).clamp_min(1)).clamp(0, 1)[:, None, None]
    return body[left].lerp(body[right], share.to(body.dtype))


def joint_deviations(body: Float[Tensor, "moments landmarks 2"]) -> Float[Tensor, " deviations"]:
    """How each joint, about the hip, and the hip itself stray from their mean over the clip; of length 1.

    In units of the body's size, so that it does not matter how near the body is. Zeros for a body that does not move.

    Source: our choice, made on two corpora (docs/offline.md).
    """
    return F.normalize(_strays(body).flatten(), dim=0)


def turns(body: Float[Tensor, "moments landmarks 2"]) -> Float[Tensor, " turns"]:
    """Which way things go round, whatever the phase: numbers that a reversed clip gives with the other sign; length 1.

    For each joint and the hip, the signed area swept about its mean (above 0: clockwise on the screen), then the size
    of the movement (without sign); then how far the hip travels along and across the way that feet and face point, and
    how far in all. Signed square roots.

    Source: our choice, made on two corpora (docs/offline.md).
    """
    stray = _strays(body)
    middle, step = (stray[1:] + stray[:-1]) / 2, stray.diff(dim=0)
    swept = _cross(middle, step).sum(0)
    size = (middle.square().sum(-1) * step.square().sum(-1)).sqrt().sum(0)
    ahead = (_mean(body, TOES) - _mean(body, HEELS) + body[:, NOSE] - _mean(body, EARS)) / _size(body)
    travel = _mean(body, HIPS).diff(dim=0) / _size(body)
    facing = (ahead[1:] + ahead[:-1]) / 2
    path = torch.stack([(facing * travel).sum(), _cross(facing, travel).sum(), 0.3 * travel.abs().sum()])
    path = torch.cat([3 * _signed_root(path[:2]), 3 * path[2:]])
    return F.normalize(torch.cat([_signed_root(swept), 0.5 * size.sqrt(), path]), dim=0)


def _strays(body: Float[Tensor, "moments points 2"]) -> Float[Tensor, "moments joints 2"]:
    hip = _mean(body, HIPS)
    places = torch.cat([body[:, JOINTS] - hip[:, None], hip[:, None]], 1) / _size(body)
    return places - places.mean(0)


def _size(body: Float[Tensor, "moments points 2"]) -> Float[Tensor, ""]:
    """Twice the torso's length, at the moments at which it is seen at its longest (75th percentile)."""
    return 2 * (_mean(body, SHOULDERS) - _mean(body, HIPS)).norm(dim=-1).quantile(0.75) + 1e-3


def _mean(body: Float[Tensor, "moments points 2"], points: tuple[int, int]) -> Float[Tensor, "moments 2"]:
    return body[:, points].mean(1)


def _cross(left: Float[Tensor, "*shape 2"], right: Float[Tensor, "*shape 2"]) -> Float[Tensor, "*shape"]:
    return left[..., 0] * right[..., 1] - left[..., 1] * right[..., 0]


def _signed_root(values: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    return values.sign() * values.abs().sqrt()
