"""Odd tables, lists, JSON and TOML: as spreadsheets, editors and scripts write them, whole and damaged."""

import csv
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random

import numpy as np
from odd_cases import RIGHT, UNKNOWN, Case, Facts, Maker, Reader, Verdict, compare, damage

from lga.anatomy.descriptions import read_records
from lga.anatomy.journal import Journal
from lga.anatomy.lexicon import LEXICONS, read_lexicon
from lga.cli.anatomize import read_labels
from lga.cli.recipe import read_recipe
from lga.config import ProtocolConfig
from lga.datasets.check import check_manifest
from lga.datasets.episode_lists import ClipContent, read_episodes, write_episodes
from lga.datasets.episodes import plan_episodes
from lga.datasets.manifest import read_manifest, read_table
from lga.datasets.partition import read_partition, read_split_lists

LABELS = (
    "open door",
    "sit down",
    "\u00fcber den Zaun",
    "=1+1",
    'it\'s, "quoted"',
    "wave; both hands",
    "\u8df3",
    "100% up",
    "-pull",
)
CELLS = (
    "",
    " ",
    "x" * 40_000,
    "\0",
    "\ufeff",
    "a\nb",
    "a\rb",
    "\x1b[31m",
    "\ud7ff",
    "9" * 6000,
    "../../../etc/passwd",
    "nan",
    "\u202e",
)


def make_table(folder: Path, random: Random) -> Case:
    """A manifest in one of the forms that programs write it in."""
    labels = random.sample(LABELS, random.randint(1, 5))
    names = ["a.mp4", "b c.avi", "\u00e9/d,e.mkv", "f;g.mp4", "h'i\"j.mov"]
    rows = [
        (f"{number}_{random.choice(names)}", random.choice(labels), random.choice(["g1", "g 2", ""]))
        for number in range(random.choice([1, 5, 60]))
    ]
    delimiter, ending = random.choice([",", ";", "\t", "|"]), random.choice(["\n", "\r\n", "\n"])
    text = io.StringIO(newline="")
    quoting = random.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
    writer = csv.writer(text, delimiter=delimiter, lineterminator=ending, quoting=quoting)
    heads = random.choice([("path", "label", "group"), ("Path", "LABEL", "Group"), (" path ", "label ", "group")])
    extra = random.random() < 0.3
    writer.writerow([*heads, *(["remark"] if extra else [])])
    for row in rows:
        writer.writerow([*row, *(["r"] if extra else [])])
    whole = text.getvalue()
    if random.random() < 0.2:
        whole = f"sep={delimiter}{ending}{whole}"
    if random.random() < 0.2:
        whole += ending * 3
    coding = random.choice(["utf-8", "utf-8", "utf-8-sig", "utf-16"])
    (folder / "clips.csv").write_bytes(whole.encode(coding))
    how = f"{len(rows)} rows, {delimiter!r}, {ending!r}, {coding}, {heads}"
    facts: Facts = {"rows": [[str(path), label, group.strip() or None] for path, label, group in rows]}
    if random.random() < 0.5:
        return Case(how, "table", facts, sound=True)
    if random.random() < 0.4:
        lines = whole.split(ending)
        lines[random.randrange(len(lines))] = delimiter.join(
            random.choice(CELLS) for _ in range(random.choice([0, 1, 2, 3, 9]))
        )
        (folder / "clips.csv").write_bytes(ending.join(lines).encode(coding, "replace"))
        return Case(f"{how}: odd cells", "table", {"rows": None})
    return Case(f"{how}: {damage(folder / 'clips.csv', random)}", "table", {"rows": None})


def read_clips(folder: Path, facts: Facts) -> Verdict:
    """Read a manifest, and check it as `lga data check` does."""
    path = folder / "clips.csv"
    table = read_table(path)
    check_manifest(table, ProtocolConfig(), split=None, frames=8, progress=None)
    found = [
        [str(one.path.relative_to(folder)) if one.path.is_relative_to(folder) else str(one.path), one.label, one.group]
        for one in read_manifest(path)
    ]
    return UNKNOWN if facts["rows"] is None else compare(found, facts["rows"], "rows")


def make_list(folder: Path, random: Random) -> Case:
    """The three lists of a benchmark, one of them odd."""
    partition = read_partition(random.choice(["hmdb51", "ucf101", "kinetics100", "ssv2_small"]))
    count = 0
    for split, facts in partition.splits.items():
        lines = [
            f"{split}{number}/{one.folder + '/' if one.folder else ''}clip_{number}.avi"
            for number, one in enumerate(facts.classes[:9])
        ]
        count += len(lines)
        (folder / f"{split}.txt").write_text("\n".join(lines) + "\n")
    if random.random() < 0.3:
        return Case(partition.benchmark, "list", {"benchmark": partition.benchmark, "count": count}, sound=True)
    path = folder / random.choice(["train.txt", "val.txt", "test.txt"])
    if random.random() < 0.3:
        path.write_text(
            random.choice(
                [
                    "train99999/x.mp4\n",
                    "val0/..\n",
                    "test0/\n",
                    f"train{'9' * 5000}/a\n",
                    "train0//\n",
                    "\u0661rain0/a\n",
                    "train\u0661/a\n",
                ]
            )
        )
        how = "an odd line"
    else:
        how = damage(path, random)
    return Case(f"{partition.benchmark}: {path.name}: {how}", "list", {"benchmark": partition.benchmark, "count": None})


def read_lists(folder: Path, facts: Facts) -> Verdict:
    """Read split lists that are not the published ones."""
    found = read_split_lists(folder, read_partition(str(facts["benchmark"])), any_lists=True)  # type: ignore
    return UNKNOWN if facts["count"] is None else compare(len(found.clips), facts["count"], "clips")


def make_episodes(folder: Path, random: Random) -> Case:
    """An episode list, whole or damaged."""
    clips = _contents()
    protocol = ProtocolConfig(ways=3, shots=2, queries=1, episodes=random.choice([2, 7]), seed=random.randrange(99))
    labels = sorted({one.label for one in clips})
    planned = plan_episodes(np.array([labels.index(one.label) for one in clips]), None, protocol)
    write_episodes(folder / "list.jsonl", planned, protocol, clips)
    if random.random() < 0.2:
        return Case("whole", "episodes", {"whole": True}, sound=True)
    path = folder / "list.jsonl"
    how = spoil_json(path, random) if random.random() < 0.4 else damage(path, random)
    return Case(how, "episodes", {"whole": False})


def _contents() -> list[ClipContent]:
    return [ClipContent(f"{number:064x}", f"label {number % 5}") for number in range(40)]


def read_list(folder: Path, facts: Facts) -> Verdict:
    """Read an episode list against its clips."""
    read_episodes(folder / "list.jsonl", _contents())
    return RIGHT if facts["whole"] else UNKNOWN


NUMBERS = (
    "NaN",
    "Infinity",
    "-1",
    "1e400",
    "1" + "0" * 400,
    "1" + "0" * 5000,
    "-0",
    "0.1",
    "9223372036854775808",
    "true",
    "null",
    '""',
    "[]",
    "{}",
    '"\\ud800"',
    '"\\u0000"',
    '"' + "x" * 100_000 + '"',
)


def spoil_json(path: Path, random: Random) -> str:
    """Exchange a value of a JSON text for an odd one, or nest it too deep."""
    text = path.read_text(encoding="utf-8", errors="replace")
    places = [at for at in range(len(text)) if text[at] in ":,["]
    if not places:
        return damage(path, random)
    at, value = random.choice(places), random.choice([*NUMBERS, "[" * 100_000, '{"a":' * 50_000])
    end = min((found for mark in ",}]" if (found := text.find(mark, at + 1)) > 0), default=len(text))
    path.write_text(text[: at + 1] + value + text[end:], encoding="utf-8", errors="surrogatepass")
    return f"a value is {value[:20]}"


def _stage(text: str) -> dict[str, str]:
    return {"subject": "a person", "motion": "moves", "object": "a door", "sentence": f"A person {text}."}


def make_descriptions(folder: Path, random: Random) -> Case:
    """Stage sentences as a person or a model writes them, or a lexicon."""
    sentences = ["a person grasps a handle", "the door swings open", "the person walks through"]
    forms: list[Callable[[], object]] = [
        lambda: sentences,
        lambda: [_stage(one) for one in sentences],
        lambda: {"source": "llm", "stages": [_stage(one) for one in sentences], "model": "m", "prompt": 1},
    ]
    labels = [label for label in random.sample(LABELS, 3) if not label.startswith(("=", "-"))] or ["open door"]
    content: dict[str, object] = {label: random.choice(forms)() for label in labels}
    lexicon = random.random() < 0.3
    if lexicon:
        content = {"anatomies": {label: [_stage(one) for one in sentences] for label in labels}, "aliases": {}}
    text = json.dumps(content, ensure_ascii=random.random() < 0.5, indent=random.choice([None, 2]))
    path = folder / "told.json"
    path.write_bytes(text.encode(random.choice(["utf-8", "utf-8-sig"])))
    reader = "lexicon" if lexicon else "descriptions"
    if random.random() < 0.3:
        return Case("whole", reader, {"labels": labels}, sound=True)
    how = spoil_json(path, random) if random.random() < 0.5 else damage(path, random)
    return Case(how, reader, {"labels": None})


def read_told(folder: Path, facts: Facts) -> Verdict:
    """Read a descriptions file."""
    found = read_records(folder / "told.json")
    return UNKNOWN if facts["labels"] is None else compare(list(found), facts["labels"], "labels")


def read_added(folder: Path, facts: Facts) -> Verdict:
    """Read a lexicon of one's own."""
    LEXICONS["told"] = folder / "told.json"
    found = read_lexicon("told")
    return UNKNOWN if facts["labels"] is None else compare(sorted(found.anatomies), sorted(facts["labels"]), "labels")  # type: ignore


RECIPE = """
[backbone]
backbone = "tiny"
[method]
stages = 3
frames = 8
[train]
tasks = 100
learning_rate = 0.001
"""
VALUES = (
    "nan",
    "inf",
    "-1",
    "1e400",
    "9" * 5000,
    "true",
    '"x"',
    "[[[[]]]]",
    "{a = 1}",
    "1979-05-27T07:32:00Z",
    "'''\n'''",
    "[" * 3000,
    '"\\u0000"',
)


def make_recipe(folder: Path, random: Random) -> Case:
    """A recipe for training, whole or odd."""
    path = folder / "recipe.toml"
    path.write_text(RECIPE)
    if random.random() < 0.1:
        return Case("whole", "recipe", {"whole": True}, sound=True)
    if random.random() < 0.6:
        lines = RECIPE.split("\n")
        at = random.choice([number for number, line in enumerate(lines) if "=" in line])
        key = random.choice([lines[at].split("=")[0], "self", '""', "a.b.c", "__class__", "cls", '"\u202e"'])
        lines[at] = f"{key} = {random.choice(VALUES)}"
        path.write_text("\n".join(lines))
        return Case(lines[at][:50], "recipe", {"whole": False})
    return Case(damage(path, random), "recipe", {"whole": False})


def read_settings_file(folder: Path, facts: Facts) -> Verdict:
    """Read a recipe."""
    _, method, train = read_recipe(str(folder / "recipe.toml"))
    return compare([method.stages, train.tasks], [3, 100], "settings") if facts["whole"] else UNKNOWN


def make_labels(folder: Path, random: Random) -> Case:
    """Labels, one a line, or a journal of replies."""
    if random.random() < 0.5:
        wanted = random.sample(LABELS, 4)
        path = folder / "labels.txt"
        path.write_bytes(("\n".join(wanted) + "\n").encode(random.choice(["utf-8", "utf-8-sig"])))
        if random.random() < 0.3:
            return Case("whole", "labels", {"labels": wanted}, sound=True)
        return Case(damage(path, random), "labels", {"labels": None})
    path = folder / "journal.jsonl"
    question = {"model": "m", "prompt": 1, "label": "a", "stages": 3, "temperature": 0.1, "sample": 1, "attempt": 1}
    lines = [
        json.dumps({"version": 1, "question": {**question, "sample": number}, "reply": {"text": "x", "date": ""}})
        for number in range(5)
    ]
    path.write_text("\n".join(lines) + "\n")
    how = spoil_json(path, random) if random.random() < 0.5 else damage(path, random)
    return Case(f"journal: {how}", "journal", {})


def read_lines(folder: Path, facts: Facts) -> Verdict:
    """Read labels."""
    found = read_labels(folder / "labels.txt")
    return UNKNOWN if facts["labels"] is None else compare(found, facts["labels"], "labels")


def read_journal(folder: Path, facts: Facts) -> Verdict:
    """Read a journal, which passes over what it cannot read."""
    del facts
    Journal(folder / "journal.jsonl")
    return UNKNOWN


KINDS: Mapping[str, Maker] = {
    "tables": make_table,
    "split lists": make_list,
    "episode lists": make_episodes,
    "JSON": make_descriptions,
    "TOML": make_recipe,
    "text": make_labels,
}
READERS: Mapping[str, Reader] = {
    "table": read_clips,
    "list": read_lists,
    "episodes": read_list,
    "descriptions": read_told,
    "lexicon": read_added,
    "recipe": read_settings_file,
    "labels": read_lines,
    "journal": read_journal,
}
