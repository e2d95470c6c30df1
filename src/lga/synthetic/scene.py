"""What changes from clip to clip and is no hint of the action: person, clothes, camera, light, tempo."""

from dataclasses import dataclass
from random import Random

from lga.synthetic.backdrop import hsv_color, pick_color
from lga.synthetic.canvas import HEIGHT, SUPERSAMPLE, Camera, Color
from lga.synthetic.motion import Build, Frame
from lga.synthetic.props import Paint
from lga.synthetic.skeleton import Wardrobe

SKINS: tuple[Color, ...] = ((246, 212, 184), (228, 184, 146), (198, 146, 104), (150, 102, 68), (104, 70, 48))
HAIRS: tuple[Color, ...] = (
    (36, 28, 26),
    (74, 48, 32),
    (132, 86, 46),
    (206, 168, 96),
    (150, 62, 34),
    (170, 168, 166),
)


@dataclass(frozen=True, slots=True)
class Handling:
    """How the camera is held; `sway` in pixels of the supersampled picture."""

    zoom: float
    shift: tuple[float, float]
    """of the middle of the picture, in body heights"""
    tilt: float
    sway: float
    rhythm: tuple[float, float]
    """radians: where in its slow drift the hand starts, across and up"""
    mirrored: bool


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything about one clip but the action."""

    build: Build
    appearance: Wardrobe
    paint: Paint
    handling: Handling
    light: tuple[float, float, float]
    """by how much red, green and blue are multiplied"""
    duration: float
    """seconds, 1.2..3"""
    shares: tuple[float, float, float]
    """of the three stages, each 0.2..0.5, their sum 1"""
    horizon: float
    """body heights by which the far end of the floor is drawn above the feet"""
    backdrop_seed: int


def imagine_scene(random: Random) -> Scene:
    """Draw every free choice of a clip; none depends on the action."""
    warm, bright = random.uniform(-0.07, 0.07), random.uniform(0.82, 1.1)
    return Scene(
        build=_build(random),
        appearance=_appearance(random),
        paint=Paint(
            pick_color(random, (0.5, 0.85), (0.55, 0.9)),
            hsv_color(random, (0.04, 0.12), (0.3, 0.7), (0.4, 0.8)),
        ),
        handling=_handling(random),
        light=(bright * (1 + warm), bright, bright * (1 - warm)),
        duration=random.uniform(1.2, 3.0),
        shares=_shares(random),
        horizon=random.uniform(0.08, 0.24),
        backdrop_seed=random.getrandbits(32),
    )


def camera(handling: Handling, frame: Frame, height: float) -> Camera:
    """The camera of a scene, turned to what an action needs; `height` scales the person and the things."""
    scale = HEIGHT * SUPERSAMPLE / frame.height * handling.zoom * height
    center = (frame.x + handling.shift[0], frame.y + handling.shift[1])
    return Camera(center, scale, handling.tilt)


def _build(random: Random) -> Build:
    return Build(
        leg=0.49 * random.uniform(0.985, 1.015),
        arm=0.34 * random.uniform(0.98, 1.03),
        torso=0.30 * random.uniform(0.97, 1.03),
        head=0.074 * random.uniform(0.92, 1.12),
        girth=random.uniform(0.84, 1.22),
        lean=random.uniform(-2.0, 2.0),
        swing=random.uniform(-5.0, 5.0),
        height=random.uniform(0.92, 1.06),
    )


def _appearance(random: Random) -> Wardrobe:
    return Wardrobe(
        skin=random.choice(SKINS),
        hair=random.choice(HAIRS),
        shirt=pick_color(random, (0.3, 0.9), (0.35, 1.0)),
        trousers=pick_color(random, (0.1, 0.7), (0.15, 0.8)),
        shoes=pick_color(random, (0.0, 0.8), (0.15, 0.95)),
        long_sleeves=random.random() < 0.5,
        long_trousers=random.random() < 0.65,
        long_hair=random.random() < 0.4,
    )


def _handling(random: Random) -> Handling:
    return Handling(
        zoom=random.uniform(0.9, 1.08),
        shift=(random.uniform(-0.12, 0.12), random.uniform(-0.03, 0.04)),
        tilt=random.uniform(-2.5, 2.5),
        sway=random.choice((0.0, random.uniform(1.0, 5.0))),
        rhythm=(random.uniform(0, 6.28), random.uniform(0, 6.28)),
        mirrored=random.random() < 0.5,
    )


def _shares(random: Random) -> tuple[float, float, float]:
    """Three stage lengths, each 0.2..0.5 of the clip."""
    first = random.uniform(0.2, 0.5)
    second = random.uniform(max(0.2, 0.5 - first), min(0.5, 0.8 - first))
    return first, second, 1 - first - second
