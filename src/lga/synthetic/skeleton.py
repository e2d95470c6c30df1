"""The person: two-bone limbs from a pose, drawn as outlined, shaded, dressed capsules."""

from dataclasses import dataclass
from math import cos, degrees, hypot, radians, sin, sqrt

import numpy as np

from lga.synthetic.canvas import Canvas, Color, shade, turned
from lga.synthetic.motion import Build, Point, Pose, View, shoulder


@dataclass(frozen=True, slots=True)
class Wardrobe:
    """What a person wears and looks like."""

    skin: Color
    hair: Color
    shirt: Color
    trousers: Color
    shoes: Color
    long_sleeves: bool
    long_trousers: bool
    long_hair: bool


@dataclass(frozen=True, slots=True)
class Limb:
    """Three joints of an arm or a leg, from the body outwards, and the tip of the toes for a leg."""

    root: Point
    middle: Point
    end: Point
    tip: Point | None = None


@dataclass(frozen=True, slots=True)
class Skeleton:
    """Every joint in world coordinates; near limbs come before far ones."""

    hip: Point
    neck: Point
    head: Point
    gaze: float
    """degrees by which the head is turned down"""
    arms: tuple[Limb, Limb]
    legs: tuple[Limb, Limb]


def skeleton(pose: Pose, build: Build, view: View) -> Skeleton:
    """Solve every joint of a pose: elbows and knees follow from where hands and feet are."""
    spine = radians(pose.lean)
    neck = (pose.hip[0] + build.torso * sin(spine), pose.hip[1] + build.torso * cos(spine))
    tilt = radians(pose.lean * (0.5 if view == "side" else 1) + pose.nod * 0.6)
    rise = 0.045 + build.head
    return Skeleton(
        hip=pose.hip,
        neck=neck,
        head=(neck[0] + rise * sin(tilt) + (0.012 if view == "side" else 0), neck[1] + rise * cos(tilt)),
        gaze=degrees(tilt) + pose.nod * 0.4,
        arms=(_arm(pose, build, view, 0), _arm(pose, build, view, 1)),
        legs=(_leg(pose, build, view, 0), _leg(pose, build, view, 1)),
    )


def _arm(pose: Pose, build: Build, view: View, which: int) -> Limb:
    joint = shoulder(np.array([pose.hip]), np.array([pose.lean]), build, view, 1 - 2 * which)[0]
    root = (float(joint[0]), float(joint[1]))
    hand = pose.hands[which]
    return Limb(root, _middle(root, hand, build.arm, pose.bends[which]), hand)


def _leg(pose: Pose, build: Build, view: View, which: int) -> Limb:
    side, (x, y, pitch) = 1 - 2 * which, pose.feet[which]
    sideways = 0.058 * build.girth * side if view == "front" else -0.01 * side
    root = (pose.hip[0] + sideways, pose.hip[1])
    length = hypot(x - root[0], y - root[1])
    scale = min(1.0, 0.995 * build.leg / length)
    ankle = (root[0] + (x - root[0]) * scale, root[1] + (y - root[1]) * scale)
    if view == "front":
        toe = (ankle[0] + 0.03 * side, ankle[1] - 0.035 + 0.0005 * pitch)
        return Limb(root, _middle(root, ankle, build.leg, -0.3 * side), ankle, toe)
    turn = radians(pitch)
    toe = (ankle[0] + 0.09 * cos(turn) + 0.022 * sin(turn), ankle[1] + 0.09 * sin(turn) - 0.022 * cos(turn))
    return Limb(root, _middle(root, ankle, build.leg, -1.0), ankle, toe)


def _middle(root: Point, end: Point, length: float, bend: float) -> Point:
    """The elbow or the knee of a limb of two equal bones; `bend` below 1 foreshortens it."""
    dx, dy = end[0] - root[0], end[1] - root[1]
    distance = max(hypot(dx, dy), 1e-6)
    height = bend * sqrt(max(0.0, length**2 - distance**2)) / 2
    return (root[0] + end[0]) / 2 + dy / distance * height, (root[1] + end[1]) / 2 - dx / distance * height


def draw_leg(canvas: Canvas, limb: Limb, build: Build, appearance: Wardrobe, light: float) -> None:
    """One leg with its shoe; `light` darkens the far one."""
    trousers, shoe = shade(appearance.trousers, light), shade(appearance.shoes, light)
    shank = trousers if appearance.long_trousers else shade(appearance.skin, light)
    tip = limb.tip or limb.end
    heel = (limb.end[0] - (tip[0] - limb.end[0]) * 0.25, limb.end[1] - 0.012)
    widths = (0.062 * build.girth, 0.047 * build.girth, 0.032 * build.girth)
    _bones(canvas, limb, widths, (trousers, shank))
    for grow, color in ((0.008, shade(shoe, 0.5)), (0.0, shoe)):
        canvas.capsule(heel, tip, 0.027 + grow, 0.021 + grow, color)


def draw_arm(canvas: Canvas, limb: Limb, build: Build, appearance: Wardrobe, light: float) -> None:
    """One arm with its hand; `light` darkens the far one."""
    shirt, skin = shade(appearance.shirt, light), shade(appearance.skin, light)
    widths = (0.044 * build.girth, 0.034 * build.girth, 0.027 * build.girth)
    _bones(canvas, limb, widths, (shirt, shirt if appearance.long_sleeves else skin))
    canvas.disc(limb.end, 0.036, shade(skin, 0.55))
    canvas.disc(limb.end, 0.029, skin)


def _bones(canvas: Canvas, limb: Limb, widths: tuple[float, float, float], colors: tuple[Color, Color]) -> None:
    first, second, third = widths
    upper, lower = colors
    canvas.capsule(limb.root, limb.middle, first + 0.008, second + 0.008, shade(upper, 0.5))
    canvas.capsule(limb.middle, limb.end, second + 0.008, third + 0.008, shade(lower, 0.5))
    canvas.capsule(limb.middle, limb.end, second, third, lower)
    canvas.capsule(limb.root, limb.middle, first, second, upper)
    shine = (-0.012, 0.008)
    lit = Limb(*((x + shine[0], y + shine[1]) for x, y in (limb.root, limb.middle, limb.end)))
    canvas.capsule(lit.root, lit.middle, first * 0.35, second * 0.35, shade(upper, 1.1))
    canvas.capsule(lit.middle, lit.end, second * 0.35, third * 0.3, shade(lower, 1.1))


def draw_torso(canvas: Canvas, body: Skeleton, build: Build, appearance: Wardrobe, view: View) -> None:
    """Pelvis, chest and neck."""
    girth = build.girth
    dark, chest = shade(appearance.shirt, 0.5), _toward(body.hip, body.neck, 0.84)
    canvas.capsule(body.neck, _toward(body.neck, body.head, 0.7), 0.036, 0.034, shade(appearance.skin, 0.85))
    if view == "side":
        canvas.disc(body.hip, 0.070 * girth, shade(appearance.trousers, 0.5))
        canvas.disc(body.hip, 0.063 * girth, appearance.trousers)
        waist = _toward(body.hip, body.neck, 0.14)
        canvas.capsule(waist, chest, 0.070 * girth, 0.082 * girth, dark)
        canvas.capsule(waist, chest, 0.062 * girth, 0.074 * girth, appearance.shirt)
        lit = (waist[0] - 0.02, waist[1] + 0.01), (chest[0] - 0.02, chest[1] + 0.01)
        canvas.capsule(*lit, 0.022 * girth, 0.03 * girth, shade(appearance.shirt, 1.15))
        return
    left, right = body.arms[1].root, body.arms[0].root
    hips = (body.legs[1].root, body.legs[0].root)
    canvas.capsule(*hips, 0.072 * girth, 0.072 * girth, shade(appearance.trousers, 0.5))
    canvas.capsule(*hips, 0.064 * girth, 0.064 * girth, appearance.trousers)
    waist = _toward(hips[0], left, 0.2), _toward(hips[1], right, 0.2)
    for grow, color in ((0.008, dark), (0.0, appearance.shirt)):
        canvas.capsule(left, right, 0.046 + grow, 0.046 + grow, color)
        canvas.capsule(left, waist[0], 0.044 + grow, 0.05 + grow, color)
        canvas.capsule(right, waist[1], 0.044 + grow, 0.05 + grow, color)
        canvas.polygon([left, right, waist[1], waist[0]], color)
        canvas.capsule(*waist, 0.05 + grow, 0.05 + grow, color)


def draw_head(canvas: Canvas, body: Skeleton, build: Build, appearance: Wardrobe, view: View) -> None:
    """Head, hair and a hint of a face."""
    size, at, turn = build.head, body.head, -radians(body.gaze)
    if appearance.long_hair:
        for strand in SIDE_STRANDS if view == "side" else FRONT_STRANDS:
            top, tip = turned(strand, at, turn, size)
            canvas.capsule(top, tip, size * 0.6, size * 0.42, appearance.hair)
    canvas.disc(at, size + 0.008, shade(appearance.skin, 0.5))
    canvas.disc(at, size, appearance.skin)
    dot, dark, hair = size * 0.13, (35, 25, 25), shade(appearance.hair, 0.6)
    if view == "side":
        bridge, nose, eye, mouth, cheek, ear = turned(PROFILE, at, turn, size)
        canvas.capsule(bridge, nose, dot, dot * 1.2, appearance.skin)
        canvas.disc(eye, dot, dark)
        canvas.line([mouth, cheek], size * 0.12, shade(appearance.skin, 0.5))
        canvas.polygon(turned(SIDE_HAIR, at, turn, size), appearance.hair, hair)
        canvas.disc(ear, size * 0.2, shade(appearance.skin, 0.82))
        return
    left, right, *smile = turned(FACE, at, turn, size)
    canvas.disc(left, dot, dark)
    canvas.disc(right, dot, dark)
    canvas.line(smile, size * 0.13, shade(appearance.skin, 0.5))
    canvas.polygon(turned(FRONT_HAIR, at, turn, size), appearance.hair, hair)


def _toward(start: Point, end: Point, share: float) -> Point:
    return start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share


def _crown(first: int, last: int) -> list[Point]:
    return [(1.12 * cos(radians(angle)), 1.12 * sin(radians(angle))) for angle in range(first, last, 15)]


# A head in its own frame: its radius is 1, and in the side view it looks along x.
PROFILE: list[Point] = [(0.9, 0.05), (1.12, -0.14), (0.55, 0.12), (0.5, -0.5), (0.82, -0.46), (-0.12, -0.1)]
"""bridge and tip of the nose, eye, both ends of the mouth, ear"""
FACE: list[Point] = [(-0.36, 0.05), (0.36, 0.05), (-0.3, -0.45), (0.0, -0.54), (0.3, -0.45)]
"""both eyes, and a smile of three points"""
SIDE_HAIR: list[Point] = [*_crown(50, 226), (-0.3, -0.35), (-0.15, 0.35), (0.5, 0.62)]
FRONT_HAIR: list[Point] = [*_crown(0, 181), (-0.8, 0.35), (0.2, 0.55), (0.85, 0.3)]
SIDE_STRANDS: list[list[Point]] = [[(-0.55, 0.1), (-0.63, -1.25)]]
FRONT_STRANDS: list[list[Point]] = [[(-0.7, 0.1), (-0.8, -1.25)], [(0.7, 0.1), (0.8, -1.25)]]
