"""Odd pictures: folders of frames in every mode, depth and layout that cameras and tools write, whole and damaged."""

from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random

import numpy as np
from odd_cases import RIGHT, UNKNOWN, Case, Facts, Maker, Reader, Verdict, count_of, counted, damage
from PIL import Image

from lga.backbone.protocol import Preprocessing
from lga.datasets.manifest import read_examples
from lga.errors import LGAError
from lga.video.clip import content_digest, read_clip
from lga.video.decode import open_clip
from lga.video.files import find_clips, is_clip, why_no_clip

NAMES: tuple[Callable[[int], str], ...] = (
    lambda number: f"img_{number:05d}",
    lambda number: f"frame{number + 1}",
    lambda number: f"{number}",
    lambda number: f"IMG_{number:03d}_x",
    lambda number: f"v1_2_{number:02d}",
    lambda number: f"\u00fcn\u0131 {number}",
    lambda number: f"a\x07b\u202e{number:03d}",
    lambda number: f"{'n' * 200}{number:04d}",
    lambda number: f"- {number}; $(x)",
)


def _rgb(number: int) -> Image.Image:
    return Image.fromarray(counted(number))


def _cut_out(number: int) -> Image.Image:
    pixels = np.dstack([counted(number), np.full((48, 96), 255, np.uint8)])
    pixels[21:27] = (10, 10, 10, 0)
    return Image.fromarray(pixels)


def _deep(number: int) -> Image.Image:
    return Image.fromarray(counted(number)[..., 0].astype(np.uint16) * 257)


def _palette(number: int) -> Image.Image:
    return _rgb(number).quantize(32)


def _clear_palette(number: int) -> Image.Image:
    return _cut_out(number).quantize(16)


MODES: Mapping[str, tuple[tuple[str, ...], Callable[[int], Image.Image]]] = {
    "RGB": ((".png", ".jpg", ".webp", ".bmp", ".JPG", ".jpeg"), _rgb),
    "grey": ((".png", ".jpg", ".bmp"), lambda number: _rgb(number).convert("L")),
    "one bit": (
        (".png", ".bmp"),
        lambda number: (
            _rgb(number).convert("L").point(lambda level: level * (level > 118)).convert("1", dither=Image.Dither.NONE)
        ),
    ),
    "16 bit": ((".png",), _deep),
    "alpha": ((".png", ".webp"), _cut_out),
    "grey and alpha": ((".png",), lambda number: _cut_out(number).convert("LA")),
    "palette": ((".png", ".bmp"), _palette),
    "palette with alpha": ((".png",), _clear_palette),
    "CMYK": ((".jpg",), lambda number: _rgb(number).convert("CMYK")),
    "turned by EXIF": ((".jpg", ".png", ".webp"), _rgb),
}


def _fill(folder: Path, numbers: list[int], random: Random) -> tuple[list[Path], str]:
    """Write the pictures of a folder; in words, how."""
    mode = random.choice(list(MODES))
    suffixes, draw = MODES[mode]
    suffix, name = random.choice(suffixes), random.choice(NAMES)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for place, number in enumerate(numbers):
        path = folder / f"{name(place)}{suffix}"
        image = draw(number)
        if mode == "turned by EXIF":
            turned = random.choice([1, 3, 6, 8])
            exif = Image.Exif()
            exif[0x0112] = turned
            image = image.rotate({1: 0, 3: 180, 6: 90, 8: 270}[turned], expand=True)
            image.save(path, exif=exif, **({"lossless": True} if suffix == ".webp" else {}))
        else:
            image.save(path, **({"lossless": True} if suffix == ".webp" else {"quality": 95}))
        paths.append(path)
    return paths, f"{len(numbers)} {mode} {suffix}"


LEFT_BEHIND = (
    "Thumbs.db",
    "desktop.ini",
    ".DS_Store",
    "._img_1.jpg",
    "__MACOSX/a.jpg",
    "@eaDir/b.jpg",
    ".hidden/c.png",
)


def _left_behind(folder: Path, random: Random) -> str:
    for name in random.sample(LEFT_BEHIND, random.choice([0, 0, 1, 2])):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(random.randbytes(40))
    return ""


def make_pictures(folder: Path, random: Random) -> Case:
    """A folder of frame pictures with which nothing is wrong."""
    first, count = random.randrange(1, 4000), random.choice([1, 2, 9, 25, 60])
    numbers = list(range(first, first + count))
    _, how = _fill(folder / "clip", numbers, random)
    _left_behind(folder / "clip", random)
    return Case(how, "pictures", {"numbers": numbers, "alpha": "alpha" in how}, sound=True)


def make_damaged_pictures(folder: Path, random: Random) -> Case:
    """The same, with one of the pictures damaged, exchanged or of another size."""
    first, count = random.randrange(1, 4000), random.choice([1, 2, 9])
    numbers = list(range(first, first + count))
    paths, how = _fill(folder / "clip", numbers, random)
    path, odd = random.choice(paths), random.random()
    if odd < 0.7:
        told = damage(path, random)
    elif odd < 0.8:
        told = "another size"
        size = random.choice([(1, 1), (3000, 20), (20_000, 10), (5000, 4000), (9000, 9000), (1, 4000)])
        Image.new("L", size).save(path.with_suffix(".png"))
        if path.suffix != ".png":
            path.unlink()
    elif odd < 0.9:
        told = "another kind of file"
        path.write_bytes(random.choice([b"", b"GIF89a", b"<svg/>", b"%PDF-1.4", b"II*\0", random.randbytes(500)]))
    else:
        told = "a huge size in the header"
        data = bytearray(path.read_bytes())
        if path.suffix == ".png":
            data[16:24] = random.choice([0, 1, 65_535, 2**31 - 1]).to_bytes(4, "big") * 2
        path.write_bytes(data)
    return Case(f"{how}: {told}", "pictures", {"numbers": numbers, "alpha": False, "damage": told})


class _Eyes:
    def __init__(self):
        self.seen: list[tuple[float, int | None, bool]] = []

    def times(self, duration: float, last: float, rate: float) -> list[float]:
        return [place / 25 + 0.02 for place in range(round(duration * 25))]

    def see(self, wanted: float, shown: float, picture: np.ndarray) -> None:
        self.seen.append((wanted, count_of(picture), len(picture) > 25 and bool(picture[23:25].min() > 240)))


def read_pictures(folder: Path, facts: Facts) -> Verdict:
    """Read all pictures of a folder."""
    path, eyes, numbers = folder / "clip", _Eyes(), list(facts["numbers"])  # type: ignore
    content_digest(path)
    read_clip(path, frames=8, how=Preprocessing(48, 48), onlooker=eyes)
    for wanted, number, white in eyes.seen:
        right = numbers[min(int(wanted * 25), len(numbers) - 1)]
        if number != right and "damage" not in facts:
            return Verdict(True, f"at {wanted:.2f} s picture {number} where {right} is right")
        if facts["alpha"] and not white:
            return Verdict(True, "what is transparent is not white")
    if "damage" in facts:
        wrong = [number for _, number, _ in eyes.seen if number not in numbers]
        checked = path.suffix == ".png" or any(one.suffix == ".png" for one in path.iterdir())
        blind = not checked or facts["damage"] in ("another size", "appended")
        return Verdict(True, "a picture that is none of the clip's" if wrong else "", hidden=bool(wrong) and blind)
    return RIGHT


def _make_clip(path: Path, random: Random) -> None:
    if random.random() < 0.5:
        path.parent.mkdir(parents=True, exist_ok=True)
        path = path.with_suffix(random.choice([".mp4", ".avi", ".MKV", ".mov"]))
        path.write_bytes(b"x" * 10)
    else:
        path.mkdir(parents=True, exist_ok=True)
        for number in range(2):
            _rgb(number).save(path / f"{number}.png")


ODD_NAMES = (
    "a b",
    "\u00e4\u00df",
    "x" * 120,
    "-rf",
    "$HOME",
    "a;b",
    "%s",
    "\u2603",
    "O'Neil",
    "a=b",
    "=1+1",
    "#1",
    'q"q',
)


def make_layout(folder: Path, random: Random) -> Case:
    """A folder with a folder of clips for each action, and what else lies in such folders."""
    labels = random.sample(ODD_NAMES, random.randint(1, 5))
    clips = 0
    for label in labels:
        for number in range(random.randint(1, 4)):
            _make_clip(folder / "root" / label / f"clip{number}", random)
            clips += 1
    root, told = folder / "root", []
    for addition in random.sample(list(ADDITIONS), random.choice([0, 1, 2, 3])):
        ADDITIONS[addition](root, random)
        told.append(addition)
    facts: Facts = {"labels": sorted(label.replace("_", " ") for label in labels), "clips": clips}
    spoilt = [one for one in told if one in SPOILING]
    how = f"{len(labels)} actions, {clips} clips; {', '.join(told)}"
    return Case(how, "layout", facts if not spoilt else {"labels": None, "clips": None}, sound=not spoilt)


def _add(name: str, data: bytes = b"x") -> Callable[[Path, Random], None]:
    def add(root: Path, random: Random) -> None:
        home = random.choice([one for one in root.iterdir() if one.is_dir() and not one.is_symlink()])
        place = home / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)

    return add


def _add_above(name: str) -> Callable[[Path, Random], None]:
    def add(root: Path, random: Random) -> None:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")

    return add


def _circle(root: Path, random: Random) -> None:
    (next(iter(sorted(root.iterdir()))) / "back").symlink_to(root)


def _self_link(root: Path, random: Random) -> None:
    (root / "self").symlink_to(root / "self")


def _dead_link(root: Path, random: Random) -> None:
    (next(iter(sorted(root.iterdir()))) / "gone.mp4").symlink_to("/nowhere/at all")


def _pipe(root: Path, random: Random) -> None:
    import os

    os.mkfifo(next(iter(sorted(root.iterdir()))) / "pipe.mp4")


def _not_utf8(root: Path, random: Random) -> None:
    import os

    home = os.fsencode(next(iter(sorted(root.iterdir()))))
    with open(home + b"/bad\xff\xfe.mp4", "wb") as file:
        file.write(b"x")


def _hidden_in_label(root: Path, random: Random) -> None:
    (root / "b\x1b[31ml\u202eue").mkdir()


def _deeper(root: Path, random: Random) -> None:
    for one in list(root.iterdir()):
        if one.is_dir() and not one.is_symlink():
            inner = one / "deeper"
            inner.mkdir(exist_ok=True)
            for clip in list(one.iterdir()):
                if clip != inner:
                    clip.rename(inner / clip.name)


def _unreadable(root: Path, random: Random) -> None:
    place = root / "secret"
    place.mkdir()
    place.chmod(0)


ADDITIONS: Mapping[str, Callable[[Path, Random], None]] = {
    "Thumbs.db among the clips": _add("Thumbs.db"),
    "a text among the clips": _add("notes.txt"),
    "a hidden file": _add(".hidden.mp4"),
    "__MACOSX": _add_above("__MACOSX/._a.mp4"),
    "@eaDir": _add_above("@eaDir/a.mp4"),
    "$RECYCLE.BIN": _add_above("$RECYCLE.BIN/a.mp4"),
    "lost+found": _add_above("lost+found/a.mp4"),
    "a file beside the folders": _add_above("readme.md"),
    "a dead link": _dead_link,
    "a pipe": _pipe,
    "a name that is not UTF-8": _not_utf8,
    "a link to itself": _self_link,
    "a circle of links": _circle,
    "a label with control characters": _hidden_in_label,
    "clips a level deeper": _deeper,
    "a folder that may not be listed": _unreadable,
}
SPOILING = frozenset(
    {
        "a circle of links",
        "a label with control characters",
        "clips a level deeper",
        "a folder that may not be listed",
        "a name that is not UTF-8",
    }
)
"""What may be refused, or counted among the clips."""


def read_layout(folder: Path, facts: Facts) -> Verdict:
    """Look for examples and for clips."""
    root = folder / "root"
    found = find_clips(root)
    for one in found:
        if why_no_clip(one) is not None:
            return Verdict(True, f"{one}: found, and yet no clip")
    examples = read_examples(root)
    if facts["labels"] is None:
        return UNKNOWN
    labels, clips = sorted(set(examples.labels)), len(examples.clips)
    if labels != facts["labels"] or clips != facts["clips"] or len(found) != facts["clips"]:
        return Verdict(True, f"{labels} with {clips} clips, {len(found)} found, where {facts} is right")
    return RIGHT


def make_no_clip(folder: Path, random: Random) -> Case:
    """A place that is no clip, or hardly one."""
    name = random.choice(
        ["nothing", "empty.mp4", "folder", "device", "long", "zero", "parts", "up", "text.gif", "lfs.mp4"]
    )
    if name == "folder":
        (folder / "folder").mkdir()
    elif name == "empty.mp4":
        (folder / name).touch()
    elif name == "text.gif":
        (folder / name).write_bytes(
            random.choice([b"hello\n" * 50, b"#EXTM3U\n#EXTINF:9,\na.ts\n", b"ffconcat version 1.0\nfile a\n"])
        )
    elif name == "lfs.mp4":
        (folder / name).write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n")
    places = {
        "device": "/dev/full",
        "long": "x" * 5000,
        "zero": "a\0b.mp4",
        "parts": "/".join("d" * 50 for _ in range(99)),
        "up": "../" * 300 + "a",
    }
    return Case(name, "no clip", {"place": places.get(name, str(folder / name))})


def read_no_clip(folder: Path, facts: Facts) -> Verdict:
    """Ask everything that is asked about a clip."""
    path = Path(str(facts["place"]))
    is_clip(path)
    why_no_clip(path)
    for ask in (content_digest, find_clips, read_examples):
        try:
            ask(path)
        except LGAError:
            continue
    with open_clip(path) as clip:
        return Verdict(True, f"read: {clip.duration} s")


KINDS: Mapping[str, Maker] = {
    "pictures": make_pictures,
    "damaged pictures": make_damaged_pictures,
    "folders": make_layout,
    "no clips": make_no_clip,
}
READERS: Mapping[str, Reader] = {"pictures": read_pictures, "layout": read_layout, "no clip": read_no_clip}
