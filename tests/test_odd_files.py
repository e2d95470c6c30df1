"""A small part of the corpus of odd files that `benchmarks/odd_files.py` makes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "benchmarks/odd_files.py"
GROUPS = {
    "videos": ["videos"],
    "damage": ["damaged videos"],
    "pictures": ["pictures", "damaged pictures", "folders", "no clips"],
    "texts": ["tables", "split lists", "episode lists", "JSON", "TOML", "text"],
    "taught": ["taught actions", "exported actions", "databases"],
    "stores": ["checkpoints", "run states", "caches"],
}
BAD = ("wrong", "traceback", "signal", "memory", "slow")


def run(*arguments: str) -> list[dict[str, str]]:
    done = subprocess.run(
        [sys.executable, SCRIPT, "--json", *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize("group", GROUPS)
def test_whatever_files_become_it_is_never_wrong_in_silence(group):
    found = run("--cases", "25", "--seed", "5", "--kinds", *GROUPS[group])
    assert len(found) == 25
    assert not [one for one in found if one["outcome"] in BAD]
    assert len({one["outcome"] for one in found}) > 1 or group == "videos"


@pytest.mark.slow
def test_a_case_is_the_same_whenever_it_is_made():
    kinds = ("--seed", "5", "--kinds", *GROUPS["damage"], *GROUPS["texts"])
    whole = {one["number"]: (one["how"], one["outcome"]) for one in run("--cases", "24", *kinds)}
    assert {
        one["number"]: (one["how"], one["outcome"]) for one in run("--cases", "24", "--only", "3", "21", *kinds)
    } == {number: whole[number] for number in (3, 21)}
