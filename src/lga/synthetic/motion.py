"""Key poses, and what lies between them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from einops import rearrange
from jaxtyping import Float
from numpy import ndarray

Number = int | float  # key poses are read by eye: 10 is easier on it than 10.0
Point = tuple[Number, Number]
ThingKind = Literal["ball", "golf ball", "box", "cart", "club", "cup", "door"]
View = Literal["side", "front"]
FixtureKind = Literal["bar", "chair", "doorway", "stairs", "table"]


@dataclass(frozen=True, slots=True)
class Arm:
    """A hand, either where it points from the shoulder or, with `grip`, at a fixed point of the scene.

    `reach` in 0..1 is the share of the arm's length; `bend` in -1..1 says to which side the elbow gives and
    how far.
    """

    angle: Number = 0.0
    reach: Number = 0.97
    bend: Number = 1.0
    grip: Point | None = None


@dataclass(frozen=True, slots=True)
class Foot:
    """An ankle at (x, y); `pitch` lifts the toes."""

    x: Number
    y: Number = 0.04
    pitch: Number = 0.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a thing is: at (x, y), or that far from the hand(s) that hold it; `turn` is its own rotation."""

    x: Number = 0.0
    y: Number = 0.0
    turn: Number = 0.0
    held: Literal["", "near", "both"] = ""


@dataclass(frozen=True, slots=True)
class KeyPose:
    """One drawn moment of an action; `places` stand in the order of the action's `things`."""

    hip: Point = (0.0, 0.525)
    lean: Number = 1.0
    nod: Number = 0.0
    near_arm: Arm = Arm(10)
    far_arm: Arm = Arm(-6)
    near_foot: Foot = Foot(0.03)
    far_foot: Foot = Foot(-0.03)
    places: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class Frame:
    """What the camera looks at: the middle, and the height of the visible piece of the scene."""

    x: Number = 0.0
    y: Number = 0.53
    height: Number = 1.4


@dataclass(frozen=True, slots=True)
class Action:
    """Key poses at rising moments in 0..1; `borders` is where the second and the third stage start."""

    keys: tuple[tuple[Number, KeyPose], ...]
    borders: tuple[float, float]
    view: View = "side"
    things: tuple[ThingKind, ...] = ()
    fixtures: tuple[FixtureKind, ...] = ()
    frame: Frame = Frame()

    def reversed(self) -> "Action":
        """The same key poses from the last to the first."""
        keys = tuple((1 - moment, pose) for moment, pose in reversed(self.keys))
        return replace(self, keys=keys, borders=(1 - self.borders[1], 1 - self.borders[0]))


def grip(x: Number, y: Number, bend: Number = 1) -> Arm:
    """A hand that stays at a point of the scene."""
    return Arm(bend=bend, grip=(x, y))


@dataclass(frozen=True, slots=True)
class Build:
    """One person's proportions, in body heights; `girth` multiplies thickness, `height` all of it."""

    leg: float = 0.49
    arm: float = 0.34
    torso: float = 0.30
    head: float = 0.072
    girth: float = 1.0
    height: float = 1.0
    lean: float = 0.0
    """degrees by which this person leans more than the key poses say"""
    swing: float = 0.0
    """degrees by which a free arm hangs further forward"""


@dataclass(frozen=True, slots=True)
class Pose:
    """One moment: both ends of every limb, and (x, y, turn) of every thing."""

    hip: Point
    lean: float
    nod: float
    hands: tuple[Point, Point]
    bends: tuple[float, float]
    feet: tuple[tuple[float, float, float], tuple[float, float, float]]
    things: tuple[tuple[float, float, float], ...]


def poses_at(action: Action, build: Build, moments: Float[ndarray, "frames"]) -> list[Pose]:
    """The pose at each of `moments`, which are in 0..1; near limbs come before far ones."""
    times = np.array([time for time, _ in action.keys], dtype=float)
    keys = [key for _, key in action.keys]
    every = np.concatenate([times, moments])  # the keys first: held things need the hands at the keys
    body = _curve(times, np.array([_numbers(key, build) for key in keys], dtype=float), every)
    shoulders = [shoulder(body[:, :2], body[:, 2], build, action.view, side) for side in (1, -1)]
    near, near_bend = _hand(times, [key.near_arm for key in keys], shoulders[0], every, build)
    far, far_bend = _hand(times, [key.far_arm for key in keys], shoulders[1], every, build)
    held = {"near": near, "both": (near + far) / 2}
    things = [_thing(times, places, held, every) for places in zip(*(key.places for key in keys), strict=True)]
    return [
        Pose(
            hip=_point(body[row, :2]),
            lean=float(body[row, 2]),
            nod=float(body[row, 3]),
            hands=(_point(near[row]), _point(far[row])),
            bends=(float(near_bend[row]), float(far_bend[row])),
            feet=(_triple(body[row, 4:7]), _triple(body[row, 7:10])),
            things=tuple(_triple(thing[row]) for thing in things),
        )
        for row in range(len(times), len(every))
    ]


def shoulder(
    hip: Float[ndarray, "frames 2"], lean: Float[ndarray, "frames"], build: Build, view: View, side: int
) -> Float[ndarray, "frames 2"]:
    """The near (`side` 1) or the far (`side` -1) shoulder above a hip that leans by degrees."""
    spine = np.stack([np.sin(np.radians(lean)), np.cos(np.radians(lean))], 1)
    across = np.stack([spine[:, 1], -spine[:, 0]], 1)
    half_width = 0.108 * build.girth if view == "front" else 0.012
    depth_sign = side if view == "front" else -side
    return hip + build.torso * spine + depth_sign * half_width * across


def _numbers(key: KeyPose, build: Build) -> list[Number]:
    near, far = key.near_foot, key.far_foot
    return [*key.hip, key.lean + build.lean, key.nod, near.x, near.y, near.pitch, far.x, far.y, far.pitch]


def _hand(
    times: Float[ndarray, "keys"],
    arms: Sequence[Arm],
    joint: Float[ndarray, "all 2"],
    every: Float[ndarray, "all"],
    build: Build,
) -> tuple[Float[ndarray, "all 2"], Float[ndarray, "all"]]:
    """Where a hand is, and how its elbow bends: free hands swing about the shoulder, gripping ones do not."""
    swings = np.array([_swing(arm, at, build) for arm, at in zip(arms, joint, strict=False)], dtype=float)
    swings[:, 0] = np.unwrap(swings[:, 0], period=360)
    angle, reach, bend = rearrange(_curve(times, swings, every), "all channels -> channels all")
    radians = np.radians(angle)
    offset = (build.arm * reach)[:, None] * np.stack([np.sin(radians), -np.cos(radians)], 1)
    grips = [arm.grip or tuple(free) for arm, free in zip(arms, joint + offset, strict=False)]
    gripping = np.array([arm.grip is not None for arm in arms])
    before = _segment(times, every)
    fixed = (gripping[before] & gripping[before + 1])[:, None]
    offset = np.where(fixed, _curve(times, np.array(grips, dtype=float), every) - joint, offset)
    length = np.linalg.norm(offset, axis=1, keepdims=True)
    return joint + offset * np.minimum(1, 0.99 * build.arm / length), bend


def _swing(arm: Arm, joint: Float[ndarray, "2"], build: Build) -> tuple[Number, Number, Number]:
    if arm.grip is None:
        return arm.angle + build.swing, arm.reach, arm.bend
    x, y = np.array(arm.grip) - joint
    return float(np.degrees(np.arctan2(x, -y))), min(0.99, float(np.hypot(x, y)) / build.arm), arm.bend


def _thing(
    times: Float[ndarray, "keys"],
    places: Sequence[Place],
    held: dict[str, Float[ndarray, "all 2"]],
    every: Float[ndarray, "all"],
) -> Float[ndarray, "all 3"]:
    """(x, y, turn) of a thing: with the hand between two keys that hold it, else straight from key to key."""
    own = np.array([[place.x, place.y] for place in places], dtype=float)
    keys = np.array(
        [at + (held[p.held][k] if p.held else 0) for k, (at, p) in enumerate(zip(own, places, strict=True))]
    )
    before = _segment(times, every)
    share = ((every - times[before]) / (times[before + 1] - times[before]))[:, None]
    where = keys[before] * (1 - share) + keys[before + 1] * share
    offset = own[before] * (1 - share) + own[before + 1] * share
    for name, hand in held.items():
        carried = np.array([place.held == name for place in places])
        where = np.where((carried[before] & carried[before + 1])[:, None], hand + offset, where)
    turn = _curve(times, np.array([[place.turn] for place in places], dtype=float), every)
    return np.concatenate([where, turn], 1)


def _segment(times: Float[ndarray, "keys"], every: Float[ndarray, "all"]) -> ndarray:
    return np.clip(np.searchsorted(times, every, side="right") - 1, 0, len(times) - 2)


def _curve(
    times: Float[ndarray, "keys"], values: Float[ndarray, "keys channels"], every: Float[ndarray, "all"]
) -> Float[ndarray, "all channels"]:
    """Monotone cubic through the keys: no overshoot, at rest at both ends, the same forwards and backwards.

    Source: Fritsch and Butland (1984), the harmonic mean of the neighbouring slopes.
    """
    width = np.diff(times)[:, None]
    slope = np.diff(values, axis=0) / width
    product = slope[:-1] * slope[1:]
    total = slope[:-1] + slope[1:]
    inner = np.where(product > 0, 2 * product / np.where(total == 0, 1, total), 0)
    tangent = np.pad(inner, ((1, 1), (0, 0)))
    before = _segment(times, every)
    share = ((every - times[before])[:, None]) / width[before]
    rest = 1 - share
    start = values[before] * (1 + 2 * share) + tangent[before] * width[before] * share
    end = values[before + 1] * (1 + 2 * rest) - tangent[before + 1] * width[before] * rest
    return start * rest**2 + end * share**2


def _point(row: Float[ndarray, "2"]) -> Point:
    return float(row[0]), float(row[1])


def _triple(row: Float[ndarray, "3"]) -> tuple[float, float, float]:
    return float(row[0]), float(row[1]), float(row[2])
