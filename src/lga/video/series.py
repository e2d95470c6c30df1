"""Which of the pictures in a folder follow each other: datasets keep pictures and their flow side by side."""

import re
from collections.abc import Iterable
from pathlib import Path

PICTURES = frozenset({"img", "image", "images", "frame", "frames"})
"""What a series of pictures is called where others lie beside it."""
NUMBER = re.compile(r"[0-9]+(?=[^0-9]*$)")
"""The last number of a name."""


def part_series(pictures: Iterable[Path]) -> dict[str, list[Path]]:
    """The pictures by their names without the last number, which is written as *; each series in the given order.

    A name that no other picture shares is no series: such pictures are together under an empty name.
    """
    alike: dict[str, list[Path]] = {}
    for picture in pictures:
        alike.setdefault(NUMBER.sub("*", picture.stem.casefold(), count=1), []).append(picture)
    found = {name: them for name, them in alike.items() if "*" in name and len(them) > 1}
    rest = [one for name, them in alike.items() if name not in found for one in them]
    return {**found, "": rest} if rest else found


def choose_series(pictures: list[Path]) -> tuple[list[Path], str]:
    """The pictures of a folder that are its clip, and in words what is left out; none where they cannot be told apart.

    All of them where there is one series at most, unless most pictures are in it: then those that are not are left
    out. Of several series the one that is called a series of pictures.
    """
    series = part_series(pictures)
    rest = series.pop("", [])
    named = [name for name in series if re.sub(r"[^a-z]", "", name) in PICTURES]
    if not series or (len(series) == 1 and len(rest) >= len(pictures) / 2):
        return pictures, ""
    if len(series) > 1 and len(named) != 1:
        return [], " and ".join(sorted(series))
    name = named[0] if len(series) > 1 else next(iter(series))
    others = sorted([*(other for other in series if other != name), *(one.name for one in rest)])
    return series[name], f"{', '.join(others[:3])}{' ...' if len(others) > 3 else ''}"
