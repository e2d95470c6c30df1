"""Importing benchmarks and checking manifests, on the command line."""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from lga.cli.main import run
from lga.datasets.manifest import read_manifest
from lga.datasets.partition import SPLITS, read_partition


@pytest.fixture
def hmdb51(tmp_path):
    """A folder with one empty file in each class's folder of HMDB51."""
    for _, action in read_partition("hmdb51").by_folder().values():
        (tmp_path / "v" / action.folder).mkdir(parents=True)
        (tmp_path / "v" / action.folder / f"film_{action.folder}_u_nm_np1_ba_goo_0.avi").touch()
    return tmp_path / "v"


@pytest.fixture(scope="module")
def clips(tmp_path_factory, video_files):
    """A folder with two classes of three clips, a broken one, and a manifest that names one more."""
    folder = tmp_path_factory.mktemp("clips")
    rows = ["path,label,split,note"]
    for number, label in enumerate(["wave", "wave", "wave", "kick ball", "kick ball", "kick ball"]):
        video_files.write_video(folder / f"{number}.mp4", video_files.numbered(20 - number), fps=10)
        rows.append(f"{number}.mp4,{label},test,n{number}")
    (folder / "broken.mp4").write_bytes(b"no video")
    (folder / "bad.csv").write_text("\n".join([*rows, "broken.mp4,wave,test,x", "gone.mp4,frobnicate,test,y"]))
    (folder / "good.csv").write_text("\n".join(rows))
    return folder


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_an_import_says_what_it_found_and_writes_a_manifest(hmdb51, tmp_path, capsys):
    assert run(["data", "import", "hmdb51", "--videos", str(hmdb51), "--out", str(tmp_path / "m.csv")]) == 0
    shown = capsys.readouterr()
    assert "hmdb51, by the class partition" in shown.out
    assert "51 of 51 classes are in the shipped lexicon" in shown.out
    assert "4280" in shown.out
    assert "6715 clips fewer than published" in shown.err
    assert len(read_manifest(tmp_path / "m.csv", split="test")) == 10


def test_an_unknown_benchmark_is_refused_with_those_that_there_are(tmp_path, capsys):
    assert run(["data", "import", "ntu60", "--videos", str(tmp_path), "--out", str(tmp_path / "m.csv")]) == 2
    said = "there is no benchmark 'ntu60'; there are hmdb51, ucf101, kinetics100, ssv2_small, ssv2_full"
    assert capsys.readouterr().err == f"lga: {said}\n"


def test_the_json_names_all_that_is_missing_and_the_table_the_first(tmp_path, capsys):
    (tmp_path / "51958.webm").touch()
    for split in SPLITS:
        (tmp_path / f"{split}.txt").write_text(
            "".join(f"{split}{n}/{51958 + n}\n" for n in range(5)) * (split == "train")
        )
    flags = ["--videos", str(tmp_path), "--split-lists", str(tmp_path), "--out", str(tmp_path / "m.csv"), "--any-lists"]
    assert run(["data", "import", "ssv2_small", *flags, "--partial", "--names", "published", "--json"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert value["missing"] == ["51959", "51960", "51961", "51962"]
    assert value["splits"]["train"] == {"classes": 1, "clips": 1, "wanted": 5}
    assert len(value["classes_without_clips"]) == 99
    assert value["lexicon"] == {"known": 1, "unknown": []}
    [row] = rows_of(tmp_path / "m.csv")
    assert row["label"] == "Pouring [something] into [something]"
    assert row["lists"].startswith("other lists: sha256")
    assert run(["data", "import", "ssv2_small", *flags, "--partial"]) == 0
    said = capsys.readouterr().err
    assert said.count("missing: ") == 3
    assert "4 listed clips missing" in said


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ((), "ssv2_full is a list of clips"),
        (("--split-lists", "LISTS"), "train.txt: not the published train list"),
        (("--split-lists", "LISTS", "--any-lists"), "99 classes of ssv2_full without a clip"),
    ],
)
def test_an_import_that_cannot_be_right_is_one_line_and_exits_with_1(tmp_path, capsys, flags, message):
    (tmp_path / "1.webm").touch()
    for split in SPLITS:
        (tmp_path / f"{split}.txt").write_text("train0/1\n" * (split == "train"))
    flags = [str(tmp_path) if flag == "LISTS" else flag for flag in flags]
    out = tmp_path / "m.csv"
    assert run(["data", "import", "ssv2_full", "--videos", str(tmp_path), "--out", str(out), *flags]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert message in shown.err
    assert len(shown.err.strip().splitlines()) == 1
    assert not out.exists()


def test_a_clean_manifest_exits_with_0_and_says_so(clips, capsys):
    assert run(["data", "check", str(clips / "good.csv"), "--ways", "2", "--shots", "2"]) == 0
    assert "6 clips checked" in (shown := capsys.readouterr().out)
    assert "nothing is wrong" in shown


def test_a_bad_manifest_exits_with_1_and_its_kinds_are_counted(clips, capsys):
    assert run(["data", "check", str(clips / "bad.csv"), "--ways", "2", "--shots", "2"]) == 1
    shown = capsys.readouterr().out
    assert "undecodable" in shown
    assert "missing" in shown


def test_the_json_has_every_finding_with_its_line(clips, capsys):
    flags = ["--frames", "18", "--ways", "2", "--shots", "0", "--json"]
    assert run(["data", "check", str(clips / "good.csv"), *flags]) == 1
    value = json.loads(capsys.readouterr().out)
    assert not value["clean"]
    short, few = value["findings"][:-1], value["findings"][-1]
    assert [(one["kind"], one["line"], one["serious"]) for one in short] == [("too short", n, True) for n in (5, 6, 7)]
    assert (few["kind"], few["line"]) == ("too few classes", None)
    assert value["splits"] == [{"split": "test", "classes": 1, "clips": 3, "usable": 1}]


def test_a_fix_keeps_the_good_rows_and_exits_with_0(clips, tmp_path, capsys):
    flags = ["--ways", "2", "--shots", "2", "--fix", str(tmp_path / "new" / "clean.csv")]
    assert run(["data", "check", str(clips / "bad.csv"), *flags, "--json"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert value["fix"]["kept"] == 6
    assert [one["kind"] for one in value["fix"]["left_out"]] == ["undecodable", "missing"]
    assert [row["note"] for row in rows_of(tmp_path / "new/clean.csv")] == [f"n{number}" for number in range(6)]
    assert all(clip.path.is_file() for clip in read_manifest(tmp_path / "new/clean.csv"))
    assert run(["data", "check", str(tmp_path / "new/clean.csv"), "--ways", "2", "--shots", "2"]) == 0
    assert run(["data", "check", str(clips / "bad.csv"), *flags]) == 0
    said = capsys.readouterr()
    assert said.err.count("left out: ") == 2
    assert "6 rows kept, 2 left out" in said.out


def test_what_no_fix_can_cure_still_exits_with_1(clips, tmp_path):
    assert run(["data", "check", str(clips / "good.csv"), "--fix", str(tmp_path / "clean.csv")]) == 1
    assert len(rows_of(tmp_path / "clean.csv")) == 6


def test_the_manifest_itself_is_never_overwritten(clips, tmp_path, capsys):
    copy = shutil.copy(clips / "bad.csv", tmp_path / "m.csv")
    before = copy.read_bytes()
    assert run(["data", "check", str(copy), "--fix", str(tmp_path / "." / "m.csv")]) == 2
    assert "never overwritten" in capsys.readouterr().err
    assert copy.read_bytes() == before


@pytest.mark.parametrize("flags", [("--frames", "0"), ("--ways", "1"), ("--queries", "0")])
def test_a_setting_out_of_its_range_exits_with_2(clips, flags):
    assert run(["data", "check", str(clips / "good.csv"), *flags]) == 2


def lga(*arguments):
    done = subprocess.run(
        [sys.executable, "-m", "lga.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def folder():
    """A folder that is gone after the test; pytest's own keeps a hundred thousand files for three runs."""
    with TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.mark.shared
@pytest.mark.parametrize("benchmark", ["hmdb51", "ucf101", "kinetics100", "ssv2_small"])
@pytest.mark.slow
def test_an_empty_file_for_every_line_of_the_published_lists_gives_the_published_counts(shared, benchmark, folder):
    lists = shared / "data/splits" / benchmark
    suffix = ".webm" if benchmark.startswith("ssv2") else ""
    for split in SPLITS:
        for line in (lists / f"{split}.txt").read_text().splitlines():
            place = f"{folder}/v/{line.split('/', 1)[1].lstrip('/')}{suffix}"
            try:
                os.close(os.open(place, os.O_CREAT))
            except FileNotFoundError:
                os.makedirs(os.path.dirname(place))
                os.close(os.open(place, os.O_CREAT))
    flags = ("--videos", folder / "v", "--json")
    value = lga("data", "import", benchmark, *flags, "--split-lists", lists, "--out", folder / "m.csv")
    facts = read_partition(benchmark).splits
    assert value["splits"] == {
        split: {"classes": len(one.classes), "clips": one.clips, "wanted": one.clips} for split, one in facts.items()
    }
    assert value["lists"] == "published lists"
    assert (value["missing"], value["doubles"], value["unused_files"], value["lexicon"]["unknown"]) == ([], [], 0, [])
    rows = rows_of(folder / "m.csv")
    assert len({row["id"] for row in rows}) == len({row["path"] for row in rows}) == len(rows)
    if benchmark in ("hmdb51", "ucf101"):
        lga("data", "import", benchmark, *flags, "--out", folder / "alone.csv")
        assert {(row["path"], row["split"], row["label"]) for row in rows_of(folder / "alone.csv")} == {
            (row["path"], row["split"], row["label"]) for row in rows
        }
