"""Short clips of a drawn person in action, with the moments at which each stage begins."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import sin
from pathlib import Path
from random import Random

import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray
from PIL import Image, ImageDraw, ImageOps

from lga.errors import LGAError
from lga.files import to_csv, write_atomically
from lga.synthetic.actions import ACTIONS
from lga.synthetic.backdrop import paint_backdrop
from lga.synthetic.canvas import HEIGHT, SUPERSAMPLE, WIDTH, Camera, Canvas
from lga.synthetic.motion import Action, Pose, poses_at
from lga.synthetic.props import draw_fixture, draw_thing
from lga.synthetic.scene import Scene, camera, imagine_scene
from lga.synthetic.skeleton import draw_arm, draw_head, draw_leg, draw_torso, skeleton
from lga.video.write import VideoWriter

FPS = 25.0
MARGIN = 48
"""pixels by which the backdrop is larger than the supersampled picture, for the camera to sway"""


@dataclass(frozen=True, slots=True)
class RenderedClip:
    """A clip and the truth about it."""

    frames: UInt8[ndarray, "frames height width 3"]
    fps: float
    label: str
    borders: tuple[float, float]
    """seconds at which the second and the third stage start"""


def render_clip(label: str, *, seed: int) -> RenderedClip:
    """Draw one clip: 1.2 to 3 seconds, 320 x 240, 25 frames a second; the same arguments give the same bits.

    `seed` alone decides person, clothes, backdrop, camera, light and tempo: two labels share them.

    Raises:
        LGAError: no action has that label.
    """
    if label not in ACTIONS:
        raise LGAError(f"no demo action is called {label!r}; there are: {', '.join(ACTIONS)}")
    action, scene = ACTIONS[label], imagine_scene(Random(seed))
    count = round(scene.duration * FPS)
    borders = (scene.shares[0], scene.shares[0] + scene.shares[1])
    moments = _moments(action, borders, count)
    poses = poses_at(action, scene.build, moments)
    view = camera(scene.handling, action.frame, scene.build.height)
    backdrop = _backdrop(scene, view)
    frames = [_draw(action, scene, backdrop, view, pose, index / FPS) for index, pose in enumerate(poses)]
    last = (count - 1) / FPS
    return RenderedClip(np.stack(frames), FPS, label, (borders[0] * last, borders[1] * last))


def write_clip(clip: RenderedClip, path: Path) -> None:
    """Encode a clip as H.264 in an MP4 file; the same clip gives the same bytes.

    Raises:
        LGAError: the place cannot be written.
    """
    with VideoWriter(path, fps=round(clip.fps)) as writer:
        for number, picture in enumerate(clip.frames):
            writer.write(number / clip.fps, picture)


def write_dataset(
    folder: Path,
    *,
    labels: Sequence[str],
    clips: int,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write `clips` videos of every label and a manifest (path,label,group,borders); return its path.

    Paths are relative to the manifest; borders are seconds, joined by a space. Every clip has a scene, and so
    a group, of its own: no two videos share a person or a place. `progress` hears how many clips are written,
    and how many there are in all.
    """
    rows: list[tuple[str, str, str, str]] = []
    for index, label in enumerate(labels):
        name = label.replace(" ", "_")
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(clips):
            scene = seed * 1_000_003 + index * clips + number
            clip = render_clip(label, seed=scene)
            path = Path(name) / f"{name}_{number:02d}.mp4"
            write_clip(clip, folder / path)
            rows.append((path.as_posix(), label, f"scene-{scene}", " ".join(f"{b:.3f}" for b in clip.borders)))
            if progress:
                progress(len(rows), len(labels) * clips)
    manifest = folder / "manifest.csv"
    write_atomically(manifest, to_csv([("path", "label", "group", "borders"), *rows]).encode())
    return manifest


def _moments(action: Action, borders: tuple[float, float], count: int) -> Float[ndarray, "{count}"]:
    """Which moment of the action each frame shows, its stages stretched to end at `borders`."""
    return np.interp(np.linspace(0, 1, count), (0, *borders, 1), (0, *action.borders, 1))


def _backdrop(scene: Scene, view: Camera) -> Image.Image:
    """The still part of the picture, larger than it by `MARGIN` on every side and tilted with the camera."""
    size = (WIDTH * SUPERSAMPLE + 2 * MARGIN, HEIGHT * SUPERSAMPLE + 2 * MARGIN)
    upright = replace(view, tilt=0.0)
    floor = round(upright.pixel((0.0, scene.horizon))[1]) + MARGIN
    picture = paint_backdrop(Random(scene.backdrop_seed), size, floor)
    return picture.rotate(-view.tilt, resample=Image.Resampling.BILINEAR)


def _draw(
    action: Action, scene: Scene, backdrop: Image.Image, view: Camera, pose: Pose, second: float
) -> UInt8[ndarray, "240 320 3"]:
    """One frame, at `second` of the clip."""
    hand = scene.handling
    sway = (
        round(hand.sway * sin(2.1 * second + hand.rhythm[0])),
        round(hand.sway * sin(2.9 * second + hand.rhythm[1])),
    )
    left, top = MARGIN - sway[0], MARGIN - sway[1]
    picture = backdrop.crop((left, top, left + WIDTH * SUPERSAMPLE, top + HEIGHT * SUPERSAMPLE))
    moved = replace(view, sway=sway)
    _shadow(picture, moved, pose)
    _cast(Canvas(ImageDraw.Draw(picture), moved), action, scene, pose)
    small = picture.reduce(SUPERSAMPLE)
    lit = small.point([min(255, round(value * gain)) for gain in scene.light for value in range(256)])
    return np.asarray(ImageOps.mirror(lit) if hand.mirrored else lit)


def _shadow(picture: Image.Image, view: Camera, pose: Pose) -> None:
    x, y = view.pixel((pose.hip[0], 0.0))
    wide, high = 0.24 * view.scale, 0.035 * view.scale
    ImageDraw.Draw(picture, "RGBA").ellipse((x - wide, y - high, x + wide, y + high), fill=(0, 0, 0, 70))


def _cast(canvas: Canvas, action: Action, scene: Scene, pose: Pose) -> None:
    """Everything in front of the backdrop, from the farthest to the nearest."""
    build, appearance = scene.build, scene.appearance
    body = skeleton(pose, build, action.view)
    distant = 0.72 if action.view == "side" else 1.0
    things = list(zip(action.things, pose.things, strict=True))
    for fixture in action.fixtures:
        draw_fixture(canvas, fixture, scene.paint)
    for kind, at in things:
        if kind == "door":
            draw_thing(canvas, kind, at, scene.paint)
    if action.view == "side":
        draw_arm(canvas, body.arms[1], build, appearance, distant)
    draw_leg(canvas, body.legs[1], build, appearance, distant)
    draw_leg(canvas, body.legs[0], build, appearance, 1.0)
    draw_torso(canvas, body, build, appearance, action.view)
    draw_head(canvas, body, build, appearance, action.view)
    for kind, at in things:
        if kind != "door":
            draw_thing(canvas, kind, at, scene.paint)
    if action.view == "front":
        draw_arm(canvas, body.arms[1], build, appearance, distant)
    draw_arm(canvas, body.arms[0], build, appearance, 1.0)
