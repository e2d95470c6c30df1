"""The Python of the pages runs: every block, page by page, in a folder that has the clips which the pages name."""

import ast
import re
import runpy
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import lga
from lga.anatomy.lexicon import LEXICONS
from lga.backbone.load import BACKBONES
from lga.backbone.tiny import TinyBackbone
from lga.cli.commands import COMMANDS, CommandGroup
from lga.core.distance import MATCHERS
from lga.core.segment import SEGMENTERS
from lga.datasets.benchmarks import IMPORTERS
from lga.methods.catalogue import METHODS

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```(python|toml)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OWNERS = (BACKBONES, IMPORTERS, LEXICONS, MATCHERS, METHODS, SEGMENTERS)
LABELS = ("drink", "jump", "open door", "sit down", "wave")
MODULES = ("my_package", "my_plugin")
TEN = 10

pytestmark = pytest.mark.usefixtures("one_thread")


def blocks_of(page: Path) -> list[tuple[str, str]]:
    """Language and text of the blocks of a page that a machine can follow."""
    return BLOCK.findall(page.read_text(encoding="utf-8"))


PAGES = [page for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))) if blocks_of(page)]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory, video_files) -> Path:
    """Three clips of five actions, in a folder for each and in a table, and the single clips that pages name."""
    folder = tmp_path_factory.mktemp("pages")
    rows = ["path,label,group"]
    for number, label in enumerate(LABELS):
        (folder / "clips" / label).mkdir(parents=True)
        for copy in range(1, 4):
            place = Path("clips", label, f"{copy}.mp4")
            video_files.write_video(folder / place, picture(number, copy))
            rows.append(f"{place},{label},{label}{copy}")
    (folder / "clips.csv").write_text("\n".join(rows), encoding="utf-8")
    for number, name in enumerate(("a", "b", "c", "new")):
        video_files.write_video(folder / f"{name}.mp4", picture(number, 4))
    video_files.write_video(folder / "match.mp4", [one for number in range(5) for one in picture(number, 5)])
    return folder


def picture(number: int, copy: int) -> list[np.ndarray]:
    """Twelve pictures in which a block of one colour for each action moves at a speed of its own."""
    pictures = np.full((12, 48, 64, 3), 20 * copy, np.uint8)
    for time, one in enumerate(pictures):
        left = (3 + number) * time % 48
        one[8 + 2 * copy : 24 + 2 * copy, left : left + 16, number % 3] = 40 * number + 60
    return list(pictures)


@pytest.fixture
def page_folder(drawn, tmp_path, monkeypatch):
    """The clips, a cache and taught actions of one page alone; the toy backbone stands in for the embedded one."""
    for place in drawn.iterdir():
        (tmp_path / place.name).symlink_to(place)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("LGA_CACHE", str(tmp_path / "cache"))
    kept = [dict(owner) for owner in OWNERS]
    monkeypatch.setitem(BACKBONES, "offline", lambda config: TinyBackbone())
    lga.teach("clips").save("my_actions")
    yield tmp_path
    for owner, before in zip(OWNERS, kept, strict=True):
        owner.clear()
        owner.update(before)
    for name in MODULES:
        sys.modules.pop(name, None)


def install(text: str, folder: Path) -> None:
    """Do for the entry points of a `pyproject.toml` what installing a package would."""
    info = folder / "my_package-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my_package\nVersion: 1.0\n")
    groups = tomllib.loads(text)["project"]["entry-points"]
    lines = [
        f"[{group}]\n" + "\n".join(f"{name} = {to}" for name, to in offers.items()) for group, offers in groups.items()
    ]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_of_a_page_runs(page, page_folder):
    space: dict[str, object] = {"__name__": "page"}
    for number, (language, text) in enumerate(blocks_of(page), 1):
        if language == "toml":
            install(text, page_folder)
            continue
        if name := re.match(r"# (\w+\.py)$", text, re.MULTILINE):
            (page_folder / name[1]).write_text(text, encoding="utf-8")
        exec(compile(text, f"{page.name}, block {number}", "exec"), space)
    assert space.get("code", 0) == 0
    assert len(space) > 1


def test_a_part_of_your_own_takes_ten_lines():
    for language, text in blocks_of(ROOT / "docs/extend.md"):
        if language == "python":
            code = [line for line in text.splitlines() if line and not line.startswith(("import", "from", "#"))]
            assert len(code) <= TEN, text


def test_a_page_shows_every_dict_that_takes_parts_of_your_own():
    page = (ROOT / "docs/extend.md").read_text(encoding="utf-8")
    for name in ("SEGMENTERS", "MATCHERS", "METHODS", "LEXICONS", "IMPORTERS"):
        assert f'{name}["' in page, name
    assert '"lga.backbones"' in page
    assert "ask=ask" in page


def test_the_readme_fits_two_screens():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 110


def test_the_readme_has_every_command_in_its_table():
    rows = re.findall(
        r"^\| `lga (\S+)(?: ([a-z\\|]+)(?=[ `]))?.*`", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    listed = {name: set(parts.split("\\|")) - {""} for name, parts in rows}
    assert sorted(listed) == sorted(COMMANDS)
    for name, command in COMMANDS.items():
        if isinstance(command, CommandGroup):
            assert listed[name] == {*command.commands}


def test_the_picture_is_what_its_script_draws():
    script = runpy.run_path(str(ROOT / "docs/architecture.py"))
    assert (ROOT / "docs/architecture.svg").read_text(encoding="utf-8") == script["draw"]()
    assert all((ROOT / "src/lga" / box.file).exists() for box in script["BOXES"])


ARCHITECTURE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
WORDS = """
    frame, frame pair, stage, anatomy, token, support, example, query, way, shot, episode, prototype, dataset,
    similarity, distance, hub correction, text injection, head, head weight, video weight (alpha), temperature,
    maximum logit, known score, moment, window, segment, hit, descriptions, lexicon, manifest, split, group,
    identity, feature cache, checkpoint, recipe, support head, flow, pose, motion
"""


@pytest.mark.parametrize("step", sorted(set(re.findall(r"`([a-z_/]+\.py):([A-Za-z_.]+)`", ARCHITECTURE))), ids=":".join)
def test_every_step_of_the_walks_is_in_its_file(step):
    file, name = step
    body = ast.parse((ROOT / "src/lga" / file).read_text(encoding="utf-8")).body
    for part in name.split("."):
        [there] = [one for one in body if isinstance(one, ast.ClassDef | ast.FunctionDef) and one.name == part]
        body = there.body


def test_every_file_and_folder_is_in_the_tree():
    tree = re.search(r"^src/lga/\n(.*?)^```", ARCHITECTURE, re.MULTILINE | re.DOTALL)[1]
    named = {name for line in tree.splitlines() for name in re.findall(r"([a-z_]+(?:\.py|/))", line[:36])}
    there = {one.name + "/" * one.is_dir() for one in (ROOT / "src/lga").iterdir()} - {"__pycache__/", "__init__.py"}
    assert named == {name for name in there if name.endswith((".py", "/"))}


def test_every_word_of_the_glossary_has_one_sentence():
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", ARCHITECTURE.split("## Words")[1], re.MULTILINE)[1:]
    words = [word for cell, _ in rows for word in cell.split(", ")]
    assert sorted(words) == sorted(" ".join(WORDS.split()).split(", "))
    for word, sentence in rows:
        assert re.fullmatch(r"[A-Z][^.!?]*\.", sentence), word


WRITTEN = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.name)
def test_what_a_page_names_in_the_package_is_there(page):
    prose = FENCED.sub("", page.read_text(encoding="utf-8"))
    for path in re.findall(r"`(src/lga/[a-z_/.]+)`", prose):
        assert (ROOT / path).exists(), path
    for name in re.findall(r"`lga((?:\.[A-Za-z_]+){2,})`", prose):
        home, _, last = f"lga{name}".rpartition(".")
        place = ROOT / "src" / f"lga{name}".replace(".", "/")
        assert place.exists() or place.with_suffix(".py").exists() or last in vars(import_module(home)), name
