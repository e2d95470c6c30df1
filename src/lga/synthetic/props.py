"""Things that are handled and things that stand about, drawn in world coordinates."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import cos, radians, sin

from lga.synthetic.canvas import Canvas, Color, shade, turned
from lga.synthetic.motion import FixtureKind, Number, Point, ThingKind

At = tuple[float, float, float]
METAL = (168, 174, 182)


@dataclass(frozen=True, slots=True)
class Paint:
    """The colours that the props of one clip are made in."""

    main: Color
    wood: Color


def draw_fixture(canvas: Canvas, kind: FixtureKind, paint: Paint) -> None:
    """Something that does not move."""
    FIXTURES[kind](canvas, paint)


def draw_thing(canvas: Canvas, kind: ThingKind, at: At, paint: Paint) -> None:
    """Something that moves, at (x, y) and turned by degrees."""
    THINGS[kind](canvas, at, paint)


def _chair(canvas: Canvas, paint: Paint) -> None:
    dark = shade(paint.wood, 0.55)
    for x in (-0.37, -0.3, -0.12, -0.06):
        canvas.capsule((x, 0.24), (x - 0.01, 0.01), 0.017, 0.013, shade(paint.wood, 0.7 if x in (-0.3, -0.06) else 1.0))
    canvas.box((-0.4, 0.225), (0.38, 0.045), paint.wood, dark)
    canvas.polygon([(-0.4, 0.25), (-0.36, 0.25), (-0.4, 0.66), (-0.44, 0.66)], paint.wood, dark)
    canvas.polygon([(-0.37, 0.27), (-0.02, 0.27), (-0.03, 0.295), (-0.36, 0.295)], paint.main, shade(paint.main, 0.6))


def _table(canvas: Canvas, paint: Paint) -> None:
    dark = shade(paint.wood, 0.55)
    for x in (0.22, 0.66):
        canvas.box((x, 0.0), (0.035, 0.41), shade(paint.wood, 0.8), dark)
    canvas.box((0.17, 0.4), (0.58, 0.045), paint.wood, dark)
    canvas.box((0.5, 0.445), (0.1, 0.02), paint.main, shade(paint.main, 0.6))


def _stairs(canvas: Canvas, paint: Paint) -> None:
    dark = shade(paint.wood, 0.5)
    for step in range(3):
        x, height = 0.22 * step - 0.02, 0.14 * (step + 1)
        canvas.box((x, 0.0), (1.3 - x, height), shade(paint.wood, 0.9 - 0.06 * step), dark)
        canvas.box((x - 0.015, height - 0.03), (0.25 if step < 2 else 1.3 - x, 0.03), shade(paint.wood, 1.15), dark)
    for x, y in ((0.0, 0.14), (0.44, 0.42), (1.1, 0.42)):
        canvas.line([(x + 0.1, y), (x + 0.1, y + 0.42)], 0.02, METAL)
    canvas.line([(0.02, 0.5), (0.54, 0.84), (1.25, 0.84)], 0.03, shade(paint.main, 0.9))


def _bar(canvas: Canvas, paint: Paint) -> None:
    for x in (-0.46, 0.46):
        canvas.capsule((x, 1.19), (x, 0.0), 0.024, 0.024, shade(paint.main, 0.5))
        canvas.capsule((x, 1.19), (x, 0.0), 0.017, 0.017, paint.main)
        canvas.capsule((x - 0.08, 0.005), (x + 0.08, 0.005), 0.017, 0.017, shade(paint.main, 0.6))
    canvas.capsule((-0.5, 1.185), (0.5, 1.185), 0.02, 0.02, (70, 74, 80))
    canvas.capsule((-0.5, 1.189), (0.5, 1.189), 0.01, 0.01, METAL)


def _doorway(canvas: Canvas, paint: Paint) -> None:
    canvas.box((0.2, 0.0), (0.58, 1.14), shade(paint.wood, 0.75), shade(paint.wood, 0.4))
    canvas.box((0.25, 0.0), (0.47, 1.08), (38, 44, 62))
    canvas.polygon([(0.25, 0.0), (0.72, 0.0), (0.62, 0.14), (0.34, 0.14)], (86, 84, 92))


def _door(canvas: Canvas, at: At, paint: Paint) -> None:
    hinge, turn = at[0], radians(at[2])
    leaf = shade(paint.main, round(1 - 0.25 * sin(turn), 2))
    dark = shade(leaf, 0.55)
    canvas.polygon(_on_leaf([(0, 0), (1, 0), (1, 1), (0, 1)], hinge, turn), leaf, dark)
    for low, high in ((0.08, 0.42), (0.54, 0.92)):
        panel = [(0.18, low), (0.82, low), (0.82, high), (0.18, high)]
        canvas.polygon(_on_leaf(panel, hinge, turn), shade(leaf, 0.87), dark)
    knob, neck = _on_leaf([(0.95, 0.49), (0.82, 0.49)], hinge, turn)
    canvas.capsule(knob, neck, 0.017, 0.012, (236, 196, 92))


def _on_leaf(points: Sequence[tuple[Number, Number]], hinge: float, turn: float) -> list[Point]:
    """Points (share of the width from the hinge, share of the height) of a door turned by radians."""
    width, nearer = 0.47 * cos(turn), 0.07 * sin(turn)
    return [(hinge - width * across, up * (1.08 + 1.6 * nearer * across) - nearer * across) for across, up in points]


def _box(canvas: Canvas, at: At, paint: Paint) -> None:
    x, y, _ = at
    card, half = (196, 150, 96), 0.105
    dark = shade(card, 0.5)
    canvas.polygon(
        [
            (x - half, y + half),
            (x + half, y + half),
            (x + half + 0.04, y + half + 0.04),
            (x - half + 0.04, y + half + 0.04),
        ],
        shade(card, 1.2),
        dark,
    )
    side = [
        (x + half, y - half),
        (x + half + 0.04, y - half + 0.04),
        (x + half + 0.04, y + half + 0.04),
        (x + half, y + half),
    ]
    canvas.polygon(side, shade(card, 0.75), dark)
    canvas.box((x - half, y - half), (2 * half, 2 * half), card, dark)
    canvas.box((x - 0.025, y - half), (0.05, 2 * half), shade(paint.main, 1.1))
    canvas.box((x - half, y + 0.02), (2 * half, 0.025), shade(card, 0.85))


def _ball(canvas: Canvas, at: At, paint: Paint) -> None:
    x, y, turn = at
    canvas.disc((x, y), 0.064, shade(paint.main, 0.4))
    canvas.disc((x, y), 0.056, (244, 244, 240))
    for spoke in range(3):
        angle = radians(turn + 120 * spoke)
        canvas.disc((x + 0.034 * cos(angle), y + 0.034 * sin(angle)), 0.017, shade(paint.main, 0.8))


def _golf_ball(canvas: Canvas, at: At, paint: Paint) -> None:
    canvas.disc(at[:2], 0.028, shade(paint.wood, 0.4))
    canvas.disc(at[:2], 0.022, (250, 250, 250))


def _club(canvas: Canvas, at: At, paint: Paint) -> None:
    x, y, turn = at
    along = (sin(radians(turn)), -cos(radians(turn)))
    top, foot = (x - 0.05 * along[0], y - 0.05 * along[1]), (x + 0.52 * along[0], y + 0.52 * along[1])
    toe = (foot[0] + 0.06 * along[1] + 0.02 * along[0], foot[1] - 0.06 * along[0] + 0.02 * along[1])
    canvas.capsule(top, foot, 0.013, 0.011, (46, 48, 54))
    canvas.capsule((x, y), foot, 0.006, 0.005, (225, 228, 232))
    canvas.capsule(foot, toe, 0.026, 0.03, (36, 36, 42))
    canvas.capsule(foot, toe, 0.016, 0.02, shade(paint.main, 1.0))


def _cup(canvas: Canvas, at: At, paint: Paint) -> None:
    x, y, turn = at
    dark, angle = shade(paint.main, 0.45), radians(turn)
    handle = [(0.03, 0.03), (0.075, 0.025), (0.075, -0.02), (0.03, -0.03)]
    canvas.line(turned(handle, (x, y), angle), 0.016, dark)
    mug = [(-0.036, -0.05), (0.036, -0.05), (0.045, 0.055), (-0.045, 0.055)]
    canvas.polygon(turned(mug, (x, y), angle), paint.main, dark)
    left, right = turned([(-0.036, 0.05), (0.036, 0.05)], (x, y), angle)
    canvas.capsule(left, right, 0.009, 0.009, shade(paint.main, 1.4))
    canvas.line(turned([(-0.035, 0.0), (0.038, 0.0)], (x, y), angle), 0.018, (245, 245, 240))


def _cart(canvas: Canvas, at: At, paint: Paint) -> None:
    x, y, turn = at
    frame = (74, 80, 90)
    rim, bottom = y + 0.01, y - 0.24
    canvas.line([(x + 0.05, bottom), (x + 0.1, 0.1), (x + 0.5, 0.1)], 0.02, frame)
    basket = [(x + 0.02, rim), (x + 0.58, rim + 0.03), (x + 0.52, bottom + 0.02), (x + 0.07, bottom)]
    canvas.polygon(
        [(x + 0.16, bottom + 0.05), (x + 0.3, bottom + 0.05), (x + 0.3, rim + 0.09), (x + 0.16, rim + 0.09)],
        paint.main,
    )
    canvas.disc((x + 0.42, rim + 0.02), 0.07, shade(paint.wood, 1.1))
    for share in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0):
        canvas.line([_mix(basket[0], basket[1], share), _mix(basket[3], basket[2], share)], 0.009, METAL)
    for share in (0.33, 0.66):
        canvas.line([_mix(basket[0], basket[3], share), _mix(basket[1], basket[2], share)], 0.009, METAL)
    canvas.line([*basket, basket[0]], 0.018, frame)
    canvas.capsule((x - 0.02, y), (x + 0.04, y), 0.02, 0.02, shade(paint.main, 0.8))
    for wheel in (x + 0.12, x + 0.48):
        canvas.disc((wheel, 0.05), 0.048, (34, 34, 38))
        canvas.disc((wheel, 0.05), 0.022, METAL)
        spoke = (0.03 * cos(radians(turn)), 0.03 * sin(radians(turn)))
        canvas.line([(wheel - spoke[0], 0.05 - spoke[1]), (wheel + spoke[0], 0.05 + spoke[1])], 0.01, (34, 34, 38))


def _mix(start: Point, end: Point, share: float) -> Point:
    return start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share


FIXTURES: dict[FixtureKind, Callable[[Canvas, Paint], None]] = {
    "bar": _bar,
    "chair": _chair,
    "doorway": _doorway,
    "stairs": _stairs,
    "table": _table,
}
THINGS: dict[ThingKind, Callable[[Canvas, At, Paint], None]] = {
    "ball": _ball,
    "golf ball": _golf_ball,
    "box": _box,
    "cart": _cart,
    "club": _club,
    "cup": _cup,
    "door": _door,
}
