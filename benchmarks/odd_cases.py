"""What an odd file is, how it is damaged, and how the numbers in pictures are written and read again."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
from jaxtyping import UInt8

Facts = dict[str, object]
"""What is known of a case, as JSON has it: it goes from the process that makes a case to the one that reads it."""


@dataclass(frozen=True, slots=True)
class Case:
    """One odd file or folder: in words what is odd, which reader it is for, and what this must find."""

    how: str
    reader: str
    facts: Facts
    sound: bool = False
    """whether nothing is wrong with it, so that it must be read"""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a reader made of a case: `known` if it was told what is right, and `trouble` if that is not what came.

    `hidden` says that nobody could know: the damaged bytes are those of another sound file.
    """

    known: bool = False
    trouble: str = ""
    hidden: bool = False


Maker = Callable[[Path, Random], Case]
Reader = Callable[[Path, Facts], Verdict]
UNKNOWN, RIGHT = Verdict(), Verdict(known=True)


def compare(found: object, wanted: object, what: str) -> Verdict:
    """Right if both are the same."""
    return RIGHT if found == wanted else Verdict(True, f"{what}: {found!r:.300} where {wanted!r:.300} is right")


BITS = 12
"""Bars across a picture; each stands for a bit of its number, the smallest at the right."""


def counted(number: int, height: int = 48, width: int = 96) -> UInt8[np.ndarray, "{height} {width} 3"]:
    """A picture that carries a number in its upper part and what 4095 lacks of it in its lower one."""
    picture = np.full((height, width, 3), 90, np.uint8)
    bars = np.array([number >> BITS - 1 - bit & 1 for bit in range(BITS)])
    across = bars[np.arange(width) * BITS // width]
    picture[height // 8 : 3 * height // 8] = np.where(across, 220, 20)[:, None]
    picture[5 * height // 8 : 7 * height // 8] = np.where(across, 20, 220)[:, None]
    return picture


def count_of(picture: UInt8[np.ndarray, "height width 3"]) -> int | None:
    """The number that a picture carries, or None if its two parts contradict each other."""
    height, width = picture.shape[:2]
    if height < 8 or width < BITS:
        return None
    middles = [int((bit + 0.5) * width / BITS) for bit in range(BITS)]
    upper, lower = (
        [bool(picture[top * height // 8 : (top + 2) * height // 8, at].mean() > 118) for at in middles]
        for top in (1, 5)
    )
    if any(one == other for one, other in zip(upper, lower, strict=True)):
        return None
    return sum(1 << BITS - 1 - bit for bit in range(BITS) if upper[bit])


WORDS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x7FFFFFFFFFFFFFFF)
"""Numbers at which readers stumble."""


def _truncated(data: bytearray, random: Random) -> None:
    del data[random.randrange(len(data)) :]


def _one_bit(data: bytearray, random: Random) -> None:
    data[random.randrange(len(data))] ^= 1 << random.randrange(8)


def _many_bits(data: bytearray, random: Random) -> None:
    for _ in range(random.randint(2, 60)):
        _one_bit(data, random)


def _filled(data: bytearray, random: Random) -> None:
    length = min(random.choice([16, 256, 4096]), len(data))
    begin = random.randrange(len(data) - length + 1)
    value = random.choice([b"\0", b"\xff", None])
    data[begin : begin + length] = random.randbytes(length) if value is None else value * length


def _left_out(data: bytearray, random: Random) -> None:
    begin = random.randrange(len(data))
    del data[begin : begin + random.choice([1, 2, 188, 512, 5000])]


def _doubled(data: bytearray, random: Random) -> None:
    begin = random.randrange(len(data))
    data[begin:begin] = data[begin : begin + random.choice([1, 4, 188, 2000])]


def _swapped(data: bytearray, random: Random) -> None:
    length = max(1, min(random.choice([8, 188, 1024]), len(data) // 2))
    first, second = sorted(random.randrange(len(data) - length + 1) for _ in range(2))
    if second - first >= length:
        one, other = bytes(data[first : first + length]), bytes(data[second : second + length])
        data[first : first + length], data[second : second + length] = other, one


def _prepended(data: bytearray, random: Random) -> None:
    data[:0] = random.choice(
        [b"\0" * 512, b"\xef\xbb\xbf", b"ID3\x04\0\0\0\0\x02\x01" + bytes(300), random.randbytes(100)]
    )


def _appended(data: bytearray, random: Random) -> None:
    data += random.choice([b"\0" * 4096, random.randbytes(3000), bytes(data[: len(data) // 2]), b"\n"])


def _header_field(data: bytearray, random: Random) -> None:
    """Overwrite a number in the first or last part of a file, where formats keep their sizes."""
    size = random.choice([1, 2, 4, 8])
    value = random.choice(WORDS) & ((1 << 8 * size) - 1)
    reach = min(len(data) - size, random.choice([64, 700, 4096]))
    if reach > 0:
        place = random.randrange(reach) if random.random() < 0.7 else len(data) - size - random.randrange(reach)
        data[place : place + size] = value.to_bytes(size, random.choice(["big", "little"]))


DAMAGES: Mapping[str, Callable[[bytearray, Random], None]] = {
    "truncated": _truncated,
    "one bit": _one_bit,
    "many bits": _many_bits,
    "overwritten": _filled,
    "left out": _left_out,
    "doubled": _doubled,
    "swapped": _swapped,
    "prepended": _prepended,
    "appended": _appended,
    "header field": _header_field,
}


def damage(path: Path, random: Random, how: str | None = None) -> str:
    """Damage a file in one way, or in the one that is named, and say in which."""
    how = how or random.choice(list(DAMAGES))
    data = bytearray(path.read_bytes()) or bytearray(1)
    DAMAGES[how](data, random)
    path.write_bytes(data)
    return how
