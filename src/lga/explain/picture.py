"""One picture of one decision: the clip and its stages, the example that fits best, and the closest labels."""

from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw

from lga.explain.lettering import Color, shorten, width_of, write
from lga.explain.strip import EMPTY, FAINT, INK, MARGIN, PAPER, WIDTH, Caption, FrameTiles, draw_strip
from lga.files import write_atomically
from lga.labels import lookup_key
from lga.recognition import Candidate, Prepared, Recognition

RIGHT: Color = (27, 128, 83)
WRONG: Color = (188, 48, 58)
TOGETHER: Color = (47, 58, 74)
VIDEO: Color = (117, 148, 188)
WORDS: Color = (214, 174, 112)
CANDIDATES = 5
_TITLE, _HEADING, _SMALL = 44, 20, 15
_NAMES, _ROW, _BETWEEN = 300, 46, 30
"""pixels: the labels' column, the height of a label's bars, and what separates the blocks"""


def draw_decision(recognition: Recognition, prepared: Prepared, path: Path, *, truth: str | None = None) -> None:
    """Write a PNG that shows why `prepared` recognised a clip as what it did.

    With `truth`, the clip's real label, it says whether that was right. The frames are read from the clip's and the
    example's files again; where one has moved, grey tiles take their place.

    Raises:
        LGAError: the picture cannot be written.
    """
    blocks = [
        _draw_headline(recognition, truth),
        _draw_clip(recognition),
        *_draw_example(recognition, prepared),
        _draw_candidates(recognition.candidates[:CANDIDATES], len(recognition.candidates)),
    ]
    height = 2 * MARGIN + sum(block.height for block in blocks) + _BETWEEN * (len(blocks) - 1)
    page = Image.new("RGB", (WIDTH, height), PAPER)
    top = MARGIN
    for block in blocks:
        page.paste(block, (0, top))
        top += block.height + _BETWEEN
    data = BytesIO()
    page.save(data, "PNG", optimize=True)
    write_atomically(path, data.getvalue())


def _draw_headline(recognition: Recognition, truth: str | None) -> Image.Image:
    """The winner and its probability; right or wrong, if that is known."""
    block = Image.new("RGB", (WIDTH, _TITLE + (34 if truth is not None else 12)), PAPER)
    draw = ImageDraw.Draw(block)
    share = f"{recognition.probability:.0%}".replace("%", " %")
    room = WIDTH - 2 * MARGIN - width_of(share, _TITLE) - 20
    said = recognition.label if recognition.known else f"{recognition.word}: closest {recognition.label}"
    label = shorten(said, _TITLE, room)
    write(draw, (MARGIN, _TITLE), label, size=_TITLE, color=INK, anchor="ls")
    at = MARGIN + width_of(label, _TITLE) + 20
    write(draw, (at, _TITLE), share, size=_TITLE, color=FAINT, anchor="ls")
    if truth is None:
        return block
    good = lookup_key(truth) == lookup_key(recognition.label)
    verdict = "right" if good else f"wrong: the clip shows {truth}"
    color = RIGHT if good else WRONG
    draw.rectangle((MARGIN, _TITLE + 17, MARGIN + 12, _TITLE + 29), fill=color)
    line = shorten(verdict, _HEADING, WIDTH - 2 * MARGIN - 22)
    write(draw, (MARGIN + 22, _TITLE + 30), line, size=_HEADING, color=color, anchor="ls")
    return block


def _draw_clip(recognition: Recognition) -> Image.Image:
    frames_shown = FrameTiles(recognition.path, recognition.times, recognition.frame_stage, recognition.borders)
    captions = [Caption(f"similarity {stage.similarity:z.2f}", stage.sentence) for stage in recognition.stages]
    note = f"{recognition.path.name}; similarity: how well a stage's frames fit its sentence, -1 to 1"
    return _under("The clip, cut into stages", note, draw_strip(frames_shown, captions))


def _draw_example(recognition: Recognition, prepared: Prepared) -> list[Image.Image]:
    """The winner's nearest example, cut into stages of its own; a line that says so if it has none."""
    actions, label, best = prepared.actions, recognition.label, recognition.best_example
    numbers = [number for number, one in enumerate(actions.examples) if (one.label, one.path) == (label, best)]
    if not numbers:
        why = "No example of it was taught" if actions.examples else "No examples were taught: the words decided alone"
        return [_under(why, "", Image.new("RGB", (WIDTH, 1), PAPER))]
    example = actions.examples[numbers[0]]
    path = Path(example.path)
    cut = prepared.cut_of(actions.labels.index(label))
    strip = draw_strip(FrameTiles.cut(path, cut, numbers[0], example.times, example.duration))
    return [_under("The nearest example taught", f"{path.name}, {_away(recognition)}", strip)]


def _away(recognition: Recognition) -> str:
    return "" if recognition.best_distance is None else f"distance {recognition.best_distance:.2f}"


def _draw_candidates(candidates: tuple[Candidate, ...], taught: int) -> Image.Image:
    """A bar for each label: how likely both matches together say it is, and below it each match alone."""
    block = Image.new("RGB", (WIDTH, _ROW * len(candidates)), PAPER)
    draw = ImageDraw.Draw(block)
    left, right = MARGIN + _NAMES, WIDTH - MARGIN - 80
    for number, one in enumerate(candidates):
        top = _ROW * number
        color = INK if number == 0 else FAINT
        name = shorten(one.label, _HEADING, _NAMES - 20)
        write(draw, (MARGIN, top + 17), name, size=_HEADING, color=color, anchor="lm")
        share = f"{one.probability:.0%}".replace("%", " %")
        write(draw, (WIDTH - MARGIN, top + 17), share, size=_HEADING, color=color, anchor="rm")
        for value, above, thick, fill in (
            (one.probability, 4, 16, TOGETHER),
            (one.video, 23, 5, VIDEO),
            (one.text, 30, 5, WORDS),
        ):
            end = left + round((right - left) * min(1.0, max(0.0, value)))
            draw.rectangle((left, top + above, right, top + above + thick - 1), fill=EMPTY if thick > 5 else PAPER)
            draw.rectangle((left, top + above, end, top + above + thick - 1), fill=fill)
    more = f"{len(candidates)} of {taught} labels" if taught > len(candidates) else "All labels"
    titled = _under(f"{more}, by probability", "", block)
    _draw_legend(ImageDraw.Draw(titled))
    return titled


def _draw_legend(draw: ImageDraw.ImageDraw) -> None:
    right = float(WIDTH - MARGIN)
    for name, color in (("words alone", WORDS), ("video alone", VIDEO), ("together", TOGETHER)):
        write(draw, (right, 10), name, size=_SMALL, color=FAINT, anchor="rm")
        right -= width_of(name, _SMALL) + 20
        draw.rectangle((right, 4, right + 12, 16), fill=color)
        right -= 24


def _under(heading: str, note: str, block: Image.Image) -> Image.Image:
    """The block with a heading above it, and a fainter note behind the heading."""
    over = _HEADING + 14
    whole = Image.new("RGB", (WIDTH, over + block.height), PAPER)
    draw = ImageDraw.Draw(whole)
    write(draw, (MARGIN, 17), heading, size=_HEADING, color=INK, anchor="ls")
    after = MARGIN + width_of(heading, _HEADING) + 14
    write(draw, (after, 17), shorten(note, _SMALL, WIDTH - MARGIN - after), size=_SMALL, color=FAINT, anchor="ls")
    whole.paste(block, (0, over))
    return whole
