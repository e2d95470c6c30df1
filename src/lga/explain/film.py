"""A clip as HTML: its frames in a box for each stage."""

from collections.abc import Sequence

from lga.explain.markup import as_source, as_text
from lga.explain.strip import Footage, choose_frames, fetch_frames, stage_color

SHOWN, TILE = 12, 180
"""Frames shown of a clip with many, and their width in pixels."""


def film(footage: Footage, notes: Sequence[str]) -> str:
    """The frames with a note (HTML) below each stage; in place of frames that cannot be read, why."""
    shown = choose_frames(footage.frame_stage, SHOWN)
    pictures, reason = fetch_frames(footage, shown, TILE)
    boxes: list[str] = []
    for stage, (start, end, note) in enumerate(zip(footage.borders, footage.borders[1:], notes, strict=False)):
        tiles = [
            f'<figure><img src="{as_source(tile, "JPEG")}" alt="frame at {footage.times[frame]:.2f} s">'
            f"<figcaption>{footage.times[frame]:.2f} s</figcaption></figure>"
            for frame, tile in zip(shown, pictures, strict=True)
            if footage.frame_stage[frame] == stage and not reason
        ]
        color = "#{:02x}{:02x}{:02x}".format(*stage_color(stage))
        clock = f"Stage {stage + 1}: {start:.2f} to {end:.2f} s"
        boxes.append(
            f'<div class=stage style="--stage:{color}"><p class=clock>{clock}</p>'
            f"<div class=frames>{''.join(tiles)}</div><p>{note}</p></div>"
        )
    gone = f"<p class=unknown>{as_text(reason)}</p>" if reason else ""
    return f"{gone}<div class=strip>{''.join(boxes)}</div>"
