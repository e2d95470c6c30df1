"""The vocabulary in which an action is written down: key poses, and where each thing is at each of them.

The unit of length is the body height; x points where the person faces, y up, the ground is y = 0. Angles are
in degrees: a limb at 0 hangs down, at 90 points forward (+x), at 180 up. A lean is positive forward.
"""

from dataclasses import dataclass, replace
from typing import Literal

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
