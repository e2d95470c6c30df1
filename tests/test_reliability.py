"""The harness of `benchmarks/reliability.py` in small: what is killed, starved and flipped leaves nothing wrong."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lga.errors import LGAError

FILE = Path(__file__).parents[1] / "benchmarks" / "reliability.py"
PLANTED = """
from dataclasses import replace
from random import Random
import json, runpy, sys
from pathlib import Path
from lga.errors import LGAError
sys.path.insert(0, str(Path(sys.argv[1]).parent))
harness = runpy.run_path(sys.argv[1])

def refuse(path):
    raise LGAError("damaged")

with harness["workplace"]() as place:
    command = harness["COMMANDS"]["anatomize"]
    row = harness["Row"]("planted")
    bed = harness["Bed"](command, place)
    bed.names.discard("out.json.journal")
    bed.after["out.json"] = "something else"
    bed.command = replace(command, results={"out.json": harness["Result"](refuse)})
    bed.judge_results(row, "planted")
    bed.command = command
    bed.judge_next_run(row, "planted")
    print(json.dumps(row.counts))
"""


def measured(*arguments):
    """What the harness counts, by command or file."""
    line = [sys.executable, FILE, "--json", *arguments]
    done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=900, env=os.environ)
    assert done.returncode == 0, done.stderr
    return {row["name"]: row for rows in json.loads(done.stdout).values() for row in rows}


@pytest.fixture(scope="module")
def harness():
    sys.path.insert(0, str(FILE.parent))
    yield importlib.import_module("reliability")
    sys.path.remove(str(FILE.parent))
    for name in ("reliability", "reliability_place", "reliability_serve", "borrowed"):
        del sys.modules[name]


@pytest.mark.slow
def test_killed_commands_leave_nothing_half_done_and_nothing_behind(harness):
    found = measured("kill", "--kills", "2")
    assert found.keys() == {*harness.COMMANDS, "serve"}
    for row in found.values():
        done = {"acknowledged": row["acknowledged"]} if row["name"] == "serve" else {}
        assert row == {"name": row["name"], "runs": 2, **done, "cases": []}


@pytest.mark.slow
def test_what_servers_and_command_lines_write_together_is_all_there():
    [row] = measured("together", "--seconds", "5").values()
    assert row == {"name": "serve", "runs": 1, "acknowledged": row["acknowledged"], "cases": []}
    assert row["acknowledged"] >= 8


@pytest.mark.slow
def test_on_a_full_disk_a_command_ends_with_one_line_and_loses_nothing():
    found = measured("full", "--rooms", "0", "1", "--only", "train", "watch", "actions add", "serve")
    assert found["serve"].pop("acknowledged") >= 1
    for row in found.values():
        assert row["refused"] >= 1
        assert row == {"name": row["name"], "runs": 2, "refused": row["refused"], "cases": []}


@pytest.mark.slow
def test_no_flipped_bit_is_accepted():
    found = measured("flip", "--parts", "20")
    assert len(found) >= 5
    for row in found.values():
        assert row["refused"] + row.get("no difference", 0) == row["runs"] >= 20
        assert row["cases"] == []


@pytest.mark.slow
def test_the_harness_finds_what_is_planted():
    line = [sys.executable, "-c", PLANTED, FILE]
    done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"half there": 1, "left over": 1, "differs": 1}


@pytest.mark.parametrize(
    ("status", "errors", "right"),
    [
        (0, "skipped: a clip\n", True),
        (1, "going on\nlga: a: cannot be written\n", True),
        (1, "lga: one\nlga: two\n", False),
        (1, "Traceback (most recent call last):\nlga: one\n", False),
        (1, "", False),
        (-11, "lga: one\n", False),
        (2, "lga: one\n", False),
    ],
)
def test_a_run_ends_well_or_with_one_line(harness, status, errors, right):
    assert (harness.Ended(status, errors, 0, 0.0).trouble is None) == right


def test_flips_that_are_accepted_or_crash_are_counted_as_what_they_are(harness, tmp_path):
    (tmp_path / "file").write_bytes(b"\0" * 80)

    def read(path):
        data = path.read_bytes()
        number, bits = next(((n, one) for n, one in enumerate(data) if one), (0, 0))
        if number >= 60:
            raise ValueError("a traceback")
        if number >= 40:
            raise LGAError("one line")
        return bits if number >= 20 else 0

    place = harness.Place(tmp_path, tmp_path / "run", "")

    def make(place):
        return tmp_path / "file", read

    row = harness.flip_bits(make, place, 80, harness.Random(1), "planted")
    assert row.runs == 80
    assert row.counts == {"no difference": 20, "accepted wrongly": 20, "refused": 20, "traceback": 20}
    assert (tmp_path / "file").read_bytes() == b"\0" * 80
