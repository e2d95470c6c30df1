"""Habits of the code that a machine can keep."""

import ast
import re
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "src/lga").rglob("*.py"))
CORE = [file for file in SOURCES if file.parent.name == "core" and file.name != "__init__.py"]
PAPERS = [
    file for file in SOURCES if file.parent.name == "methods" and file.stem not in ("__init__", "catalogue", "scoring")
]


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_file_is_one_sitting_and_its_functions_fit_a_screen(file):
    text = file.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno < 60, node.name


@pytest.mark.parametrize("file", CORE, ids=lambda file: file.name)
def test_every_public_function_of_the_core_names_its_source(file):
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            assert "Source:" in ast.get_docstring(node), node.name


def scores(node: ast.stmt) -> bool:
    """Whether a function, or the class that it is the `forward` of, gives a scorer."""
    if isinstance(node, ast.ClassDef):
        return any(isinstance(part, ast.FunctionDef) and part.name == "forward" and scores(part) for part in node.body)
    return isinstance(node, ast.FunctionDef) and node.returns is not None and ast.unparse(node.returns) == "Scorer"


@pytest.mark.parametrize("file", PAPERS, ids=lambda file: file.name)
def test_every_scorer_names_its_source(file):
    found = [node for node in ast.parse(file.read_text(encoding="utf-8")).body if scores(node)]
    assert found or file.name == "protocol.py"
    for node in found:
        assert "Source:" in ast.get_docstring(node), node.name


def test_nothing_cites_just_our_choice():
    cited = [
        file for file in SOURCES if file not in CORE and "Source: our choice.\n" in file.read_text(encoding="utf-8")
    ]
    assert not cited


def test_the_core_has_functions_only():
    for file in CORE:
        assert not [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.ClassDef)], file


@pytest.mark.parametrize(
    "banned",
    [
        r"\.(view|reshape|permute|squeeze)\(",
        r"hasattr\(",
        r"_target_",
        r"except Exception",
        r"weights_only=False",
        r"\.cuda\(",
    ],
)
def test_what_the_house_does_without(banned):
    assert not [file for file in SOURCES if re.search(banned, file.read_text(encoding="utf-8"))]


def test_no_file_is_a_dumping_ground():
    names = {"utils", "helpers", "misc", "common", "base", "core"}
    assert not [file for file in SOURCES if file.stem in names]


def test_the_readme_lists_the_public_names():
    import lga

    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in readme for name in lga.__all__)


def test_no_class_name_means_two_things():
    names = [
        node.name
        for file in SOURCES
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    ]
    assert not sorted({name for name in names if names.count(name) > 1})


def test_relative_links_of_the_pages_resolve():
    broken = []
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]:
        for link in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
            if "://" not in link and not (page.parent / link).exists():
                broken.append(f"{page.name}: {link}")
    assert not broken


BANNED_WORDS = (
    "bench|footage|likeness|density|diagnosed?|treatment|contest|shelf|shelves|twins?|strangers?|discount"
    "|(?<!text )(?<!text_)injection"
)
ANYWHERE = re.compile(rf"(?<![a-z])({BANNED_WORDS})(?![a-z])", re.IGNORECASE)
IN_NAMES = re.compile(rf"(?<![a-z])({BANNED_WORDS}|trust(ed|ing|s)?)(?![a-z])|^look(s|ed)?$", re.IGNORECASE)
# Words that 0.1.0 wrote into files, answers or flags stay where these are read.
KEPT_LINES = {
    "src/lga/cli/main.py": [
        'OLD_FLAGS = {"--discount": "--hub-correction", "--injection": "--text-injection"}',
    ],
    "src/lga/config.py": [
        'hub_correction: Annotated[Share, Field(alias="discount")] = 0.6',
        'text_injection: Annotated[float, Field(ge=0.0, le=10.0, alias="injection")] = 1.0',
    ],
    "src/lga/serve/schema.py": [
        'similarity: Annotated[float, Field(alias="likeness")]',
        'similarity: Annotated[list[float], Field(alias="likeness")]',
    ],
    "CHANGELOG.md": [
        "* `docs/bench.md` is now `docs/tables.md`.",
        "* The old flags `--discount` and `--injection` are understood for one version more as `--hub-correction`, "
        "`--text-injection`.",
    ],
}


def lines_of(file: Path) -> list[str]:
    """The lines of a file that speak of today; what the changelog says of released versions is history."""
    return file.read_text(encoding="utf-8").partition("\n## 0.1.0")[0].splitlines()


def found_in(file: Path, lines: list[str]) -> list[str]:
    """The lines with a banned word, but for those that are kept, and the kept ones that are gone."""
    name = file.relative_to(ROOT).as_posix()
    kept = KEPT_LINES.get(name, [])
    spoken = [line.strip() for line in lines if ANYWHERE.search(line)]
    return [f"{name}: {line}" for line in {*spoken} ^ {*kept}]


def names_in(file: Path) -> set[str]:
    """Every identifier of a file."""
    with file.open("rb") as source:
        return {token.string for token in tokenize.tokenize(source.readline) if token.type == tokenize.NAME}


def test_words_that_the_field_does_not_use_stay_out_of_sources_and_pages():
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "docs").glob("*.py")]
    assert {ROOT / name for name in KEPT_LINES} <= {*SOURCES, *pages}
    assert not [line for file in (*SOURCES, *pages) for line in found_in(file, lines_of(file))]


def test_words_that_the_field_does_not_use_stay_out_of_names():
    files = [*SOURCES, *(ROOT / "tests").rglob("*.py"), *(ROOT / "benchmarks").glob("*.py")]
    found = {
        file.relative_to(ROOT).as_posix(): [one for one in names_in(file) if IN_NAMES.search(one)] for file in files
    }
    assert not {file: names for file, names in found.items() if names}


@pytest.mark.parametrize("line", ["the Bench", "read_footage", "two strangers", "an injection", "with discount 0"])
def test_a_banned_word_is_found(line):
    assert ANYWHERE.search(line)


@pytest.mark.parametrize("line", ["benchmark", "text_injection", "text injection", "inject_text", "hub_correction"])
def test_what_is_meant_otherwise_passes(line):
    assert not ANYWHERE.search(line)
