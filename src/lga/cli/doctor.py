"""`lga doctor`: what is installed here and what of it works."""

import os
import platform
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, entry_points, version
from pathlib import Path
from shutil import which

from rich.table import Table
from rich.text import Text

from lga.cli.options import Flag, plural, print_json, progress, stdout
from lga.errors import LGAError

PACKAGES = ("torch", "numpy", "av", "opencv-python-headless", "ai-edge-litert", "transformers", "sentence-transformers")
"""Those whose versions matter where something is odd."""
EXTRAS = {"serve": "fastapi", "llm": "openai", "research": "lightning-fabric"}
"""What else can be installed, and the package that tells."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One thing that was looked at."""

    name: str
    state: str
    """works, missing or none"""
    says: str


@dataclass(frozen=True)
class Doctor:
    """Say what is installed here and works: versions, device, backbones, pose, decoder, cache.

    Exit code 0 if clips can be taught and recognised, 1 if no backbone can be loaded.

    Example: lga doctor
    """

    json: Flag = False
    """print one JSON document instead of a table"""

    def run(self) -> int:
        """Look, and print what was found."""
        with progress() as bars:
            bars.now("looking over the installation")
            found = [*_machine(), *_backbones(), *_motion(), *_extras(), _cache()]
        usable = any(one.name.startswith("backbone ") and one.state == "works" for one in found)
        if self.json:
            print_json({"usable": usable, "versions": _versions(), "findings": [asdict(one) for one in found]})
            return 0 if usable else 1
        table = Table("", "", "", box=None, show_header=False, padding=(0, 1))
        marks = {"works": Text("ok", "green"), "missing": Text("missing", "yellow"), "none": Text("-", "dim")}
        for one in found:
            table.add_row(one.name, marks[one.state], one.says)
        stdout().print(table)
        return 0 if usable else 1


def _versions() -> dict[str, str | None]:
    """The versions of what matters, by package; None where it is not installed."""
    import av

    found = {name: _version(name) for name in ("lga", *PACKAGES)}
    return {"python": platform.python_version(), **found, "ffmpeg": av.ffmpeg_version_info}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _machine() -> Iterator[Diagnosis]:
    import av
    import torch

    from lga.backbone.precision import choose_device

    device = choose_device()
    what = torch.cuda.get_device_name(device) if device.type == "cuda" else plural(torch.get_num_threads(), "thread")
    yield Diagnosis("lga", "works", f"{version('lga')}, Python {platform.python_version()} in {sys.prefix}")
    yield Diagnosis("device", "works", f"{device} ({what}), torch {torch.__version__}")
    program = which("ffmpeg") or "no ffmpeg program, and none is needed"
    yield Diagnosis(
        "decoder", "works", f"PyAV {av.__version__} with its own FFmpeg {av.ffmpeg_version_info}; {program}"
    )


def _backbones() -> Iterator[Diagnosis]:
    """The offline one is loaded; a CLIP would have to be downloaded, so that only its packages are looked for."""
    from lga.backbone.load import PLUGINS, load_backbone
    from lga.config import BackboneConfig

    try:
        identity = load_backbone(BackboneConfig()).identity
        yield Diagnosis("backbone offline", "works", identity)
    except LGAError as error:
        yield Diagnosis("backbone offline", "missing", str(error))
    clip = _version("transformers")
    says = f"transformers {clip}; needs a model, from a folder or a hub" if clip else "pip install 'lga[clip]'"
    yield Diagnosis("backbone clip", "works" if clip else "missing", says)
    for plugin in entry_points(group=PLUGINS):
        yield Diagnosis(f"backbone {plugin.name}", "works", f"plugin {plugin.value}")


def _motion() -> Iterator[Diagnosis]:
    from lga.motion.encoder import available_motion
    from lga.motion.weights import weights_folder

    motion, lacking = available_motion("flow+pose")
    yield Diagnosis(
        "flow", "missing" if motion == "none" else "works", lacking if motion == "none" else "how things move"
    )
    there = motion == "flow+pose"
    yield Diagnosis("pose", "works" if there else "missing", f"networks in {weights_folder()}" if there else lacking)


def _extras() -> Iterator[Diagnosis]:
    for extra, package in EXTRAS.items():
        found = _version(package)
        yield Diagnosis(
            extra, "works" if found else "none", f"{package} {found}" if found else f"pip install 'lga[{extra}]'"
        )


def _cache() -> Diagnosis:
    from lga.features.cache import default_cache

    folder = default_cache().folder
    if folder is None:
        return Diagnosis("cache", "none", "nothing is kept (LGA_CACHE=off)")
    nearest = next(one for one in (folder, *folder.absolute().parents) if one.exists())
    if not (nearest.is_dir() and os.access(nearest, os.W_OK)):
        return Diagnosis("cache", "missing", f"{folder} cannot be written; LGA_CACHE=FOLDER moves it")
    count, size = _size(folder)
    return Diagnosis("cache", "works", f"{folder}: {plural(count, 'file')}, {size / 2**20:.0f} MiB")


def _size(folder: Path) -> tuple[int, int]:
    """How many files there are, and how many bytes they have together."""
    sizes = [one.stat().st_size for one in folder.rglob("*") if one.is_file()]
    return len(sizes), sum(sizes)
