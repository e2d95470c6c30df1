import csv
import json
from collections import Counter

import matplotlib.backends.backend_agg  # noqa: F401 - it takes seconds, which belong to no test
import pytest

import lga.evaluation.dataset
import lga.explain.plots  # noqa: F401
from lga.cli.main import run
from lga.model.matching import LGA

CLIPS = {"wave": (1, 2, 3), "kick ball": (4, 5, 6), "pull up": (7, 8, 9)}
FLAGS = ("--backbone", "tiny", "--ways", "2", "--episodes", "40", "--seed", "3")


@pytest.fixture(scope="module")
def manifest(tmp_path_factory, draw_clip):
    folder = tmp_path_factory.mktemp("clips")
    rows = ["path,label,group"]
    for label, seeds in CLIPS.items():
        for seed in seeds:
            draw_clip(label, seed, folder / f"{seed}.mp4")
            rows.append(f"{seed}.mp4,{label},g{seed}")
    (folder / "manifest.csv").write_text("\n".join(rows))
    return folder / "manifest.csv"


@pytest.fixture
def evaluate(manifest, monkeypatch, capsys, tmp_path_factory):
    """`evaluate(*flags, code=0)` runs `lga evaluate` in this process: what it printed, and its errors."""
    monkeypatch.setenv("LGA_CACHE", str(manifest.parent / "cache"))

    def evaluate(*flags, code=0, clips=manifest):
        assert run(["evaluate", str(clips), *FLAGS, *map(str, flags)]) == code
        return capsys.readouterr()

    return evaluate


def test_the_folder_holds_the_figures_and_the_pictures(evaluate, tmp_path):
    evaluate("--out", tmp_path / "results", "--alpha", "shots")
    folder = tmp_path / "results"
    names = [f"{name}.{kind}" for name in ("alpha", "confusion", "shots", "stages", "ways") for kind in ("csv", "png")]
    assert sorted(one.name for one in folder.iterdir()) == sorted([*names, "report.json"])
    report = json.loads((folder / "report.json").read_text())
    with (folder / "confusion.csv").open(newline="") as file:
        head, *rows = csv.reader(file)
    assert head[1:] == [row[0] for row in rows] == sorted(CLIPS)
    assert sum(int(one) for row in rows for one in row[1:]) == 40 * 2
    right = sum(int(row[number]) for number, row in enumerate(rows, 1))
    assert right / 80 == pytest.approx(report["accuracy"]["combined"]["mean"])
    with (folder / "alpha.csv").open(newline="") as file:
        points = {float(row["alpha"]): float(row["accuracy"]) for row in csv.DictReader(file)}
    assert points[0] == pytest.approx(report["accuracy"]["text"]["mean"])
    assert points[1] == pytest.approx(report["accuracy"]["video"]["mean"])
    assert points[0.2] == pytest.approx(report["accuracy"]["combined"]["mean"])
    with (folder / "ways.csv").open(newline="") as file:
        assert {row["ways"] for row in csv.DictReader(file)} == {"2", "3"}


def test_the_table_says_how_far_off_the_confidence_is(evaluate, monkeypatch):
    monkeypatch.setattr("lga.evaluation.statistics.calibration_error", lambda outcome: 0.1 + outcome.hits.mean())
    said = evaluate()
    found = json.loads(evaluate("--json").out)["accuracy"]
    assert "confidence off by" in said.out
    for match in ("video", "text", "combined"):
        (row,) = [line for line in said.out.splitlines() if match in line]
        assert f"{100 * (0.1 + found[match]['mean']):.1f}" in row.split()[-1]


@pytest.mark.parametrize(("alpha", "used"), [("fitted", None), ("shots", 1 / 5), (0.3, 0.3)])
def test_the_report_names_the_one_alpha_that_was_used_if_there_was_one(evaluate, tmp_path, alpha, used):
    value = json.loads(evaluate("--json", "--alpha", alpha, "--report", tmp_path / "report.html").out)
    assert value["method"]["alpha_used"] == used
    assert ("alpha used" in (tmp_path / "report.html").read_text()) == (used is not None)


@pytest.mark.slow
def test_an_earlier_evaluation_is_replaced(evaluate, tmp_path):
    evaluate("--out", tmp_path)
    before = (tmp_path / "report.json").read_text()
    (tmp_path / "report.json").write_text(before.replace("{", "{ ", 1))
    evaluate("--out", tmp_path)
    assert json.loads((tmp_path / "report.json").read_text())["accuracy"] == json.loads(before)["accuracy"]
    assert not (tmp_path / "report.json").read_text().startswith("{ ")


def test_every_clip_is_cut_once_and_fused_once_in_each_role(evaluate, tmp_path, monkeypatch):
    calls = Counter()
    for name in ("cut", "fuse", "similarities"):
        own = getattr(LGA, name)

        def counted(self, frames, *rest, name=name, own=own):
            calls[name] += len(frames)
            return own(self, frames, *rest)

        monkeypatch.setattr(LGA, name, counted)
    evaluate("--out", tmp_path / "results", "--both-protocols")
    assert calls == {"cut": 9, "fuse": 18, "similarities": 9}


def test_a_folder_with_something_else_is_left_alone(evaluate, tmp_path):
    (tmp_path / "thesis.txt").write_text("dear")
    assert "not an evaluation" in evaluate("--out", tmp_path, code=1).err
    assert (tmp_path / "thesis.txt").read_text() == "dear"


def test_episodes_are_replayed_from_their_file(evaluate, tmp_path):
    first = json.loads(evaluate("--json", "--episodes-out", tmp_path / "list").out)
    again = json.loads(evaluate("--json", "--episodes-in", tmp_path / "list", "--seed", "9").out)
    assert again["accuracy"] == first["accuracy"]
    assert again["protocol"] == first["protocol"]
    assert "--episodes-in" in evaluate("--both-protocols", "--episodes-in", tmp_path / "list", code=2).err


def test_both_protocols_stand_side_by_side(evaluate):
    value = json.loads(evaluate("--json", "--both-protocols").out)
    assert not value["protocol"]["source_disjoint"]
    assert value["other_protocol"]["protocol"]["source_disjoint"]
    alone = json.loads(evaluate("--json", "--source-disjoint").out)
    assert value["other_protocol"]["accuracy"] == alone["accuracy"]


def test_other_settings_are_compared_on_the_same_episodes(evaluate):
    value = json.loads(evaluate("--json", "--against", "segmenter=hard", "stages=2", "frames=6").out)
    other = json.loads(evaluate("--json", "--segmenter", "hard", "--stages", "2", "--frames", "6").out)
    assert value["against"]["accuracy"] == other["accuracy"]
    assert value["against"]["method"]["stages"] == 2
    for match, one in value["against"]["difference"].items():
        assert one["mean"] == pytest.approx(value["accuracy"][match]["mean"] - other["accuracy"][match]["mean"])
    assert "this run is better by" in evaluate("--against", "hub_correction=0").out


@pytest.mark.parametrize("pair", ["segmenter", "segmenter=soft", "colour=red", "hub_correction=7"])
def test_settings_that_do_not_exist_are_wrong_usage(evaluate, pair):
    assert pair.partition("=")[0] in evaluate("--against", pair, code=2).err


def test_the_report_shows_classes_confusions_and_the_worst_mistakes(evaluate, tmp_path):
    evaluate("--report", tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert all(f">{label}<" in page or f". {label}<" in page for label in CLIPS)
    assert "taken for" in page
    assert page.count("data:image/jpeg;base64,") >= 16
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")


def test_evaluate_prints_intervals_and_json_repeats_everything(command, clips, tmp_path):
    rows = ["path,label,group"]
    rows += [f"{path},{path.parent.name},{path.stem}" for path in sorted(clips.rglob("*.mp4"))]
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("\n".join(rows))
    flags = ["--backbone", "tiny", "--ways", "2", "--shots", "1", "--episodes", "50", "--seed", "3"]
    value = json.loads(command("evaluate", manifest, *flags, "--source-disjoint", "--json").stdout)
    for match in ("video", "text", "combined"):
        assert 0 <= value["accuracy"][match]["mean"] <= 1
        assert value["accuracy"][match]["ci95"] >= 0
    assert value["protocol"] == {
        "ways": 2, "shots": 1, "queries": 1, "episodes": 50, "seed": 3, "source_disjoint": True
    }  # fmt: skip
    assert value["backbone"]["identity"].startswith("tiny")
    assert "± " in command("evaluate", manifest, *flags).stdout
    error = command("evaluate", manifest, *flags[:2], "--ways", "9", code=1).error
    assert "9-way episode needs 9 classes" in error


def test_actions_with_their_own_numbers_of_stages_have_no_curve_over_stages(evaluate, tmp_path):
    own = tmp_path / "own.json"
    own.write_text(json.dumps({"wave": ["A person waves."]}))
    out, page = tmp_path / "results", tmp_path / "report.html"
    evaluate("--stages", "auto", "--descriptions", own, "--out", out, "--report", page)
    assert not (out / "stages.csv").exists()
    assert json.loads((out / "report.json").read_text())["method"]["stages"] == "auto"
    assert page.is_file()
