"""A clip's motion as one row of numbers, and the vectors whose inner products compare clips by it."""

from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from lga.config import MAX_STAGES, Motion
from lga.core.segment import count_stages
from lga.motion import flow, pose

FLOW = slice(0, flow.NUMBERS)
DEVIATIONS = slice(FLOW.stop, FLOW.stop + pose.DEVIATIONS)
TURNS = slice(DEVIATIONS.stop, DEVIATIONS.stop + pose.TURNS)
FOUND, STILL, SEARCHED = range(TURNS.stop, TURNS.stop + 3)
NUMBERS = SEARCHED + 1
"""Numbers of a clip: those of flow, deviations and turns, each of length 1 or 0; the share of the moments at which a
body was found, how still the camera is, both 0 to 1, and whether a body was searched for, 1 or 0."""
FLOW_WEIGHT, DEVIATION_WEIGHT, TURN_WEIGHT = 1.0, 1.0, 0.5
SIDED_WEIGHT = 0.5
"""Of what tells a flow from its mirror image, beside the rest at 1: from which side a camera looks says little."""


def describe(
    motion: Float[Tensor, "moments 2 rows columns"], body: Float[Tensor, "others landmarks 2"] | None
) -> Float[Tensor, " motion"]:
    """The numbers of one clip: from its flow, and from its body's points, NaN where none was found.

    A body that is found at fewer than `pose.FEWEST` moments, or not searched for (None), counts as absent: zeros.

    Source: our choice, made on two corpora (docs/offline.md).
    """
    row = torch.zeros(NUMBERS)
    row[FLOW] = flow.flow_vector(flow.direction_histograms(flow.remove_camera(motion)))
    row[STILL] = flow.stillness(motion)
    if body is not None:
        row[SEARCHED] = 1.0
        found = body.isfinite().all(-1).all(-1)
        if int(found.sum()) >= pose.FEWEST:
            whole = pose.fill_gaps(body, found)
            row[DEVIATIONS], row[TURNS] = pose.joint_deviations(whole), pose.turns(whole)
            row[FOUND] = found.float().mean()
    return row


def motion_vectors(
    described: Float[Tensor, "clips motion"], motion: Literal["flow+pose", "flow"]
) -> Float[Tensor, "clips numbers"]:
    """Vectors whose inner products say how alike two clips move, from about -1 to 1.

    They are a weighted mean of three cosines: of flow (what tells it from its mirror image counting `SIDED_WEIGHT`), of
    the joints' deviations and of their turns, the last two times the shares of moments at which a body was found in
    either clip.

    Source: our choice; the weights are those of docs/offline.md.
    """
    moving = _less_sided(described[:, FLOW])
    if motion == "flow":
        return moving
    total = FLOW_WEIGHT + DEVIATION_WEIGHT + TURN_WEIGHT
    found = described[:, FOUND, None]
    parts = (
        (FLOW_WEIGHT, moving),
        (DEVIATION_WEIGHT, described[:, DEVIATIONS] * found),
        (TURN_WEIGHT, described[:, TURNS] * found),
    )
    return torch.cat([(weight / total) ** 0.5 * part for weight, part in parts], 1)


def comparable(described: Float[Tensor, "clips motion"], wanted: Motion) -> Motion:
    """The kind of motion that is wanted, less the pose where no body was searched for in every clip."""
    return "flow" if wanted == "flow+pose" and not bool((described[:, SEARCHED] > 0).all()) else wanted


def camera_stillness(described: Float[Tensor, "clips motion"]) -> Float[Tensor, " clips"]:
    """How still the camera is in each clip, 0 to 1."""
    return described[:, STILL]


def flow_course(described: Float[Tensor, "clips motion"]) -> Float[Tensor, "clips moments numbers"]:
    """What moves at each moment of each clip."""
    return described[:, FLOW].unflatten(1, (flow.MOMENTS, -1))


def stages_of(described: Float[Tensor, "clips motion"]) -> int | None:
    """How many stages one action has by how its clips move, 1 to `MAX_STAGES`; None if none of them moves.

    Source: our choice; see `count_stages`.
    """
    return count_stages(flow_course(described), flow.smoothing(flow.MOMENTS), most=MAX_STAGES)


def _less_sided(moving: Float[Tensor, "clips numbers"]) -> Float[Tensor, "clips twice"]:
    """The part that a mirror leaves as it is, and the part that it turns round at its weight; as long as before."""
    image = flow.mirrored(moving)
    parts = torch.cat([(moving + image) / 2, SIDED_WEIGHT**0.5 * (moving - image) / 2], 1)
    return F.normalize(parts, dim=1) * moving.norm(dim=1, keepdim=True)
