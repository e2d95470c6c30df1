"""Text in pictures: choose a font that can draw it, measure it, shorten it, wrap it."""

import unicodedata
from functools import cache

from PIL import Image, ImageDraw, ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
Color = tuple[int, int, int]
Pixels = int | float

FALLBACKS = (
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "NotoSansCJK-Regular.ttc",
    "Arial Unicode.ttf",
    "PingFang.ttc",
    "msyh.ttc",
    "segoeui.ttf",
)
"""Fonts of the usual systems, tried in this order for what Pillow's own font lacks."""


def write(
    draw: ImageDraw.ImageDraw, at: tuple[Pixels, Pixels], text: str, *, size: int, color: Color, anchor: str = "la"
) -> None:
    """Draw one line; `anchor` is Pillow's: which point of the line `at` is, la its upper left corner."""
    text = printable(text)
    font = _font(text, size)
    draw.text(at, _drawn(text, font), font=font, fill=color, anchor=anchor)


def width_of(text: str, size: int) -> Pixels:
    """How many pixels wide a line is."""
    text = printable(text)
    font = _font(text, size)
    return font.getlength(_drawn(text, font))


def shorten(text: str, size: int, width: Pixels) -> str:
    """The text, or as much of it as fits with an ellipsis behind it."""
    if width_of(text, size) <= width:
        return text
    fits, over = 0, len(text)
    while over - fits > 1:
        middle = (fits + over) // 2
        if width_of(text[:middle].rstrip() + "…", size) <= width:
            fits = middle
        else:
            over = middle
    return text[:fits].rstrip() + "…"


def wrap(text: str, size: int, width: Pixels, *, lines: int) -> tuple[str, ...]:
    """The text in at most `lines` lines, the last one shortened if need be; a word wider than a line is broken."""
    done: list[str] = []
    line = ""
    words = text.split()
    while words:
        word = words.pop(0)
        longer = f"{line} {word}" if line else word
        if width_of(longer, size) <= width:
            line = longer
        elif line:
            done, line = [*done, line], ""
            words.insert(0, word)
        else:
            part = max(1, len(shorten(word, size, width)) - 1)
            done.append(word[:part])
            words[:0] = [word[part:]] if word[part:] else []
    done = [*done, line] if line else done
    if len(done) <= lines:
        return tuple(done)
    return (*done[: lines - 1], shorten(" ".join(done[lines - 1 :]), size, width))


def printable(text: str) -> str:
    """The text on one line, with a question mark for whatever is not a visible character."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else " " if char.isspace() else "?" for char in text)


def _font(text: str, size: int) -> Font:
    """Pillow's own font if it can draw the text, else whichever of the fonts there are can draw most of it."""
    own = _own(size)
    if all(_has(own, char) for char in text):
        return own
    return max((own, *_fallbacks(size)), key=lambda font: sum(_has(font, char) for char in text))


def _drawn(text: str, font: Font) -> str:
    """The text with letters that the font lacks stripped of their accents, where it has the plain letter."""
    return "".join(char if _has(font, char) or not _has(font, plain := _plain(char)) else plain for char in text)


def _plain(char: str) -> str:
    return unicodedata.normalize("NFKD", char)[0]


@cache
def _own(size: int) -> Font:
    return ImageFont.load_default(size)


@cache
def _fallbacks(size: int) -> tuple[Font, ...]:
    found: list[Font] = []
    for name in FALLBACKS:
        try:
            found.append(ImageFont.truetype(name, size))
        except OSError:  # not on this system
            continue
    return tuple(found)


@cache
def _has(font: Font, char: str) -> bool:
    """Whether the font draws something else for the character than for one that no font has."""
    return char.isspace() or " " < char <= "~" or _glyph(font, char) != _glyph(font, "\uffff")


def _glyph(font: Font, char: str) -> bytes:
    picture = Image.new("L", (96, 96))
    ImageDraw.Draw(picture).text((24, 24), char, font=font, fill=255)
    return picture.tobytes()
