"""Pieces of an HTML page."""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files
from io import BytesIO
from string import Template

from PIL import Image

from lga.config import Frozen
from lga.explain.lettering import printable
from lga.explain.strip import FrameTiles, choose_frames, fetch_frames, stage_color

TEMPLATE = "templates/page.html"


def document(title: str, parts: Iterable[str]) -> str:
    """A whole page that needs nothing else; the title is text, the parts are HTML."""
    shell = Template(files("lga.explain").joinpath(TEMPLATE).read_text(encoding="utf-8"))
    return shell.substitute(title=as_text(title), body="\n".join(parts))


def meter(value: float, fill: str) -> str:
    """A share as a percentage and a bar."""
    return percent(value) + bar(value, fill)


def bar(share: float, fill: str) -> str:
    """A horizontal bar; `fill` is a CSS colour."""
    return f'<span class=bar><i style="--share:{100 * min(1.0, max(0.0, share)):.1f}%;--fill:{fill}"></i></span>'


def table(head: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of HTML cells."""
    top = "".join(f"<th>{one}</th>" for one in head)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<div class=scroll><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"


def section(heading: str, body: str) -> str:
    """A box with a heading; both are HTML."""
    return f"<section><h2>{heading}</h2>{body}</section>"


def settings_line(settings: Frozen) -> str:
    """Settings in one line."""
    return ", ".join(f"{name} {value}" for name, value in settings.model_dump(mode="json", by_alias=False).items())


def percent(share: float) -> str:
    """A share for people."""
    return f"{100 * share:.0f} %"


def as_text(value: object) -> str:
    """Whatever it holds, as text that HTML shows and never obeys."""
    return escape(printable(str(value)))


def as_source(picture: Image.Image, kind: str) -> str:
    """A picture as a data URI."""
    return f"data:image/{kind.lower()};base64,{b64encode(encoded(picture, kind)).decode()}"


def encoded(picture: Image.Image, kind: str) -> bytes:
    """A picture as the bytes of a file."""
    data = BytesIO()
    picture.save(data, kind, optimize=True)
    return data.getvalue()


SHOWN, TILE = 12, 180
"""Frames shown of a clip with many, and their width in pixels."""


def film(frames_shown: FrameTiles, notes: Sequence[str]) -> str:
    """The frames with a note (HTML) below each stage; in place of frames that cannot be read, why."""
    shown = choose_frames(frames_shown.frame_stage, SHOWN)
    pictures, reason = fetch_frames(frames_shown, shown, TILE)
    boxes: list[str] = []
    for stage, (start, end, note) in enumerate(
        zip(frames_shown.borders, frames_shown.borders[1:], notes, strict=False)
    ):
        tiles = [
            f'<figure><img src="{as_source(tile, "JPEG")}" alt="frame at {frames_shown.times[frame]:.2f} s">'
            f"<figcaption>{frames_shown.times[frame]:.2f} s</figcaption></figure>"
            for frame, tile in zip(shown, pictures, strict=True)
            if frames_shown.frame_stage[frame] == stage and not reason
        ]
        color = "#{:02x}{:02x}{:02x}".format(*stage_color(stage))
        clock = f"Stage {stage + 1}: {start:.2f} to {end:.2f} s"
        boxes.append(
            f'<div class=stage style="--stage:{color}"><p class=clock>{clock}</p>'
            f"<div class=frames>{''.join(tiles)}</div><p>{note}</p></div>"
        )
    gone = f"<p class=unknown>{as_text(reason)}</p>" if reason else ""
    return f"{gone}<div class=strip>{''.join(boxes)}</div>"
