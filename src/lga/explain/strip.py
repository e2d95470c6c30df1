"""A clip as a film strip: its sampled frames in groups, one coloured group for each stage."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from PIL import Image, ImageDraw, ImageOps

from lga.errors import VideoError
from lga.explain.lettering import Color, printable, wrap, write
from lga.model.matching import Cut
from lga.video.decode import open_clip

WIDTH, MARGIN = 1280, 40
PAPER: Color = (255, 255, 255)
INK: Color = (28, 34, 43)
FAINT: Color = (112, 121, 134)
EMPTY: Color = (222, 226, 231)
STAGE_COLORS: tuple[Color, ...] = (
    (38, 103, 181),
    (222, 130, 24),
    (31, 145, 104),
    (139, 84, 176),
    (201, 62, 74),
    (24, 150, 170),
    (138, 107, 45),
    (92, 103, 118),
)
SHOWN = 12
"""Frames drawn of a longer clip; a few more where some stage would be left without."""
SENTENCE_LINES = 8
_WIDEST, _BETWEEN, _GAP, _FRAME = 320, 3, 24, 5
_CLOCK, _CAPTION, _SENTENCE, _LEADING = 15, 16, 16, 21
_TOP = _CLOCK + 6
"""pixels above the groups, for the seconds"""


@dataclass(frozen=True, slots=True)
class FrameTiles:
    """What a strip shows: a clip, the sampled moments and the stages' borders in seconds, every moment's stage."""

    path: Path
    times: tuple[float, ...]
    frame_stage: tuple[int, ...]
    borders: tuple[float, ...]

    @classmethod
    def cut(cls, path: Path, cut: Cut, number: int, times: tuple[float, ...], duration: float) -> "FrameTiles":
        """A clip of `duration` seconds, by its number among those that were cut together."""
        return cls(path, times, tuple(cut.label[number].tolist()), cut.borders(number, times, duration))


@dataclass(frozen=True, slots=True)
class Caption:
    """What stands under a stage."""

    title: str
    sentence: str


@dataclass(frozen=True, slots=True)
class _Group:
    """A stage's place in the strip, in pixels from its left end, and the frames shown of it."""

    stage: int
    left: int
    right: int
    frames: tuple[int, ...]


def draw_strip(frames_shown: FrameTiles, captions: Sequence[Caption] = ()) -> Image.Image:
    """Draw a clip's frames, the seconds at its stages' borders, and under each stage its caption if there is one.

    A clip that cannot be read gives grey tiles and a line that says why.
    """
    shown = choose_frames(frames_shown.frame_stage, SHOWN)
    groups, tile = _arrange(frames_shown.frame_stage, shown)
    pictures, reason = fetch_frames(frames_shown, shown, tile)
    deep = _TOP + pictures[0].height + 2 * _FRAME
    texts = [
        wrap(caption.sentence, _SENTENCE, group.right - group.left, lines=SENTENCE_LINES)
        for group, caption in zip(groups, captions, strict=False)
    ]
    below = 10 + _CAPTION + 8 + _LEADING * max(map(len, texts)) if texts else 0
    strip = Image.new("RGB", (WIDTH, deep + below), PAPER)
    draw = ImageDraw.Draw(strip)
    _paste(strip, draw, groups, dict(zip(shown, pictures, strict=True)))
    _draw_clock(draw, groups, frames_shown.borders)
    if reason:
        middle = (groups[0].left + groups[-1].right) / 2, _TOP + _FRAME + pictures[0].height / 2
        fitting = wrap(reason, _SENTENCE, groups[-1].right - groups[0].left - 40, lines=2)
        for number, line in enumerate(fitting):
            write(draw, (middle[0], middle[1] + _LEADING * number), line, size=_SENTENCE, color=INK, anchor="mm")
    for group, caption, text in zip(groups, captions, texts, strict=False):
        write(draw, (group.left, deep + 10), caption.title, size=_CAPTION, color=stage_color(group.stage))
        for number, line in enumerate(text):
            at = group.left, deep + 10 + _CAPTION + 8 + _LEADING * number
            write(draw, at, line, size=_SENTENCE, color=INK)
    return strip


def choose_frames(frame_stage: Sequence[int], most: int) -> tuple[int, ...]:
    """Which frames to show: all if they are few, else about `most` of them, spread evenly, every stage among them."""
    if len(frame_stage) <= most:
        return tuple(range(len(frame_stage)))
    chosen: list[int] = []
    for _, members in groupby(range(len(frame_stage)), key=frame_stage.__getitem__):
        own = tuple(members)
        count = max(1, round(most * len(own) / len(frame_stage)))
        chosen += [own[(2 * part + 1) * len(own) // (2 * count)] for part in range(count)]
    return tuple(chosen)


def stage_color(stage: int) -> Color:
    """The colour of a stage, everywhere in the picture."""
    return STAGE_COLORS[stage % len(STAGE_COLORS)]


def _arrange(frame_stage: Sequence[int], shown: Sequence[int]) -> tuple[tuple[_Group, ...], int]:
    """Place the groups side by side; the second answer is a tile's width."""
    members = [(stage, tuple(frames)) for stage, frames in groupby(shown, key=frame_stage.__getitem__)]
    fixed = (len(members) - 1) * _GAP + len(members) * 2 * _FRAME + (len(shown) - len(members)) * _BETWEEN
    tile = min(_WIDEST, (WIDTH - 2 * MARGIN - fixed) // len(shown))
    groups: list[_Group] = []
    left = MARGIN
    for stage, frames in members:
        right = left + 2 * _FRAME + len(frames) * tile + (len(frames) - 1) * _BETWEEN
        groups.append(_Group(stage, left, right, frames))
        left = right + _GAP
    return tuple(groups), tile


def fetch_frames(frames_shown: FrameTiles, shown: Sequence[int], width: int) -> tuple[tuple[Image.Image, ...], str]:
    """Frames as tiles of one size, `width` pixels wide, or grey tiles and why there are none."""
    try:
        with open_clip(frames_shown.path) as clip:
            pictures: list[Image.Image] = []
            for picture in clip.pictures_at([frames_shown.times[frame] for frame in shown]):
                image = Image.fromarray(picture.numpy())
                shape = min(1.4, max(0.5, image.height / image.width))
                pictures.append(ImageOps.fit(image, (width, round(width * shape)), Image.Resampling.LANCZOS))
            return tuple(pictures), ""
    except VideoError as error:
        grey = Image.new("RGB", (width, round(width * 0.75)), EMPTY)
        why = str(error).removeprefix(f"{frames_shown.path}: ")
        return (grey,) * len(shown), f"This clip cannot be shown: {printable(why)}"


def _paste(
    strip: Image.Image, draw: ImageDraw.ImageDraw, groups: Sequence[_Group], pictures: dict[int, Image.Image]
) -> None:
    for group in groups:
        tiles = [pictures[frame] for frame in group.frames]
        bottom = _TOP + tiles[0].height + 2 * _FRAME
        draw.rectangle((group.left, _TOP, group.right - 1, bottom - 1), fill=stage_color(group.stage))
        for number, tile in enumerate(tiles):
            strip.paste(tile, (group.left + _FRAME + number * (tile.width + _BETWEEN), _TOP + _FRAME))


def _draw_clock(draw: ImageDraw.ImageDraw, groups: Sequence[_Group], borders: Sequence[float]) -> None:
    """The seconds at which the clip starts, goes from stage to stage, and ends."""
    first, *inner, last = borders
    write(draw, (groups[0].left, 0), f"{first:.1f} s", size=_CLOCK, color=FAINT)
    write(draw, (groups[-1].right, 0), f"{last:.1f} s", size=_CLOCK, color=FAINT, anchor="ra")
    for before, after, second in zip(groups, groups[1:], inner, strict=False):
        middle = (before.right + after.left) / 2
        write(draw, (middle, 0), f"{second:.2f}", size=_CLOCK, color=INK, anchor="ma")
