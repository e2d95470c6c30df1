"""Draw docs/architecture.svg: from a clip and its label to a posterior, each box with the file that does it.

python docs/architecture.py
"""

from dataclasses import dataclass
from html import escape
from itertools import pairwise
from pathlib import Path

WIDTH, HEIGHT = 1290, 430
BOX_WIDTH, BOX_HEIGHT, GAP, LEFT = 160, 104, 22, 20
ROWS = {"video": 74, "language": 262}
COLOURS = {"video": ("#e7f0fa", "#2f6db3"), "language": ("#fdf0e0", "#b8671a"), "both": ("#ece8f6", "#6b4fa3")}
INK = "#22272e"


@dataclass(frozen=True)
class Box:
    """One step; `row` is where it stands, `kind` whether it reads video, language or both."""

    column: int
    row: str
    kind: str
    title: str
    lines: tuple[str, str]
    file: str

    @property
    def left(self) -> int:
        """Left edge, in pixels."""
        return LEFT + self.column * (BOX_WIDTH + GAP)

    @property
    def top(self) -> int:
        """Upper edge."""
        return ROWS[self.row]

    @property
    def right(self) -> int:
        """Right edge."""
        return self.left + BOX_WIDTH

    @property
    def bottom(self) -> int:
        """Lower edge."""
        return self.top + BOX_HEIGHT

    @property
    def across(self) -> int:
        """Middle between left and right."""
        return self.left + BOX_WIDTH // 2

    @property
    def along(self) -> int:
        """Middle between top and bottom."""
        return self.top + BOX_HEIGHT // 2


VIDEO = Box(0, "video", "video", "video", ("a file, or a folder", "of frame pictures"), "video/decode.py")
FRAMES = Box(1, "video", "video", "frames", ("8 moments, resized,", "1 or 2 views each"), "video/clip.py")
FEATURES = Box(
    2, "video", "video", "features", ("one a frame, from the", "backbone’s image side"), "features/extract.py"
)
STAGES = Box(3, "video", "video", "stages", ("3 runs of frames,", "overlapping by one"), "core/segment.py")
FUSION = Box(4, "video", "both", "prototypes", ("fused tokens; text is", "added to examples"), "model/head.py")
DISTANCES = Box(5, "video", "both", "distances", ("AB-MHM, a stage", "against its like"), "core/distance.py")
POSTERIOR = Box(6, "video", "both", "posterior", ("pooled by class, weighed", "by what examples say"), "model/task.py")
LABEL = Box(0, "language", "language", "label", ("“open door”,", "what people call it"), "labels.py")
ANATOMY = Box(
    1, "language", "language", "anatomy", ("a sentence a stage:", "yours, lexicon, LLM"), "anatomy/lexicon.py"
)
TEXT = Box(
    2, "language", "language", "text vectors", ("one a stage, from the", "backbone’s text side"), "features/extract.py"
)
SIMILARITIES = Box(5, "language", "both", "similarities", ("cosine of each stage", "and its sentence"), "core/score.py")
BOXES = (VIDEO, FRAMES, FEATURES, STAGES, FUSION, DISTANCES, POSTERIOR, LABEL, ANATOMY, TEXT, SIMILARITIES)


def draw() -> str:
    """The picture as SVG."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">',
        "<title>From a clip and its label to a posterior</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        *(_marker(kind) for kind in COLOURS),
        _text(LEFT, 30, "From a clip and its label to a posterior", size=19, weight="bold"),
        _text(LEFT, 54, "every clip, as an example (support) or as the clip asked about (query)", size=13),
        _text(LEFT, ROWS["language"] - 16, "every label", size=13),
        *_arrows(),
        *(_box(box) for box in BOXES),
        _text(LEFT, 400, KEY[0], size=13),
        _text(LEFT, 420, KEY[1], size=13),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


KEY = (
    "model/matching.py does stages, fusion, distances and similarities in this order. recognition.py asks it about new "
    "clips, methods/lga.py about all pairs of a dataset,",
    "training/learner.py about the clips of one episode. Blue reads video alone, orange language alone, violet both.",
)


def _arrows() -> list[str]:
    """Video goes along the upper row; language enters it twice."""
    upper = (VIDEO, FRAMES, FEATURES, STAGES, FUSION, DISTANCES, POSTERIOR)
    found = [_arrow("video" if b.column < 5 else "both", a.right, a.along, b.left, b.along) for a, b in _next(upper)]
    found += [_arrow("language", a.right, a.along, b.left, b.along) for a, b in _next((LABEL, ANATOMY, TEXT))]
    turn, down = FUSION.across + 30, STAGES.bottom + 26
    found += [
        _arrow("video", STAGES.across, STAGES.bottom, STAGES.across, down, SIMILARITIES.across, down,
               SIMILARITIES.across, SIMILARITIES.top),
        _arrow("language", TEXT.right, TEXT.along, SIMILARITIES.left, TEXT.along),
        _arrow("language", turn, TEXT.along, turn, FUSION.bottom),
        _arrow("both", SIMILARITIES.right, SIMILARITIES.along, POSTERIOR.across, SIMILARITIES.along,
               POSTERIOR.across, POSTERIOR.bottom),
        _text(turn - 10, 244, "1  fusion: the text of", size=13, colour=COLOURS["language"][1], anchor="end"),
        _text(turn - 10, 262, "an example’s own label", size=13, colour=COLOURS["language"][1], anchor="end"),
        _text(SIMILARITIES.left - 16, TEXT.along + 22, "2  video-text match: the text of every label", size=13,
              colour=COLOURS["language"][1], anchor="end"),
        _text(STAGES.across + 10, down - 8, "stage means, before fusion", size=12, colour=COLOURS["video"][1],
              anchor="start"),
    ]  # fmt: skip
    return found


def _next(boxes: tuple[Box, ...]) -> list[tuple[Box, Box]]:
    return list(pairwise(boxes))


def _arrow(kind: str, *places: int) -> str:
    points = " ".join(f"{x},{y}" for x, y in zip(places[::2], places[1::2], strict=True))
    colour = COLOURS[kind][1]
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2" marker-end="url(#{kind})"/>'


def _marker(kind: str) -> str:
    tip = f'<path d="M0,0 L8,4 L0,8 z" fill="{COLOURS[kind][1]}"/>'
    return f'<marker id="{kind}" markerWidth="8" markerHeight="8" refX="8" refY="4" orient="auto" markerUnits="userSpaceOnUse">{tip}</marker>'  # noqa: E501


def _box(box: Box) -> str:
    fill, line = COLOURS[box.kind]
    frame = f'x="{box.left}" y="{box.top}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="7"'
    return "\n".join(
        [
            f'<rect {frame} fill="{fill}" stroke="{line}" stroke-width="1.5"/>',
            _text(box.across, box.top + 25, box.title, size=16, weight="bold", anchor="middle"),
            _text(box.across, box.top + 47, box.lines[0], size=13, anchor="middle"),
            _text(box.across, box.top + 64, box.lines[1], size=13, anchor="middle"),
            _text(box.across, box.top + 90, box.file, size=12, colour=line, anchor="middle", family="monospace"),
        ]
    )


def _text(x: int, y: int, text: str, *, size: int, colour: str = INK, anchor: str = "start", weight: str = "normal",
          family: str = "sans-serif") -> str:  # fmt: skip
    how = f'font-size="{size}" fill="{colour}" text-anchor="{anchor}" font-weight="{weight}" font-family="{family}"'
    return f'<text x="{x}" y="{y}" {how}>{escape(text)}</text>'


if __name__ == "__main__":
    Path(__file__).with_suffix(".svg").write_text(draw(), encoding="utf-8")
