"""HTML pages from templates, and the pictures in them as text."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from io import BytesIO

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from PIL import Image

from lga.config import Frozen
from lga.explain.lettering import Color, printable
from lga.explain.strip import Caption, FrameTiles, choose_frames, fetch_frames, stage_color

SHOWN, TILE = 12, 180
"""Frames shown of a clip with many, and their width in pixels."""


@dataclass(frozen=True, slots=True)
class FilmFrame:
    """A frame of a film: its moment in seconds, and its picture as a data URI."""

    time: float
    source: str


@dataclass(frozen=True, slots=True)
class FilmStage:
    """A stage of a film: its colour for CSS, its seconds, its frames, and what stands below them."""

    color: str
    start: float
    end: float
    frames: tuple[FilmFrame, ...]
    caption: Caption | None


@dataclass(frozen=True, slots=True)
class Film:
    """A clip as a page shows it; without frames, `missing` says why."""

    stages: tuple[FilmStage, ...]
    missing: str


def render(template: str, **values: object) -> str:
    """A page by one of the templates in `templates/`; whatever the values hold, it is shown as text and never obeyed.

    Raises:
        jinja2.UndefinedError: the template asks for a value that is not given.
    """
    return _environment().get_template(template).render(values)


def make_film(clip: FrameTiles, captions: Sequence[Caption] = ()) -> Film:
    """The clip's frames in their stages, each stage with its caption if there is one."""
    shown = choose_frames(clip.frame_stage, SHOWN)
    pictures, missing = fetch_frames(clip, shown, TILE)
    stages: list[FilmStage] = []
    for stage, (start, end) in enumerate(zip(clip.borders, clip.borders[1:], strict=False)):
        frames = tuple(
            FilmFrame(clip.times[frame], as_source(picture, "JPEG"))
            for frame, picture in zip(shown, pictures, strict=True)
            if clip.frame_stage[frame] == stage and not missing
        )
        caption = captions[stage] if stage < len(captions) else None
        stages.append(FilmStage(css_color(stage_color(stage)), start, end, frames, caption))
    return Film(tuple(stages), missing)


def settings_line(settings: Frozen) -> str:
    """Settings in one line."""
    return ", ".join(f"{name} {value}" for name, value in settings.model_dump(mode="json", by_alias=False).items())


def css_color(color: Color) -> str:
    """A colour as CSS writes it."""
    return "#{:02x}{:02x}{:02x}".format(*color)


def as_source(picture: Image.Image, kind: str) -> str:
    """A picture as a data URI; `kind` is the file format, PNG or JPEG."""
    return f"data:image/{kind.lower()};base64,{b64encode(encoded(picture, kind)).decode()}"


def encoded(picture: Image.Image, kind: str) -> bytes:
    """A picture as the bytes of a file."""
    data = BytesIO()
    picture.save(data, kind, optimize=True)
    return data.getvalue()


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("lga.explain"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_on_one_line,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters.update(percent=_percent, fixed=_fixed)  # pyright: ignore[reportArgumentType]  # typed too narrowly
    return environment


def _on_one_line(value: object) -> str:
    """What is put into a page: HTML of the templates' own as it is, everything else without control characters."""
    return value if isinstance(value, Markup) else printable(str(value))


def _percent(share: float | int) -> str:
    return f"{100 * share:.0f} %"


def _fixed(number: float | int, digits: int) -> str:
    """A number with so many digits behind the point, and no minus before a zero."""
    return f"{number:z.{digits}f}"
