"""What is behind the drawn person."""

from collections.abc import Callable
from colorsys import hsv_to_rgb
from random import Random

import numpy as np
from einops import repeat
from PIL import Image, ImageDraw

from lga.synthetic.canvas import Color, shade

Draw = ImageDraw.ImageDraw


def pick_color(random: Random, saturation: tuple[float, float], value: tuple[float, float]) -> Color:
    """A colour of any hue, with saturation and value (0..1) drawn from the ranges."""
    return hsv_color(random, (0.0, 1.0), saturation, value)


def hsv_color(
    random: Random, hue: tuple[float, float], saturation: tuple[float, float], value: tuple[float, float]
) -> Color:
    """A colour whose hue, saturation and value (0..1) are drawn from the ranges."""
    red, green, blue = hsv_to_rgb(random.uniform(*hue) % 1, random.uniform(*saturation), random.uniform(*value))
    return round(red * 255), round(green * 255), round(blue * 255)


def window(draw: Draw, random: Random, x: int, floor: int) -> None:
    """A window, high on a wall."""
    top, frame = floor - random.randrange(300, 360), random.choice(((245, 245, 240), (90, 66, 48)))
    width, height = random.randrange(90, 150), random.randrange(120, 180)
    draw.rectangle((x, top, x + width, top + height), fill=frame)
    draw.rectangle(
        (x + 8, top + 8, x + width - 8, top + height - 8),
        fill=hsv_color(random, (0.5, 0.62), (0.1, 0.5), (0.6, 1.0)),
    )
    draw.line((x + width // 2, top, x + width // 2, top + height), fill=frame, width=6)


def poster(draw: Draw, random: Random, x: int, floor: int) -> None:
    """A framed picture of a mountain."""
    top, width, height = (
        floor - random.randrange(250, 340),
        random.randrange(50, 130),
        random.randrange(60, 120),
    )
    draw.rectangle((x - 5, top - 5, x + width + 5, top + height + 5), fill=pick_color(random, (0.0, 0.4), (0.1, 0.5)))
    draw.rectangle((x, top, x + width, top + height), fill=pick_color(random, (0.2, 0.8), (0.5, 1.0)))
    draw.polygon(
        (x, top + height, x + width // 2, top + 20, x + width, top + height),
        fill=pick_color(random, (0.2, 0.8), (0.4, 0.9)),
    )


def bookcase(draw: Draw, random: Random, x: int, floor: int) -> None:
    """Two boards of books."""
    wood = hsv_color(random, (0.05, 0.11), (0.3, 0.7), (0.3, 0.7))
    for level in range(2):
        row = floor - 190 - 80 * level
        draw.rectangle((x, row, x + 110, row + 8), fill=wood)
        for left in range(x + 4, x + 92, 15):
            draw.rectangle(
                (left, row - random.randrange(26, 56), left + 12, row),
                fill=pick_color(random, (0.3, 0.8), (0.3, 0.9)),
            )


def plant(draw: Draw, random: Random, x: int, floor: int) -> None:
    """A plant in a pot."""
    leaf, foot = hsv_color(random, (0.25, 0.42), (0.4, 0.8), (0.3, 0.6)), floor + 12
    for _ in range(9):
        tip = (x + random.randrange(-55, 55), foot - random.randrange(90, 170))
        draw.line((x, foot - 40, *tip), fill=leaf, width=5)
        draw.ellipse((tip[0] - 15, tip[1] - 11, tip[0] + 15, tip[1] + 11), fill=shade(leaf, random.uniform(0.8, 1.3)))
    pot = pick_color(random, (0.3, 0.7), (0.4, 0.8))
    draw.polygon((x - 26, foot - 44, x + 26, foot - 44, x + 18, foot, x - 18, foot), fill=pot)


def lamp(draw: Draw, random: Random, x: int, floor: int) -> None:
    """A standing lamp."""
    rise, metal = random.randrange(230, 330), pick_color(random, (0.0, 0.2), (0.15, 0.5))
    draw.rectangle((x - 4, floor - rise, x + 4, floor + 8), fill=metal)
    draw.polygon(
        (x - 34, floor - rise, x + 34, floor - rise, x + 18, floor - rise - 36, x - 18, floor - rise - 36),
        fill=(250, 232, 170),
    )


def seat(draw: Draw, random: Random, x: int, floor: int) -> None:
    """A low seat for the park."""
    wood = hsv_color(random, (0.03, 0.12), (0.3, 0.8), (0.3, 0.7))
    for left in (x + 8, x + 92):
        draw.rectangle((left, floor - 34, left + 8, floor + 6), fill=shade(wood, 0.6))
    draw.rectangle((x, floor - 42, x + 110, floor - 32), fill=wood)


def tree(draw: Draw, random: Random, x: int, floor: int) -> None:
    """A tree."""
    leaf, rise = hsv_color(random, (0.1, 0.42), (0.35, 0.8), (0.25, 0.65)), random.randrange(150, 300)
    draw.rectangle(
        (x - 10, floor - rise, x + 10, floor + 6),
        fill=hsv_color(random, (0.04, 0.1), (0.3, 0.6), (0.2, 0.45)),
    )
    for _ in range(7):
        cx, cy, r = (
            x + random.randrange(-50, 50),
            floor - rise + random.randrange(-50, 40),
            random.randrange(28, 60),
        )
        draw.ellipse((cx - r, cy - r, cx + r, cy + r), fill=shade(leaf, random.uniform(0.85, 1.2)))


def nothing(draw: Draw, random: Random, x: int, floor: int) -> None:
    """An empty stretch."""


Size = tuple[int, int]


def paint_backdrop(random: Random, size: Size, floor: int) -> Image.Image:
    """A still picture of `size` (width, height) even pixels whose wall meets the ground at row `floor`."""
    paint = random.choice(SETTINGS)
    picture = np.asarray(paint(random, size, floor), dtype=np.float32)
    across = np.abs(np.linspace(-1, 1, size[0]) - random.uniform(-0.5, 0.5))
    shadow = 1 - random.uniform(0.0, 0.25) * across[None, :, None]
    noise = np.random.default_rng(random.getrandbits(32))
    fine = noise.normal(0, random.uniform(2, 6), (size[1] // 2, size[0] // 2, 1))
    grain = repeat(fine, "height width 1 -> (height 2) (width 2) 1")
    return Image.fromarray(np.clip(picture * shadow + grain, 0, 255).astype(np.uint8))


def gradient(size: Size, top: Color, middle: Color, floor: int, ground: Color, front: Color) -> Image.Image:
    """Two vertical gradients that meet at row `floor`."""
    rows = np.arange(size[1])[:, None]
    stops = [0, floor - 1, floor, size[1]]
    channels = [np.interp(rows, stops, values) for values in zip(top, middle, ground, front, strict=True)]
    column = np.stack(channels, -1).astype(np.uint8)
    return Image.fromarray(np.repeat(column, size[0], axis=1))


def _room(random: Random, size: Size, floor: int) -> Image.Image:
    wall, ground = pick_color(random, (0.05, 0.4), (0.6, 0.95)), pick_color(random, (0.1, 0.5), (0.35, 0.75))
    picture = gradient(size, shade(wall, 1.05), shade(wall, 0.92), floor, shade(ground, 0.8), shade(ground, 1.1))
    draw = ImageDraw.Draw(picture)
    if random.random() < 0.4:
        step = random.randrange(28, 70)
        for x in range(random.randrange(step), size[0], step):
            draw.rectangle((x, 0, x + step // 3, floor), fill=shade(wall, 0.95))
    _boards(draw, random, size, floor, ground)
    draw.rectangle((0, floor - 12, size[0], floor), fill=shade(wall, random.choice((0.6, 1.2))))
    for x in range(random.randrange(20, 90), size[0] - 60, random.randrange(150, 260)):
        random.choice((window, poster, bookcase, plant, nothing))(draw, random, x, floor)
    return picture


def _hall(random: Random, size: Size, floor: int) -> Image.Image:
    wall, ground = pick_color(random, (0.05, 0.5), (0.5, 0.9)), pick_color(random, (0.2, 0.6), (0.4, 0.8))
    picture = gradient(size, wall, wall, floor, shade(ground, 0.9), ground)
    draw = ImageDraw.Draw(picture)
    split = floor - random.randrange(60, 190)
    draw.rectangle((0, split, size[0], floor), fill=pick_color(random, (0.2, 0.7), (0.3, 0.8)))
    step = random.randrange(50, 110)
    for x in range(random.randrange(step), size[0], step):
        draw.line((x, 0, x, floor), fill=shade(wall, 0.88), width=3)
    for _ in range(random.randrange(1, 4)):
        x = random.randrange(-200, size[0])
        draw.line(
            (x, floor, x + random.randrange(-300, 300), size[1]),
            fill=pick_color(random, (0.0, 0.9), (0.6, 1.0)),
            width=9,
        )
    for x in range(random.randrange(30, 200), size[0], random.randrange(180, 320)):
        random.choice((window, poster, lamp, seat, nothing))(draw, random, x, floor)
    return picture


def _street(random: Random, size: Size, floor: int) -> Image.Image:
    sky = hsv_color(random, (0.5, 0.64), (0.02, 0.45), (0.7, 1.0))
    ground = pick_color(random, (0.0, 0.12), (0.35, 0.65))
    picture = gradient(size, sky, shade(sky, 1.15), floor, shade(ground, 0.9), shade(ground, 1.15))
    draw = ImageDraw.Draw(picture)
    x = random.randrange(-80, 0)
    while x < size[0]:
        width, rise = random.randrange(90, 210), random.randrange(140, 420)
        facade = pick_color(random, (0.05, 0.45), (0.35, 0.8))
        draw.rectangle((x, floor - rise, x + width, floor), fill=facade)
        pane = shade(facade, random.choice((0.6, 1.35)))
        for row in range(floor - rise + 18, floor - 40, 52):
            for left in range(x + 14, x + width - 26, 44):
                draw.rectangle((left, row, left + 22, row + 30), fill=pane)
        x += width + random.choice((0, 0, 30))
    draw.rectangle((0, floor, size[0], floor + 10), fill=shade(ground, 1.35))
    for left in range(random.randrange(60, 250), size[0], random.randrange(220, 420)):
        random.choice((lamp, tree, seat, nothing))(draw, random, left, floor)
    return picture


def _park(random: Random, size: Size, floor: int) -> Image.Image:
    sky = hsv_color(random, (0.52, 0.64), (0.15, 0.5), (0.8, 1.0))
    grass = hsv_color(random, (0.2, 0.38), (0.35, 0.7), (0.4, 0.75))
    picture = gradient(size, sky, shade(sky, 1.2), floor, shade(grass, 0.85), shade(grass, 1.15))
    draw = ImageDraw.Draw(picture)
    for _ in range(random.randrange(1, 4)):
        x, rise, reach = random.randrange(size[0]), random.randrange(30, 150), random.randrange(160, 420)
        draw.pieslice(
            (x - reach, floor - rise, x + reach, floor + rise),
            180,
            360,
            fill=shade(grass, random.uniform(0.6, 1.1)),
        )
    for _ in range(random.randrange(0, 4)):
        x, y = random.randrange(size[0]), random.randrange(20, 150)
        for shift in (-34, 0, 36):
            draw.ellipse((x + shift - 36, y - 16, x + shift + 36, y + 18), fill=(244, 246, 250))
    if random.random() < 0.4:
        _fence(draw, random, size, floor)
    for x in range(random.randrange(10, 200), size[0], random.randrange(120, 300)):
        random.choice((tree, tree, seat, nothing))(draw, random, x, floor)
    return picture


def _coast(random: Random, size: Size, floor: int) -> Image.Image:
    sky = hsv_color(random, random.choice(((0.5, 0.62), (0.98, 1.1))), (0.1, 0.5), (0.75, 1.0))
    sand = hsv_color(random, (0.07, 0.16), (0.15, 0.5), (0.6, 0.95))
    picture = gradient(size, sky, shade(sky, 1.2), floor, sand, shade(sand, 0.9))
    draw = ImageDraw.Draw(picture)
    sea = hsv_color(random, (0.48, 0.62), (0.4, 0.8), (0.45, 0.85))
    draw.rectangle((0, floor - random.randrange(40, 130), size[0], floor), fill=sea)
    for _ in range(12):
        x, y = random.randrange(size[0]), floor - random.randrange(4, 40)
        draw.line((x, y, x + random.randrange(20, 90), y), fill=shade(sea, 1.3), width=3)
    x, y, r = random.randrange(size[0]), random.randrange(30, 140), random.randrange(20, 44)
    draw.ellipse((x - r, y - r, x + r, y + r), fill=(255, 240, 190))
    return picture


def _boards(draw: Draw, random: Random, size: Size, floor: int, ground: Color) -> None:
    vanish, step = random.randrange(size[0]), random.randrange(60, 140)
    for x in range(-size[0], 2 * size[0], step):
        draw.line((x, size[1], vanish + (x - vanish) // 3, floor), fill=shade(ground, 0.75), width=2)


def _fence(draw: Draw, random: Random, size: Size, floor: int) -> None:
    color, rise = pick_color(random, (0.0, 0.3), (0.5, 0.95)), random.randrange(50, 110)
    for x in range(0, size[0], 34):
        draw.rectangle((x, floor - rise, x + 14, floor), fill=color)
    draw.rectangle((0, floor - rise + 18, size[0], floor - rise + 28), fill=shade(color, 0.9))


SETTINGS: tuple[Callable[[Random, Size, int], Image.Image], ...] = (
    _room,
    _room,
    _hall,
    _street,
    _park,
    _coast,
)
