"""What stands about in a backdrop, each drawn at column `x` with its foot at row `floor`, in pixels."""

from colorsys import hsv_to_rgb
from random import Random

from PIL import ImageDraw

from lga.demo.canvas import Color, shade

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


def shelf(draw: Draw, random: Random, x: int, floor: int) -> None:
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


def bench(draw: Draw, random: Random, x: int, floor: int) -> None:
    """A low bench."""
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
