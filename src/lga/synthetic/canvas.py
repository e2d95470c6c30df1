"""A picture seen through a camera: world coordinates in, antialiasing-sized pixels out."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import atan2, cos, radians, sin

from PIL import ImageDraw

from lga.synthetic.motion import Number, Point

Color = tuple[int, int, int]
WIDTH, HEIGHT = 320, 240
SUPERSAMPLE = 2


@dataclass(frozen=True, slots=True)
class Camera:
    """Maps the world (body heights, y up) onto the supersampled picture (pixels, y down)."""

    center: Point
    scale: float
    """pixels of the supersampled picture per body height"""
    tilt: float = 0.0
    """degrees, clockwise"""
    sway: Point = (0.0, 0.0)
    """pixels by which a hand-held camera has drifted"""

    def pixel(self, point: Point) -> Point:
        """Where a point of the world falls in the picture."""
        x, y = (point[0] - self.center[0]) * self.scale, (self.center[1] - point[1]) * self.scale
        turn = radians(self.tilt)
        return (
            x * cos(turn) - y * sin(turn) + WIDTH * SUPERSAMPLE / 2 + self.sway[0],
            x * sin(turn) + y * cos(turn) + HEIGHT * SUPERSAMPLE / 2 + self.sway[1],
        )


@dataclass(frozen=True, slots=True)
class Canvas:
    """Draws round-ended shapes in world coordinates; every width and radius is in body heights."""

    draw: ImageDraw.ImageDraw
    camera: Camera

    def disc(self, center: Point, radius: float, color: Color) -> None:
        """A filled circle."""
        x, y = self.camera.pixel(center)
        r = radius * self.camera.scale
        self.draw.ellipse((x - r, y - r, x + r, y + r), fill=color)

    def polygon(self, points: Sequence[Point], color: Color, outline: Color | None = None) -> None:
        """A filled polygon, with an edge if `outline` is given."""
        corners = [self.camera.pixel(point) for point in points]
        self.draw.polygon(corners, fill=color)
        if outline:
            self.draw.line([*corners, corners[0], corners[1]], fill=outline, width=self._edge(), joint="curve")

    def capsule(self, start: Point, end: Point, first: float, last: float, color: Color) -> None:
        """A limb with round ends, of radius `first` at the start and `last` at the end."""
        (ax, ay), (bx, by) = self.camera.pixel(start), self.camera.pixel(end)
        a, b = first * self.camera.scale, last * self.camera.scale
        across = atan2(bx - ax, ay - by)
        dx, dy = cos(across), sin(across)
        body = [
            (ax + a * dx, ay + a * dy),
            (bx + b * dx, by + b * dy),
            (bx - b * dx, by - b * dy),
            (ax - a * dx, ay - a * dy),
        ]
        self.draw.polygon(body, fill=color)
        self.draw.ellipse((ax - a, ay - a, ax + a, ay + a), fill=color)
        self.draw.ellipse((bx - b, by - b, bx + b, by + b), fill=color)

    def line(self, points: Sequence[Point], width: float, color: Color) -> None:
        """A stroke through the points."""
        pixels = max(1, round(width * self.camera.scale))
        self.draw.line([self.camera.pixel(point) for point in points], fill=color, width=pixels, joint="curve")

    def box(self, corner: Point, size: Point, color: Color, outline: Color | None = None) -> None:
        """An upright rectangle from its lower left corner."""
        (x, y), (w, h) = corner, size
        self.polygon([(x, y), (x + w, y), (x + w, y + h), (x, y + h)], color, outline)

    def _edge(self) -> int:
        return max(2, round(0.009 * self.camera.scale))


@cache
def shade(color: Color, factor: float) -> Color:
    """The colour `factor` times as bright, e.g. 0.6 for a shadow side."""
    red, green, blue = (max(0, min(255, round(channel * factor))) for channel in color)
    return red, green, blue


def turned(points: Sequence[tuple[Number, Number]], at: Point, angle: float, size: float = 1.0) -> list[Point]:
    """Points of a shape's own frame `size` times as large, turned left by radians, moved to `at`."""
    across, up = size * cos(angle), size * sin(angle)
    return [(at[0] + x * across - y * up, at[1] + x * up + y * across) for x, y in points]
