import json
from hashlib import sha256

import pytest
import torch

import lga.training.rows  # noqa: F401 - it takes seconds, which belong to no test
from lga.cli.main import run
from lga.methods.catalogue import METHODS, MethodEntry
from lga.methods.scoring import matrix_scorer

CLIPS = {"wave": "test", "kick ball": "test", "pull up": "train", "jump": "train", "walk": "val", "golf": "val"}
FLAGS = ("--backbone", "tiny", "--episodes", "30", "--seed", "3", "--shots", "1", "2")
SETTINGS = {"tasks": 2, "ways": 2, "queries": 1, "width": 8, "heads": 2, "warmup": 0, "validation_episodes": 100}
TRAINING = [f"{name}={value}" for name, value in SETTINGS.items()]
EACH = {"test": 3, "train": 2, "val": 2}
"""Clips of each class."""


@pytest.fixture(scope="module")
def manifest(tmp_path_factory, draw_clip):
    folder = tmp_path_factory.mktemp("clips")
    rows = ["path,label,group,split"]
    for number, (label, split) in enumerate(CLIPS.items()):
        for seed in range(10 * number, 10 * number + EACH[split]):
            draw_clip(label if split == "test" else "wave", seed, folder / f"{seed}.mp4")
            rows.append(f"{seed}.mp4,{label},g{seed},{split}")
    (folder / "manifest.csv").write_text("\n".join(rows))
    return folder / "manifest.csv"


@pytest.fixture
def table(manifest, monkeypatch, capsys, one_thread):
    """`table(kind, *flags, code=0)` runs `lga table` in this process: what it printed, and its errors."""
    monkeypatch.setenv("LGA_CACHE", str(manifest.parent / "cache"))

    def table(kind, *flags, code=0):
        ways = () if kind == "order" else ("--ways", "2")
        assert run(["table", kind, str(manifest), "--split", "test", *FLAGS, *ways, *map(str, flags)]) == code
        return capsys.readouterr()

    return table


@pytest.mark.parametrize(
    ("kind", "rows"), [("ablation", 11), ("segmentation", 10), ("stages", 12), ("metric", 5), ("order", 6)]
)
def test_every_table_is_markdown_with_a_section_for_each_number_of_examples(table, kind, rows):
    text = table(kind, *(("--pairs", "wave:kick ball") if kind == "order" else ())).out
    sections = text.split("\n### ")[1:]
    assert len(sections) == 2
    assert all(sum(line.startswith("| ") for line in one.splitlines()) == 2 + rows for one in sections)


@pytest.fixture(scope="module")
def six_classes(tmp_path_factory, manifest):
    """The clips of all splits as if they were those of HMDB51's split test: enough classes for five ways."""
    folder = tmp_path_factory.mktemp("named")
    first, *rows = manifest.read_text().splitlines()
    named = [f"{manifest.parent}/{row.rpartition(',')[0]},test,hmdb51,published lists" for row in rows]
    (folder / "hmdb51.csv").write_text("\n".join([f"{first},benchmark,lists", *named]))
    return folder / "hmdb51.csv"


@pytest.fixture
def main_table(monkeypatch, manifest, six_classes, capsys, one_thread):
    """`main_table(*flags, code=0)` runs `lga table main` on six classes: what it printed, and its errors."""
    monkeypatch.setenv("LGA_CACHE", str(manifest.parent / "cache"))

    def main_table(*flags, code=0):
        fixed = ("--backbone", "tiny", "--episodes", "30", "--shots", "1")
        assert run(["table", "main", str(six_classes), *fixed, *map(str, flags)]) == code
        return capsys.readouterr()

    return main_table


def test_the_main_table_holds_published_and_measured_accuracy(main_table, tmp_path):
    said = main_table("--split", "test", "--out", tmp_path / "it").out
    assert (tmp_path / "it/table.md").read_text() == said
    value = json.loads((tmp_path / "it/table.json").read_text())
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in said.splitlines() if line.startswith("| ")]
    assert rows[0] == ["row", "HMDB51", "Kinetics-100", "UCF101", "SSv2-Small", "SSv2-Full"]
    assert ["LGA, published", "86.8", "95.2", "98.2", "58.9", "63.8"] in rows
    reached = value["sections"][0]["accuracy"]["LGA, measured"]
    mine = f"{100 * reached['mean']:.1f} ± {100 * reached['ci95']:.1f}"
    assert ["LGA, measured", mine, "", "", "", ""] in rows
    assert value["benchmark"] == "hmdb51"
    assert value["published"][0]["accuracy"]["hmdb51"] == {"1": 86.8, "5": 89.3}
    assert value["sections"][0]["protocol"]["ways"] == 5
    assert "by the published lists" in said


def test_what_is_not_the_published_test_classes_has_a_column_of_its_own(main_table):
    said = main_table().out
    assert "| SSv2-Full | this manifest |" in said
    assert "HMDB51, all its splits" in said


def test_the_main_table_knows_no_other_number_of_classes(main_table):
    assert "there is no flag --ways" in main_table("--ways", "3", code=2).err


def test_the_folder_holds_the_table_and_everything_that_moves_the_figures(table, tmp_path, manifest):
    said = table("compare", "--methods", "lga,protonet", "--out", tmp_path / "it", "--discount", "0").out
    assert (tmp_path / "it/table.md").read_text() == said
    value = json.loads((tmp_path / "it/table.json").read_text())
    assert value["data"]["manifest_sha256"] == sha256(manifest.read_bytes()).hexdigest()
    assert (value["data"]["clips"], value["data"]["classes"], value["data"]["split"]) == (6, 2, "test")
    assert value["selection"].startswith("this table trains, fits and selects nothing")
    assert value["backbone"]["backbone"] == "tiny"
    assert value["backbone"]["identity"]
    assert [row["name"] for row in value["rows"]] == ["lga", "protonet"]
    assert value["rows"][0]["method"]["discount"] == 0
    assert [one["protocol"]["shots"] for one in value["sections"]] == [1, 2]
    assert value["training"] is None
    table("compare", "--methods", "protonet", "--out", tmp_path / "it")  # an earlier table is replaced


def test_figures_agree_with_those_of_evaluate(table, manifest, capsys):
    value = json.loads(table("compare", "--methods", "lga,lga_text", "--json").out)
    flags = ("--backbone", "tiny", "--ways", "2", "--episodes", "30", "--seed", "3", "--split", "test", "--json")
    assert run(["evaluate", str(manifest), *flags]) == 0
    wanted = json.loads(capsys.readouterr().out)["accuracy"]
    found = value["sections"][0]["accuracy"]
    assert found == {"lga": wanted["combined"], "lga_text": wanted["text"]}


def test_a_method_from_outside_is_compared_by_its_name(table, monkeypatch):
    def nearest_frame(dataset):
        return matrix_scorer(torch.cdist(dataset.frames[:, 0], dataset.frames[:, 0]))

    monkeypatch.setitem(METHODS, "mine", MethodEntry("first frame", "mine", lambda space: nearest_frame))
    said = table("compare", "--methods", "mine,protonet").out
    assert [line.split()[1] for line in said.splitlines() if line.startswith(("| mine", "| protonet"))] == [
        *("protonet", "mine"),
        *("protonet", "mine"),
    ]
    assert "* mine: first frame; mine" in said
    assert "there is no method 'yours'; there are lga, " in table("compare", "--methods", "yours", code=2).err


def test_trained_rows_say_how_they_were_chosen(table):
    value = json.loads(
        table("compare", "--methods", "lga,bi_mhm", "--train", "--train-settings", *TRAINING, "--json").out
    )
    trained = {row["name"]: row["trained"] for row in value["rows"]}
    assert [name for name, told in trained.items() if told] == ["lga, trained", "bi_mhm, trained"]
    assert trained["bi_mhm, trained"]["chosen_on"] == "val"
    assert value["training"]["tasks"] == 2
    assert "on the split train" in value["selection"]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--methods", "lga,dtw"), "there is no method 'dtw'; there are lga, "),
        (("--train-settings", "tasks=3"), "give --train too"),
        (("--train", "--train-settings", "tasks"), "pairs like tasks=300"),
        (("--train", "--train-settings", "colour=3"), "colour"),
        (("--train", "--train-settings", "backbone_rate=0.1"), "frozen features"),
        (("--train", "--split", "val"), "--split test"),
        (("--shots", "0"), "--shots must be 1 or more, not 0"),
        (("--episodes", "1"), "--episodes"),
    ],
)
def test_wrong_usage_is_refused_in_one_line(table, flags, said):
    err = table("compare", *flags, code=2).err
    assert said in err
    assert err.count("\n") == 1


def test_a_pair_that_is_none_is_wrong_usage(table):
    assert "two classes a pair" in table("order", "--pairs", "wave", code=2).err
    assert "no clip is of class 'fly'" in table("order", "--pairs", "wave:fly", code=2).err


def test_own_sentences_of_any_number_are_compared_at_every_number(table, tmp_path):
    own = tmp_path / "own.json"
    own.write_text(json.dumps({"wave": ["A person waves."], "kick ball": ["Up.", "Back.", "Forth.", "Gone."]}))
    refused = table("stages", "--descriptions", own, code=1).err
    assert "3 stages are wanted, in order; found 1: give --stages 1, or auto where the labels differ" in refused
    text = table("stages", "--descriptions", own, "--stages", "auto").out
    assert text.count("\n| L = auto, V-V ") == 4
    assert "a head is trained with one number" in table("stages", "--stages", "auto", "--train", code=2).err
