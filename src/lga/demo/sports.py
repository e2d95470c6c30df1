"""Sports actions: (moment, hip, lean, nod, near arm, far arm, near foot, far foot, places) of each key."""

from dataclasses import replace

from lga.demo.indoors import FRONT
from lga.demo.pose import Action, Arm, Foot, Frame, KeyPose, Number, Place, grip

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
