"""Every frame of a clip beside every frame of an example: how far apart they are, and which was matched with which."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from PIL import Image, ImageDraw

from lga.explain.explanation import FrameMap, FrameMatch
from lga.explain.lettering import Color, Pixels, shorten, width_of, write
from lga.explain.strip import FrameTiles, fetch_frames, stage_color

CELL, SIDE = 64, 68
"""pixels: a cell with a number in it, and a frame beside the map"""
NUMBERED = 16
"""With more frames the cells shrink, and neither numbers nor frames are drawn."""
_EDGE, _BAR, _LETTERS, _LEGEND = 16, 6, 15, 30


@dataclass(frozen=True, slots=True)
class Shades:
    """The colours of a picture in which light comes from the paper, or from the ink."""

    paper: Color
    ink: Color
    faint: Color
    near: Color
    far: Color
    mark: Color


LIGHT = Shades((255, 255, 255), (28, 34, 43), (98, 107, 120), (16, 78, 150), (226, 235, 245), (226, 88, 34))
DARK = Shades((24, 28, 34), (232, 235, 240), (150, 159, 172), (126, 187, 255), (38, 48, 62), (255, 138, 76))


def draw_heatmap(seen: FrameMap, clip: FrameTiles, example: FrameTiles, *, shades: Shades = LIGHT) -> Image.Image:
    """Draw the map with the clip's frames down the side and the example's along the top.

    The darker (on dark paper: the brighter) a cell the nearer its frames. A dot marks the frame of the example that was
    nearest to the clip's, a ring the frame of the clip that was nearest to the example's. Cells that no stage sees both
    frames of are small: they were never compared.
    """
    count = len(seen.distance)
    large = count <= NUMBERED
    cell = CELL if large else max(4, CELL * NUMBERED // count)
    before = SIDE + _BAR + 6 if large else _BAR + 6
    left, top = _EDGE + 24 + before, _EDGE + 24 + before
    size = max(left + cell * count + _EDGE, 560), top + cell * count + 2 * _LEGEND + _EDGE
    picture = Image.new("RGB", size, shades.paper)
    draw = ImageDraw.Draw(picture)
    _draw_axes(picture, (left, top), cell, clip, example, shades, frames=large)
    values, shared = seen.distance.tolist(), seen.shared.tolist()
    low, high = min(map(min, values)), max(map(max, values))
    for row, column in product(range(count), repeat=2):
        share = (values[row][column] - low) / (high - low) if high > low else 0.0
        color = _between(shades.near, shades.far, share)
        inset = 1 if shared[row][column] else max(2, cell // 4)
        box = left + column * cell + inset, top + row * cell + inset
        draw.rectangle((*box, left + (column + 1) * cell - inset - 1, top + (row + 1) * cell - inset - 1), color)
        if large and shared[row][column]:
            at = left + column * cell + cell / 2, top + (row + 1) * cell - 14
            write(draw, at, f"{values[row][column]:.2f}", size=13, color=_readable(color), anchor="mm")
    _draw_matches(draw, (left, top), cell, seen.matches, shades)
    _draw_legend(draw, (_EDGE, top + cell * count + 14), (low, high), size[0] - 2 * _EDGE, shades)
    return picture


def matched_pairs(matches: Sequence[FrameMatch]) -> dict[tuple[int, int], tuple[bool, bool]]:
    """The matched pairs of frames: whether the clip's frame chose the example's, and whether it was the other way."""
    pairs: dict[tuple[int, int], tuple[bool, bool]] = {}
    for one in matches:
        forth, back = pairs.get((one.frame, one.other), (False, False))
        pairs[one.frame, one.other] = forth or one.forth, back or not one.forth
    return dict(sorted(pairs.items()))


def _draw_axes(
    picture: Image.Image,
    corner: tuple[int, int],
    cell: int,
    clip: FrameTiles,
    example: FrameTiles,
    shades: Shades,
    *,
    frames: bool,
) -> None:
    """Frames and their stages' colours; the names of the axes."""
    draw = ImageDraw.Draw(picture)
    left, top = corner
    for frames_shown, down in ((clip, True), (example, False)):
        count = len(frames_shown.times)
        tiles = fetch_frames(frames_shown, range(count), cell - 4)[0] if frames else ()
        for number, stage in enumerate(frames_shown.frame_stage):
            start = (top if down else left) + number * cell
            near = (left if down else top) - _BAR - 3
            bar = (near, start + 1, near + _BAR - 1, start + cell - 2)
            draw.rectangle(bar if down else (bar[1], bar[0], bar[3], bar[2]), stage_color(stage))
            if frames:
                tile = tiles[number]
                tile.thumbnail((SIDE - 4, cell - 4) if down else (cell - 4, SIDE - 4))
                over = start + (cell - (tile.height if down else tile.width)) // 2
                beside = near - 4 - (tile.width if down else tile.height)
                picture.paste(tile, (beside, over) if down else (over, beside))
    write(draw, (left, _EDGE), "the example's frames, over time", size=_LETTERS, color=shades.faint)
    name = "the clip's frames"
    sideways = Image.new("RGB", (int(width_of(name, _LETTERS)) + 4, 22), shades.paper)
    write(ImageDraw.Draw(sideways), (0, 2), name, size=_LETTERS, color=shades.faint)
    turned = sideways.rotate(90, expand=True)
    picture.paste(turned, (_EDGE, top))


def _draw_matches(
    draw: ImageDraw.ImageDraw, corner: tuple[int, int], cell: int, matches: Sequence[FrameMatch], shades: Shades
) -> None:
    dot, ring = max(1, cell // 10), max(2, cell // 5)
    for (row, column), (forth, back) in matched_pairs(matches).items():
        middle = corner[0] + (column + 0.5) * cell, corner[1] + (row + 0.5) * cell - (7 if cell == CELL else 0)
        _draw_mark(draw, middle, dot if forth else 0, ring if back else 0, shades)


def _draw_mark(draw: ImageDraw.ImageDraw, middle: tuple[Pixels, Pixels], dot: int, ring: int, shades: Shades) -> None:
    x, y = middle
    if ring:
        draw.ellipse((x - ring, y - ring, x + ring, y + ring), outline=shades.paper, width=max(2, ring // 2))
        inner = ring - 1
        draw.ellipse((x - inner, y - inner, x + inner, y + inner), outline=shades.mark, width=max(1, ring // 4))
    if dot:
        draw.ellipse((x - dot - 1, y - dot - 1, x + dot + 1, y + dot + 1), fill=shades.paper)
        draw.ellipse((x - dot, y - dot, x + dot, y + dot), fill=shades.mark)


def _draw_legend(
    draw: ImageDraw.ImageDraw, at: tuple[int, int], ends: tuple[float, float], room: int, shades: Shades
) -> None:
    """What marks and shades mean, in two lines."""
    x, y = at
    for dot, ring, text in ((5, 0, "nearest to the clip's frame"), (0, 9, "nearest to the example's frame")):
        _draw_mark(draw, (x + 10, y + 8), dot, ring, shades)
        write(draw, (x + 26, y + 8), text, size=_LETTERS, color=shades.ink, anchor="lm")
        x += 50 + int(width_of(text, _LETTERS))
    x, y = at[0], y + _LEGEND
    for text, color in ((f"near: {ends[0]:.2f}", shades.near), (f"far: {ends[1]:.2f}", shades.far)):
        draw.rectangle((x + 2, y + 1, x + 17, y + 15), fill=color)
        write(draw, (x + 26, y + 8), text, size=_LETTERS, color=shades.ink, anchor="lm")
        x += 50 + int(width_of(text, _LETTERS))
    note = shorten("small: frames of different stages, never compared", _LETTERS, room - (x - at[0]))
    write(draw, (x, y + 8), note, size=_LETTERS, color=shades.faint, anchor="lm")


def _between(one: Color, other: Color, share: float) -> Color:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _readable(ground: Color) -> Color:
    """Black or white, whichever stands out on a colour."""
    light = 0.299 * ground[0] + 0.587 * ground[1] + 0.114 * ground[2]
    return (20, 24, 30) if light > 140 else (245, 247, 250)
