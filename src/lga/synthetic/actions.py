"""Every action that can be drawn, as key poses."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from lga.synthetic.motion import Action, Arm, Foot, Frame, KeyPose, Number, Place, grip

SIT_DOWN = Action(
    keys=(
        (0.0, KeyPose()),
        (0.18, KeyPose((-0.03, 0.52), 10, 12, Arm(-12), Arm(-22))),
        (0.35, KeyPose((-0.12, 0.44), 36, -8, Arm(35, 0.85), Arm(22, 0.85))),
        (0.6, KeyPose((-0.22, 0.32), 34, -14, Arm(52, 0.85), Arm(40, 0.85))),
        (0.8, KeyPose((-0.22, 0.315), 8, -2, grip(0.0, 0.36), grip(0.0, 0.36))),
        (1.0, KeyPose((-0.24, 0.315), -10, 4, grip(-0.04, 0.36), grip(-0.05, 0.36))),
    ),
    borders=(0.3, 0.65),
    fixtures=("chair",),
    frame=Frame(-0.08),
)

CROUCHED = KeyPose((-0.08, 0.27), 56, -25, grip(0.18, 0.12), grip(0.19, 0.12))
ON_FLOOR = (Place(0.27, 0.11),)
LIFTED = (Place(0.09, -0.01, held="both"),)
PICK_UP = Action(
    keys=(
        (0.0, KeyPose(places=ON_FLOOR)),
        (0.18, KeyPose((-0.05, 0.46), 28, 8, Arm(35, 0.9), Arm(28, 0.9), places=ON_FLOOR)),
        (0.34, replace(CROUCHED, places=ON_FLOOR)),
        (0.42, replace(CROUCHED, places=LIFTED)),
        (0.58, KeyPose((-0.06, 0.42), 34, -8, grip(0.18, 0.36), grip(0.19, 0.36), places=LIFTED)),
        (0.78, KeyPose((-0.02, 0.525), -2, 2, grip(0.17, 0.61), grip(0.18, 0.61), places=LIFTED)),
        (1.0, KeyPose((-0.03, 0.525), -7, 4, grip(0.13, 0.68), grip(0.14, 0.68), places=LIFTED)),
    ),
    borders=(0.38, 0.72),
    things=("box",),
    frame=Frame(0.08),
)

FRONT = KeyPose(lean=0, near_arm=Arm(14, bend=-1), far_arm=Arm(-14), near_foot=Foot(0.07), far_foot=Foot(-0.07))
WAVE = Action(
    keys=(
        (0.0, FRONT),
        (0.16, replace(FRONT, near_arm=Arm(75, 0.8, 0.2))),
        (0.3, replace(FRONT, near_arm=Arm(150, 0.8), lean=-2)),
        (0.38, replace(FRONT, near_arm=Arm(118, 0.85), lean=-3, nod=4)),
        (0.46, replace(FRONT, near_arm=Arm(170, 0.8), lean=-3, nod=-4)),
        (0.54, replace(FRONT, near_arm=Arm(118, 0.85), lean=-3, nod=4)),
        (0.62, replace(FRONT, near_arm=Arm(170, 0.8), lean=-3, nod=-4)),
        (0.7, replace(FRONT, near_arm=Arm(130, 0.85), lean=-2)),
        (0.84, replace(FRONT, near_arm=Arm(70, 0.85, 0.2))),
        (1.0, FRONT),
    ),
    borders=(0.3, 0.7),
    view="front",
)

ON_TABLE = (Place(0.29, 0.485),)
IN_HAND = Place(0.045, 0.0, 0, "near")
AT_MOUTH = Place(0.0, 0.015, 12, "near")
DRINK = Action(
    keys=(
        (0.0, KeyPose(places=ON_TABLE)),
        (0.2, KeyPose((0, 0.525), 8, 12, grip(0.24, 0.49), places=ON_TABLE)),
        (0.26, KeyPose((0, 0.525), 9, 12, grip(0.245, 0.485), places=(IN_HAND,))),
        (0.44, KeyPose((0, 0.525), 2, -4, grip(0.13, 0.86), places=(AT_MOUTH,))),
        (0.52, KeyPose((0, 0.525), -1, -10, grip(0.1, 0.88), places=(replace(AT_MOUTH, turn=45),))),
        (0.6, KeyPose((0, 0.525), -5, -22, grip(0.085, 0.9), places=(replace(AT_MOUTH, turn=70),))),
        (0.7, KeyPose((0, 0.525), -8, -30, grip(0.075, 0.915), places=(replace(AT_MOUTH, turn=92),))),
        (0.86, KeyPose((0, 0.525), 8, 12, grip(0.245, 0.485), places=(IN_HAND,))),
        (0.9, KeyPose((0, 0.525), 8, 12, grip(0.24, 0.49), places=ON_TABLE)),
        (1.0, KeyPose((0, 0.525), 0, 0, Arm(20), places=ON_TABLE)),
    ),
    borders=(0.3, 0.7),
    things=("cup",),
    fixtures=("table",),
    frame=Frame(0.12, 0.62, 1.18),
)

HINGE = 0.72
OPEN_DOOR = Action(
    keys=(
        (0.0, KeyPose((-0.32, 0.525), near_foot=Foot(-0.29), far_foot=Foot(-0.35), places=(Place(HINGE),))),
        (0.12, KeyPose((-0.2, 0.52), 4, 0, Arm(30), Arm(-20),
                       Foot(-0.29), Foot(-0.1, 0.08, 10), (Place(HINGE),))),
        (0.24, KeyPose((-0.03, 0.52), 4, 4, grip(0.27, 0.55), Arm(6),
                       Foot(-0.14, 0.06), Foot(0.03), (Place(HINGE),))),
        (0.34, KeyPose((0, 0.52), 6, 8, grip(0.28, 0.53), Arm(-6),
                       Foot(-0.03), Foot(0.05), (Place(HINGE, turn=3),))),
        (0.5, KeyPose((0, 0.52), -4, 4, grip(0.33, 0.53, 0.8), Arm(-14),
                      Foot(-0.05), Foot(0.06), (Place(HINGE, turn=32),))),
        (0.7, KeyPose((0.16, 0.515), 4, 0, grip(0.48, 0.53), Arm(-22),
                      Foot(0.0, 0.06, -10), Foot(0.25), (Place(HINGE, turn=60),))),
        (0.84, KeyPose((0.27, 0.515), 5, 0, Arm(40), Arm(18),
                       Foot(0.36, 0.08, 8), Foot(0.23), (Place(HINGE, turn=76),))),
        (1.0, KeyPose((0.4, 0.52), 3, 0, Arm(-10), Arm(24),
                      Foot(0.42), Foot(0.36), (Place(HINGE, turn=80),))),
    ),
    borders=(0.32, 0.68),
    things=("door",),
    fixtures=("doorway",),
    frame=Frame(0.16, 0.55, 1.42),
)  # fmt: skip

CLIMB_STAIRS = Action(
    keys=(
        (0.0, KeyPose((-0.3, 0.525), near_foot=Foot(-0.28), far_foot=Foot(-0.32))),
        (0.13, KeyPose((-0.2, 0.53), 8, 6, Arm(-20), Arm(40, 0.9), Foot(-0.06, 0.26, 10), Foot(-0.3))),
        (
            0.24,
            KeyPose((-0.07, 0.56), 10, 6, Arm(-28), Arm(45, 0.9), Foot(0.08, 0.18), Foot(-0.26, 0.06, -25)),
        ),
        (0.38, KeyPose((0.07, 0.67), 8, 6, Arm(25, 0.9), Arm(-10), Foot(0.08, 0.18), Foot(0.16, 0.42, 10))),
        (0.48, KeyPose((0.17, 0.71), 10, 6, Arm(45, 0.9), Arm(-28), Foot(0.08, 0.19, -10), Foot(0.31, 0.32))),
        (0.62, KeyPose((0.3, 0.81), 8, 6, Arm(-10), Arm(25, 0.9), Foot(0.4, 0.56, 10), Foot(0.31, 0.32))),
        (0.73, KeyPose((0.4, 0.85), 10, 4, Arm(-28), Arm(45, 0.9), Foot(0.54, 0.46), Foot(0.31, 0.33, -10))),
        (0.88, KeyPose((0.53, 0.94), 6, 2, Arm(10), Arm(10), Foot(0.54, 0.46), Foot(0.5, 0.58, 5))),
        (1.0, KeyPose((0.59, 0.945), 1, 0, Arm(6), Arm(-4), Foot(0.54, 0.46), Foot(0.63, 0.46))),
    ),
    borders=(0.3, 0.68),
    fixtures=("stairs",),
    frame=Frame(0.15, 0.7, 1.75),
)

PARKED = (Place(-0.34, 0.56),)
GRASPED = (Place(0.0, 0.0, held="near"),)


def _pushing(x: Number, near: Foot, far: Foot, turn: Number) -> KeyPose:
    """One moment of walking behind the cart, the hands on its handle."""
    hold = grip(x + 0.3, 0.56)
    return KeyPose((x, 0.505), 16, -4, hold, hold, near, far, (replace(GRASPED[0], turn=turn),))


PUSH_CART = Action(
    keys=(
        (0.0, KeyPose((-0.78, 0.525), near_foot=Foot(-0.76), far_foot=Foot(-0.8), places=PARKED)),
        (0.14, KeyPose((-0.7, 0.52), 6, 8, Arm(40), Arm(30), Foot(-0.6, 0.1, 8), Foot(-0.8), PARKED)),
        (
            0.24,
            KeyPose((-0.64, 0.51), 13, 4, grip(-0.34, 0.56), grip(-0.34, 0.56), Foot(-0.52), Foot(-0.78), PARKED),
        ),
        (0.3, _pushing(-0.63, Foot(-0.52), Foot(-0.78, 0.06, -20), 0)),
        (0.42, _pushing(-0.45, Foot(-0.52), Foot(-0.42, 0.1), -60)),
        (0.52, _pushing(-0.26, Foot(-0.5, 0.07, -25), Foot(-0.14), -150)),
        (0.62, _pushing(-0.08, Foot(-0.04, 0.1), Foot(-0.14), -240)),
        (0.72, _pushing(0.1, Foot(0.22), Foot(-0.12, 0.07, -25), -330)),
        (0.86, _pushing(0.26, Foot(0.22), Foot(0.3, 0.08), -400)),
        (1.0, _pushing(0.3, Foot(0.24), Foot(0.34), -420)),
    ),
    borders=(0.3, 0.7),
    things=("cart",),
    frame=Frame(0.0, 0.56, 1.5),
)


LYING = (Place(0.43, 0.06),)
KICK_BALL = Action(
    keys=(
        (0.0, KeyPose((-0.34, 0.525), near_foot=Foot(-0.31), far_foot=Foot(-0.37), places=LYING)),
        (0.14, KeyPose((-0.22, 0.51), 9, 10, Arm(-25), Arm(30), Foot(-0.3), Foot(-0.1, 0.12, 15), LYING)),
        (0.34, KeyPose((0.02, 0.51), 14, 12, Arm(55, 0.9), Arm(-60, 0.9),
                       Foot(-0.33, 0.3, -55), Foot(0.12), LYING)),
        (0.46, KeyPose((0.1, 0.51), 0, 10, Arm(15), Arm(-30, 0.9), Foot(0.28, 0.07), Foot(0.12), LYING)),
        (0.62, KeyPose((0.13, 0.52), -16, 12, Arm(-48, 0.95), Arm(62, 0.95),
                       Foot(0.5, 0.42, 35), Foot(0.12), (Place(0.95, 0.42, -150),))),
        (0.82, KeyPose((0.16, 0.515), 0, 0, Arm(-10), Arm(28),
                       Foot(0.36, 0.14), Foot(0.12), (Place(2, 0.8, -300),))),
        (1.0, KeyPose((0.22, 0.52), 3, 0, Arm(6), Arm(4), Foot(0.31), Foot(0.13), (Place(3, 0.7, -400),))),
    ),
    borders=(0.34, 0.62),
    things=("ball",),
    frame=Frame(0.12),
)  # fmt: skip

CARRIED = (Place(0.0, 0.0, held="near"),)
THROW_BALL = Action(
    keys=(
        (0.0, KeyPose((-0.2, 0.525), 1, 0, Arm(40, 0.7), Arm(30, 0.75), Foot(-0.17), Foot(-0.23), CARRIED)),
        (0.18, KeyPose((-0.24, 0.5), -6, 0, Arm(-50, 0.9), Arm(70, 0.9),
                       Foot(-0.27), Foot(-0.1, 0.14, 15), CARRIED)),
        (0.36, KeyPose((-0.24, 0.5), -20, 4, Arm(-128, 0.92), Arm(95),
                       Foot(-0.3), Foot(0.02, 0.08, 15), CARRIED)),
        (0.46, KeyPose((-0.1, 0.5), -6, 2, Arm(-170, 0.8), Arm(70),
                       Foot(-0.28, 0.05, -15), Foot(0.1), CARRIED)),
        (0.54, KeyPose((0.0, 0.5), 16, 0, Arm(-222), Arm(20), Foot(-0.24, 0.07, -35), Foot(0.1), CARRIED)),
        (0.68, KeyPose((0.06, 0.49), 34, -14, Arm(-300), Arm(-40),
                       Foot(-0.2, 0.14, -50), Foot(0.1), (Place(1.0, 1.12),))),
        (0.84, KeyPose((0.09, 0.5), 20, -8, Arm(-345), Arm(-24),
                       Foot(0.06, 0.09), Foot(0.1), (Place(2.0, 0.95),))),
        (1.0, KeyPose((0.12, 0.52), 3, 0, Arm(-353), Arm(-4), Foot(0.19), Foot(0.1), (Place(3.0, 0.5),))),
    ),
    borders=(0.36, 0.66),
    things=("ball",),
    frame=Frame(0.08, 0.6, 1.45),
)  # fmt: skip


def _golf(x: Number, y: Number, turn: Number, lean: Number, shift: Number, ball: Place, elbow: Number = 0.3) -> KeyPose:
    """One moment of a swing: where the hands are, and how far round the club has turned."""
    hands = grip(x, y, elbow), grip(x - 0.02, y, -elbow)
    club = Place(0.0, 0.0, turn, "both")
    return KeyPose((shift, 0.5), lean, 0, *hands, Foot(0.13), Foot(-0.13), (club, ball))


TEED = Place(0.0, 0.03)
SWING_GOLF_CLUB = Action(
    keys=(
        (0.0, _golf(0.02, 0.56, 0, 0, 0.0, TEED)),
        (0.12, _golf(0.01, 0.55, -6, -1, 0.0, TEED)),
        (0.22, _golf(0.22, 0.63, 85, 3, 0.02, TEED)),
        (0.36, _golf(0.25, 0.91, 215, 7, 0.04, TEED, 0.7)),
        (0.42, _golf(0.25, 0.93, 235, 7, 0.04, TEED, 0.7)),
        (0.52, _golf(0.16, 0.66, 70, 1, -0.01, TEED)),
        (0.56, _golf(0.0, 0.56, 2, -3, -0.03, TEED)),
        (0.61, _golf(-0.2, 0.65, -75, -6, -0.05, Place(-0.7, 0.45))),
        (0.74, _golf(-0.25, 0.9, -200, -9, -0.07, Place(-2, 1.2), 0.7)),
        (1.0, _golf(-0.25, 0.9, -235, -7, -0.07, Place(-4, 1.2), 0.7)),
    ),
    borders=(0.4, 0.64),
    view="front",
    things=("club", "golf ball"),
    frame=Frame(0.0, 0.62, 1.5),
)

HIGH, LOW = grip(0.19, 1.18), grip(-0.19, 1.18, -1)
HANGING = KeyPose((0, 0.57), 0, -6, HIGH, LOW, Foot(0.05, 0.1, -60), Foot(-0.05, 0.1, -60))
PULLED = KeyPose((0, 0.84), 0, -10, HIGH, LOW, Foot(0.04, 0.4, -60), Foot(-0.04, 0.41, -60))
PULL_UP = Action(
    keys=(
        (0.0, FRONT),
        (0.18, replace(FRONT, hip=(0, 0.52), near_arm=Arm(150, 0.9), far_arm=Arm(-150, 0.9, -1), nod=-8)),
        (0.3, HANGING),
        (0.36, HANGING),
        (0.58, PULLED),
        (0.68, replace(PULLED, hip=(0, 0.85))),
        (0.86, replace(HANGING, near_foot=Foot(0.05, 0.11), far_foot=Foot(-0.05, 0.13))),
        (1.0, replace(HANGING, hip=(0.01, 0.57), near_foot=Foot(0.09, 0.1), far_foot=Foot(-0.01, 0.1))),
    ),
    borders=(0.33, 0.7),
    view="front",
    fixtures=("bar",),
    frame=Frame(0.0, 0.64, 1.55),
)

JUMP = Action(
    keys=(
        (0.0, KeyPose((-0.3, 0.525), near_foot=Foot(-0.28), far_foot=Foot(-0.32))),
        (0.12, KeyPose((-0.29, 0.53), -3, -6, Arm(95), Arm(90), Foot(-0.28), Foot(-0.32))),
        (0.3, KeyPose((-0.36, 0.36), 44, -20, Arm(-62), Arm(-55), Foot(-0.28), Foot(-0.32))),
        (
            0.4,
            KeyPose((-0.14, 0.58), 16, -6, Arm(110), Arm(105), Foot(-0.26, 0.1, -50), Foot(-0.3, 0.1, -50)),
        ),
        (0.53, KeyPose((0.08, 0.8), 8, -4, Arm(158), Arm(150), Foot(0.0, 0.42, -20), Foot(-0.04, 0.42, -20))),
        (0.66, KeyPose((0.26, 0.58), 14, 4, Arm(95), Arm(90), Foot(0.38, 0.12, 20), Foot(0.34, 0.12, 20))),
        (0.76, KeyPose((0.3, 0.35), 42, -12, Arm(40), Arm(30), Foot(0.4), Foot(0.36))),
        (1.0, KeyPose((0.4, 0.525), 1, 0, Arm(6), Arm(-4), Foot(0.41), Foot(0.37))),
    ),
    borders=(0.34, 0.68),
    frame=Frame(0.05, 0.68, 1.6),
)


ACTIONS: Mapping[str, Action] = MappingProxyType(
    {
        "sit down": SIT_DOWN,
        "stand up": SIT_DOWN.reversed(),
        "pick up": PICK_UP,
        "put down": PICK_UP.reversed(),
        "wave": WAVE,
        "drink from cup": DRINK,
        "open door": OPEN_DOOR,
        "climb stairs": CLIMB_STAIRS,
        "push cart": PUSH_CART,
        "kick ball": KICK_BALL,
        "throw ball": THROW_BALL,
        "swing golf club": SWING_GOLF_CLUB,
        "pull up": PULL_UP,
        "jump": JUMP,
    }
)
"""`sit down` and `stand up`, `pick up` and `put down` are each other's key poses reversed"""
