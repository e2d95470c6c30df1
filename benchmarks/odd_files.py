"""Thousands of odd files, made from a seed, through the doors of the product: what each becomes is counted.

    python benchmarks/odd_files.py [--cases N] [--seed N] [--kinds KIND ...] [--only N ...] [--keep FOLDER] [--json]

Videos, folders of pictures, tables, JSON, TOML, safetensors and SQLite files are written odd on purpose or damaged, and
each is read in a process of its own, with limits. Pictures carry their own number, tables known rows, so that what is
read can be told from what is right. An answer is

* `right`; or `read`, where nobody knows what is right,
* `named`: read, and a warning says what is not as it should be,
* `refused` in one line,
* `hidden`: not right, but neither FFmpeg nor the structure of the file knows it, because the damaged bytes are those of
  another sound file.

What must not come: `wrong`, `traceback` (any error that is no `LGAError`), `signal`, `memory` (over 1 GiB), `slow`
(over 20 s). Exit 1 if any of these came.
"""

import argparse
import json
import os
import resource
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any, Literal

import odd_media
import odd_pictures
import odd_stores
import odd_texts
from odd_cases import Case, Maker, Reader, Verdict
from rich.console import Console
from rich.table import Table

from lga.errors import LONGEST, ClipWarning, LGAError

Outcome = Literal[
    "right", "read", "named", "refused", "hidden", "wrong", "traceback", "signal", "memory", "slow", "unmade"
]
BAD: tuple[Outcome, ...] = ("wrong", "traceback", "signal", "memory", "slow")
MODULES = (odd_media, odd_pictures, odd_texts, odd_stores)
MAKERS: Mapping[str, Maker] = {kind: maker for one in MODULES for kind, maker in one.KINDS.items()}
READERS: Mapping[str, Reader] = {name: reader for one in MODULES for name, reader in one.READERS.items()}
SHARES = {"videos": 4.0, "damaged videos": 6.0}
"""How often cases of a kind come, beside 1."""
MOST_BYTES, MOST_SECONDS = 2**30, 20.0
PATIENCE = 60.0
BATCH = 20
ADDRESSES = 6 * 2**30
"""Address space of a child, far above what it may fill, so that a runaway ends itself and not the machine."""
Answer = dict[str, Any]
"""What a child says, as JSON has it."""


@dataclass(frozen=True, slots=True)
class Finished:
    """What became of one case."""

    number: int
    kind: str
    how: str
    outcome: Outcome
    said: str
    seconds: float
    peak: int
    """bytes"""


def in_child(work: Callable[[], Answer], patience: float) -> tuple[Answer, float, int]:
    """Do something in a forked child: what it gives, the seconds it took and the most memory it held, in bytes."""
    begun = time.monotonic()
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ours)
        _be_child(work, theirs)
    os.close(theirs)
    said = _heard(ours, begun + patience)
    if said is None:
        os.kill(child, signal.SIGKILL)
    _, status, usage = os.wait4(child, 0)
    took, peak = time.monotonic() - begun, usage.ru_maxrss * 1024
    if said is None:
        return {"outcome": "slow", "said": f"no answer after {patience:.0f} s"}, took, peak
    if os.WIFSIGNALED(status) or not said:
        number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        return {"outcome": "signal", "said": signal.Signals(number).name if number else f"ended, {status}"}, took, peak
    return json.loads(said), took, peak


def _be_child(work: Callable[[], Answer], out: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES, ADDRESSES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with open(os.devnull, "r+b") as nowhere:
        for stream in (0, 1, 2):
            os.dup2(nowhere.fileno(), stream)
    try:
        answer = work()
    except BaseException:  # noqa: BLE001 - whatever it is, it is counted
        answer = {"outcome": "traceback", "said": traceback.format_exc()}
    with os.fdopen(out, "wb") as pipe:
        pipe.write(json.dumps(answer).encode())
    os._exit(0)


def _heard(pipe: int, until: float) -> bytes | None:
    """All that the child says, or None if it has not ended by then."""
    parts: list[bytes] = []
    with os.fdopen(pipe, "rb", buffering=0) as file:
        while (left := until - time.monotonic()) > 0:
            if not select.select([file], [], [], left)[0]:
                continue
            if not (part := file.read(65536)):
                return b"".join(parts)
            parts.append(part)
    return None


def try_case(folder: Path, case: Case) -> Answer:
    """Read what a case holds, as the product does, and judge it."""
    with warnings.catch_warnings(record=True) as noted:
        warnings.simplefilter("always")
        try:
            verdict = READERS[case.reader](folder, case.facts)
        except LGAError as error:
            said = str(error)
            if "\n" in said or len(said) > LONGEST + 5:
                return {"outcome": "wrong", "said": f"not one short line: {said!r:.500}"}
            if case.sound:
                return {"outcome": "wrong", "said": f"refused, and nothing is wrong with it: {said}"}
            return {"outcome": "refused", "said": said}
    notes = [one for one in noted if not issubclass(one.category, ClipWarning)]
    if notes:
        return {"outcome": "traceback", "said": f"a warning: {notes[0].message}"}
    return _told(verdict, case, " ".join(str(one.message) for one in noted))


def _told(verdict: Verdict, case: Case, notes: str) -> Answer:
    if verdict.hidden and not notes:
        return {"outcome": "hidden", "said": verdict.trouble}
    if verdict.trouble or (notes and case.sound):
        return {"outcome": "named" if notes and not case.sound else "wrong", "said": f"{verdict.trouble} {notes}"}
    if notes:
        return {"outcome": "named", "said": notes}
    return {"outcome": "right" if verdict.known else "read", "said": ""}


def run_batch(plan: Sequence[tuple[int, str]], seed: int, keep: Path | None) -> Iterator[Finished]:
    """Make some cases in one child and read each in another, so that what making them took is not counted."""
    with tempfile.TemporaryDirectory(prefix="odd-files-", ignore_cleanup_errors=True) as place:
        folders = [Path(place, str(number)) for number, _ in plan]
        made, _, _ = in_child(
            lambda: {"cases": [_made(kind, folder, seed) for (_, kind), folder in zip(plan, folders, strict=True)]},
            len(plan) * PATIENCE,
        )
        if "cases" not in made:
            raise RuntimeError(f"cases {plan[0][0]} to {plan[-1][0]} cannot be made: {made['said']}")
        for (number, kind), folder, values in zip(plan, folders, made["cases"], strict=True):
            yield _read(number, kind, folder, Case(**values), keep)
            _remove(folder)


def _made(kind: str, folder: Path, seed: int) -> Answer:
    folder.mkdir()
    return asdict(MAKERS[kind](folder, Random(f"{seed}/{folder.name}")))


def _read(number: int, kind: str, folder: Path, case: Case, keep: Path | None) -> Finished:
    answer, took, peak = in_child(lambda: try_case(folder, case), PATIENCE)
    outcome: Outcome = answer["outcome"]
    if outcome not in BAD:
        outcome = "memory" if peak > MOST_BYTES else "slow" if took > MOST_SECONDS else outcome
    if keep is not None and outcome in BAD:
        shutil.copytree(folder, keep / f"{number}", symlinks=True, dirs_exist_ok=True)
    return Finished(number, kind, case.how, outcome, answer["said"], took, peak)


def _remove(folder: Path) -> None:
    """Remove a folder whatever its rights say."""
    for place, folders, _ in os.walk(folder):
        for one in folders:
            with suppress(OSError):
                os.chmod(os.path.join(place, one), 0o700)
    shutil.rmtree(folder, ignore_errors=True)


def planned(cases: int, kinds: Sequence[str]) -> list[tuple[int, str]]:
    """The number and kind of every case: each kind as often as its share says, in turn."""
    shares = {kind: SHARES.get(kind, 1.0) for kind in kinds}
    whole, due = sum(shares.values()), dict.fromkeys(kinds, 0.0)
    plan: list[tuple[int, str]] = []
    for number in range(cases):
        for kind in kinds:
            due[kind] += shares[kind] / whole
        chosen = max(due, key=lambda kind: due[kind])
        due[chosen] -= 1.0
        plan.append((number, chosen))
    return plan


def report(found: Sequence[Finished], console: Console) -> None:
    """A row for each kind, and a line for whatever must not come."""
    outcomes = ("right", "read", "named", "refused", "hidden", *BAD)
    table = Table("kind", "cases", *outcomes, "MiB at most", "s at most")
    for kind in [*dict.fromkeys(one.kind for one in found), "all"]:
        here = [one for one in found if kind in (one.kind, "all")]
        counts = Counter(one.outcome for one in here)
        cells = [str(counts[outcome]) for outcome in outcomes]
        peak, took = max(one.peak for one in here) >> 20, max(one.seconds for one in here)
        table.add_row(kind, str(len(here)), *cells, str(peak), f"{took:.1f}")
    console.print(table)
    for one in found:
        if one.outcome in BAD:
            console.print(
                f"{one.number} ({one.kind}: {one.how}): {one.outcome}: {one.said}", markup=False, soft_wrap=True
            )


def main() -> int:
    """Run the cases that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=6000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", nargs="+", choices=sorted(MAKERS), default=list(MAKERS))
    parser.add_argument("--only", nargs="+", type=int, help="these numbers of the cases alone")
    parser.add_argument("--keep", type=Path, help="folder for the files of cases with which something is wrong")
    parser.add_argument("--json", action="store_true", help="a line of JSON for each case as it is done")
    given = parser.parse_args()
    plan = planned(given.cases, given.kinds)
    if given.only is not None:
        plan = [plan[number] for number in given.only]
    found: list[Finished] = []
    for begin in range(0, len(plan), BATCH):
        for one in run_batch(plan[begin : begin + BATCH], given.seed, given.keep):
            found.append(one)
            if given.json:
                print(json.dumps(asdict(one)), flush=True)
    if not given.json:
        report(found, Console(width=160))
    return int(any(one.outcome in BAD for one in found))


if __name__ == "__main__":
    sys.exit(main())
