"""Every frame of a clip beside every frame of an example: their distances, and which was matched with which."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from PIL import Image, ImageDraw

from lga.explain.explanation import FrameMap, FrameMatch
from lga.explain.lettering import Color, Pixels, shorten, width_of, write
from lga.explain.markup import as_source, css_color
from lga.explain.strip import EMPTY, FrameTiles, fetch_frames, stage_color

CELL, SIDE = 64, 68
"""pixels: a cell with a number in it, and a frame beside the map"""
NUMBERED = 16
"""With more frames the cells shrink, and neither numbers nor frames are drawn."""
PAPER: Color = (255, 255, 255)
INK: Color = (28, 34, 43)
FAINT: Color = (98, 107, 120)
NEAR: Color = (16, 78, 150)
MARK: Color = (226, 88, 34)
FARTHEST = 0.12
"""The opacity of the cell with the largest distance; the smallest is opaque."""
_ON_DARK: Color = (245, 247, 250)
_ON_LIGHT: Color = (20, 24, 30)
_DARK = 0.68
"""The opacity from which on light numbers are easier to read than dark ones."""
_EDGE, _NAME, _BAR, _LETTERS, _LEGEND = 16, 24, 6, 15, 30


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle, in pixels from the upper left corner."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Cell:
    """A pair of frames; the more opaque, the nearer. `number` is its distance, empty where none is written."""

    left: int
    top: int
    side: int
    opacity: float
    number: str

    @property
    def is_near(self) -> bool:
        """Whether a number on it has to be light on light paper, and dark on dark paper."""
        return self.opacity >= _DARK


@dataclass(frozen=True, slots=True)
class Mark:
    """A matched pair: the radius of its dot and of its ring, 0 where there is none."""

    x: Pixels
    y: Pixels
    dot: int
    ring: int

    @property
    def line(self) -> int:
        """How thick the ring is."""
        return max(1, self.ring // 4)

    @property
    def halo(self) -> int:
        """How thick the paper around the ring is."""
        return self.line + max(2, self.ring // 4)


@dataclass(frozen=True, slots=True)
class AxisFrame:
    """A frame beside the map: its stage's colour and bar, and its picture with its place if pictures are shown."""

    stage: Color
    bar: Box
    tile: Box | None = None
    picture: Image.Image | None = None

    @property
    def color(self) -> str:
        """The stage's colour for CSS."""
        return css_color(self.stage)

    @property
    def source(self) -> str:
        """The picture as a data URI, empty if there is none."""
        return "" if self.picture is None else as_source(self.picture, "JPEG")


@dataclass(frozen=True, slots=True)
class HeatMap:
    """The map as both the page and the PNG file draw it; `left` and `top` are where its cells begin."""

    count: int
    width: int
    height: int
    left: int
    top: int
    nearest: float
    """the smallest distance, 1 - cosine"""
    farthest: float
    cells: tuple[Cell, ...]
    marks: tuple[Mark, ...]
    frames: tuple[AxisFrame, ...]
    """the clip's down the side, then the example's along the top"""


def arrange_heatmap(frame_map: FrameMap, clip: FrameTiles, example: FrameTiles) -> HeatMap:
    """Place everything: a row for each of the clip's frames, a column for each of the example's.

    A dot marks the frame of the example that was nearest to the clip's, a ring the frame of the clip that was nearest
    to the example's. Cells whose frames share no stage are small: they were never compared.
    """
    count = len(frame_map.distance)
    side = CELL if count <= NUMBERED else max(4, CELL * NUMBERED // count)
    start = _NAME + (SIDE if count <= NUMBERED else 0) + _BAR + 6
    return HeatMap(
        count=count,
        width=start + side * count,
        height=start + side * count,
        left=start,
        top=start,
        nearest=float(frame_map.distance.min()),
        farthest=float(frame_map.distance.max()),
        cells=tuple(_cells(frame_map, start, side)),
        marks=tuple(_marks(frame_map.matches, start, side)),
        frames=(*_axis(clip, start, side, down=True), *_axis(example, start, side, down=False)),
    )


def draw_heatmap(frame_map: FrameMap, clip: FrameTiles, example: FrameTiles) -> Image.Image:
    """Draw the map as a picture, on white and with a legend below it."""
    heatmap = arrange_heatmap(frame_map, clip, example)
    size = max(heatmap.width, 528) + 2 * _EDGE, heatmap.height + 2 * _EDGE + 2 * _LEGEND
    picture = Image.new("RGB", size, PAPER)
    _draw_axes(picture, heatmap)
    draw = ImageDraw.Draw(picture)
    for cell in heatmap.cells:
        left, top, color = cell.left + _EDGE, cell.top + _EDGE, _shade(cell.opacity)
        draw.rectangle((left, top, left + cell.side - 1, top + cell.side - 1), color)
        if cell.number:
            at = left + cell.side / 2, top + cell.side - 13
            write(draw, at, cell.number, size=13, color=_ON_DARK if cell.is_near else _ON_LIGHT, anchor="mm")
    for mark in heatmap.marks:
        _draw_mark(draw, mark)
    _draw_legend(draw, heatmap, size[0] - _EDGE)
    return picture


def matched_pairs(matches: Sequence[FrameMatch]) -> dict[tuple[int, int], tuple[bool, bool]]:
    """The matched pairs of frames: whether the clip's frame chose the example's, and whether it was the other way."""
    pairs: dict[tuple[int, int], tuple[bool, bool]] = {}
    for match in matches:
        forth, back = pairs.get((match.frame, match.other), (False, False))
        pairs[match.frame, match.other] = forth or match.forth, back or not match.forth
    return dict(sorted(pairs.items()))


def _cells(frame_map: FrameMap, start: int, side: int) -> list[Cell]:
    values, shared = frame_map.distance.tolist(), frame_map.shared.tolist()
    low, high = min(map(min, values)), max(map(max, values))
    cells: list[Cell] = []
    for row, column in product(range(len(values)), repeat=2):
        distance, compared = values[row][column], shared[row][column]
        share = (distance - low) / (high - low) if high > low else 0.0
        inset = 1 if compared else max(2, side // 4)
        number = f"{distance:.2f}" if compared and side == CELL else ""
        left, top = start + column * side + inset, start + row * side + inset
        cells.append(Cell(left, top, max(1, side - 2 * inset), round(1 - (1 - FARTHEST) * share, 2), number))
    return cells


def _marks(matches: Sequence[FrameMatch], start: int, side: int) -> list[Mark]:
    dot, ring = max(1, side // 10), max(2, side // 5)
    above = 7 if side == CELL else 0
    return [
        Mark(
            start + (column + 0.5) * side,
            start + (row + 0.5) * side - above,
            dot if forth else 0,
            ring if back else 0,
        )
        for (row, column), (forth, back) in matched_pairs(matches).items()
    ]


def _axis(clip: FrameTiles, start: int, side: int, *, down: bool) -> list[AxisFrame]:
    """The clip's frames beside the map, `down` its side or along its top; without pictures if there are many."""
    count, beside = len(clip.times), start - _BAR - 3
    pictures, missing = fetch_frames(clip, range(count), 2 * (side - 4)) if side == CELL else ((), "")
    frames: list[AxisFrame] = []
    for number, stage in enumerate(clip.frame_stage):
        along = start + number * side
        bar = _box(beside, along + 1, _BAR, side - 2, down=down)
        if not pictures:
            frames.append(AxisFrame(stage_color(stage), bar))
            continue
        picture = pictures[number].copy()
        picture.thumbnail((2 * (SIDE - 4), 2 * (side - 4)) if down else (2 * (side - 4), 2 * (SIDE - 4)))
        width, height = picture.width // 2, picture.height // 2
        deep, long = (width, height) if down else (height, width)
        tile = _box(beside - 4 - deep, along + (side - long) // 2, deep, long, down=down)
        frames.append(AxisFrame(stage_color(stage), bar, tile, None if missing else picture))
    return frames


def _box(across: int, along: int, deep: int, long: int, *, down: bool) -> Box:
    """A box beside the map; its depth points away from the map, its length runs along it."""
    return Box(across, along, deep, long) if down else Box(along, across, long, deep)


def _draw_axes(picture: Image.Image, heatmap: HeatMap) -> None:
    """Frames and their stages' colours; the names of the axes."""
    draw = ImageDraw.Draw(picture)
    for frame in heatmap.frames:
        draw.rectangle(_corners(frame.bar), frame.stage)
        if frame.tile is not None and frame.picture is not None:
            tile = frame.picture.resize((frame.tile.width, frame.tile.height), Image.Resampling.LANCZOS)
            picture.paste(tile, (frame.tile.left + _EDGE, frame.tile.top + _EDGE))
        elif frame.tile is not None:
            draw.rectangle(_corners(frame.tile), EMPTY)
    write(draw, (heatmap.left + _EDGE, _EDGE), "the example's frames, over time", size=_LETTERS, color=FAINT)
    name = "the clip's frames"
    sideways = Image.new("RGB", (int(width_of(name, _LETTERS)) + 4, 22), PAPER)
    write(ImageDraw.Draw(sideways), (0, 2), name, size=_LETTERS, color=FAINT)
    picture.paste(sideways.rotate(90, expand=True), (_EDGE, heatmap.top + _EDGE))


def _corners(box: Box) -> tuple[int, int, int, int]:
    left, top = box.left + _EDGE, box.top + _EDGE
    return left, top, left + box.width - 1, top + box.height - 1


def _draw_mark(draw: ImageDraw.ImageDraw, mark: Mark) -> None:
    x, y = mark.x + _EDGE, mark.y + _EDGE
    if mark.ring:
        ring = mark.ring
        draw.ellipse((x - ring, y - ring, x + ring, y + ring), outline=PAPER, width=max(2, ring // 2))
        inner = ring - 1
        draw.ellipse((x - inner, y - inner, x + inner, y + inner), outline=MARK, width=mark.line)
    if mark.dot:
        dot = mark.dot
        draw.ellipse((x - dot - 1, y - dot - 1, x + dot + 1, y + dot + 1), fill=PAPER)
        draw.ellipse((x - dot, y - dot, x + dot, y + dot), fill=MARK)


def _draw_legend(draw: ImageDraw.ImageDraw, heatmap: HeatMap, end: int) -> None:
    """What marks and shades mean, in two lines that reach to `end` at most."""
    x, y = _EDGE, heatmap.height + _EDGE + 14
    for dot, ring, text in ((5, 0, "nearest to the clip's frame"), (0, 9, "nearest to the example's frame")):
        _draw_mark(draw, Mark(x + 10 - _EDGE, y + 8 - _EDGE, dot, ring))
        write(draw, (x + 26, y + 8), text, size=_LETTERS, color=INK, anchor="lm")
        x += 50 + int(width_of(text, _LETTERS))
    x, y = _EDGE, y + _LEGEND
    for text, opacity in ((f"near: {heatmap.nearest:.2f}", 1.0), (f"far: {heatmap.farthest:.2f}", FARTHEST)):
        draw.rectangle((x + 2, y + 1, x + 17, y + 15), fill=_shade(opacity))
        write(draw, (x + 26, y + 8), text, size=_LETTERS, color=INK, anchor="lm")
        x += 50 + int(width_of(text, _LETTERS))
    note = shorten("small: frames of different stages, never compared", _LETTERS, end - x)
    write(draw, (x, y + 8), note, size=_LETTERS, color=FAINT, anchor="lm")


def _shade(opacity: float) -> Color:
    """The colour of a cell on white paper."""
    red, green, blue = (round(paper + (near - paper) * opacity) for paper, near in zip(PAPER, NEAR, strict=True))
    return red, green, blue
