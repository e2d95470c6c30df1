"""What commands leave when they are killed, when the disk is full, and when a bit of a file has flipped.

    python benchmarks/reliability.py [kill] [full] [flip] [--only NAME ...] [--kills 100] [--parts 200] [--rooms R ...]
                                     [--seed N] [--json]

kill: a command is ended by SIGKILL, half of the times at a random moment, half of them at a random one of its writes to
the disk (the system is told before each). Then every result must be the old one or the new one whole; after the same
command has run again, nothing may lie beside the results, and they must be those of a run that nobody disturbed.

full: the same command on a disk with too little room: a small tmpfs where this process may mount one, else a limit for
the size of a file. It must end with one line and exit 1, or have had enough room; nothing may be lost or left.

flip: one bit is changed in every two-hundredth of every file that is read back. It must be refused in one line, made
anew, or make no difference.

Commands run in forked children of one process that has imported everything, so that a hundred kills take a minute.
"""

import argparse
import ctypes
import json
import os
import resource
import shutil
import signal
import sys
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from lga.cli.main import main as lga
from lga.errors import LGAError
from lga.temporary import OWNER

ROOMS = (0.0, 0.05, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0)
"""How much room a command is given, as a share of what its results take; old and new ones are there at once."""
CRASHED = 99
"""The exit code of a command that ended with a traceback."""
DISK = 64 * 2**20
"""Bytes of the small disk."""
TOY = ("--backbone", "tiny", "--device", "cpu", "--motion", "flow")
LABELS = {"train": ("wave", "jump"), "val": ("clap", "sit down"), "test": ("kick ball", "open door")}


@dataclass(frozen=True, slots=True)
class Place:
    """Where things lie: inputs that all runs share, and the folder that a run may write to."""

    inputs: Path
    run: Path
    model: str
    """address of a language model"""

    @property
    def cache(self) -> Path:
        """The feature cache, which holds every clip."""
        return self.inputs / "cache"

    @property
    def manifest(self) -> str:
        """The table of clips."""
        return str(self.inputs / "clips.csv")


Read = Callable[[Path], object]
"""What a result says; raises what the product raises where it is damaged, FileNotFoundError where it is not there."""


def read_bytes(path: Path) -> object:
    """A file's content, or that of every file in a folder."""
    if path.is_dir():
        return {str(one.relative_to(path)): one.read_bytes() for one in sorted(path.rglob("*")) if one.is_file()}
    return path.read_bytes()


def either(value: object, before: object, after: object) -> bool:
    """Whether a result is the old one or the new one."""
    return value in (before, after)


def some_rows(value: object, before: object, after: object) -> bool:
    """Whether a table is the old one, or has rows of the new one: it is written while rows are found."""
    return value == before or (value is not None and set(value.splitlines()) <= set(after.splitlines()))


def grown(value: object, before: object, after: object) -> bool:
    """Whether nothing that was kept before is gone, and nothing is there that does not belong."""
    return (before or {}).items() <= (value or {}).items() <= after.items()


@dataclass(frozen=True, slots=True)
class Result:
    """A file or folder that a command writes: how it is read, and what it may be after a kill."""

    read: Read = read_bytes
    may_be: Callable[[object, object, object], bool] = either


@dataclass(frozen=True, slots=True)
class Command:
    """A command that is disturbed: its arguments, the one that leaves older results, and the results by name."""

    arguments: Callable[[Place], Sequence[str]]
    earlier: Callable[[Place], Sequence[str]] | None
    results: Mapping[str, Result]
    own_cache: bool = False
    """whether the feature cache is what it writes"""


def evaluate(place: Place, *, seed: int = 1) -> Sequence[str]:
    """Arguments of `lga evaluate`, with all that it writes."""
    drawn = ("--episodes", "20", "--ways", "2", "--queries", "1", "--frames", "4", "--seed", str(seed))
    written = ("--out", "out", "--report", "report.html", "--episodes-out", "episodes.jsonl")
    return ("evaluate", place.manifest, *TOY, *drawn, *written)


def train(place: Place, *, seed: int = 1) -> Sequence[str]:
    """Arguments of `lga train`."""
    episodes = ("--ways", "2", "--queries", "1", "--tasks", "12", "--validate-every", "4")
    size = ("--frames", "4", "--heads", "4", "--width", "0", "--validation-episodes", "100")
    return ("train", place.manifest, *TOY, *episodes, *size, "--seed", str(seed), "--out", "head")


def watch(place: Place, *, accept: str = "always") -> Sequence[str]:
    """Arguments of `lga watch`."""
    written = ("--video", "out.mp4", "--csv", "out.csv", "--srt", "out.srt")
    taught = (str(place.inputs / "actions"), str(place.inputs / "long.mp4"))
    return ("watch", *taught, *written, "--accept", accept, "--windows", "1.0", "--device", "cpu")


def ask(place: Place, *, file: str = "labels.txt") -> Sequence[str]:
    """Arguments of `lga anatomize`."""
    asked = ("--llm", place.model, "--model", "toy", "--jobs", "4")
    return ("anatomize", "--labels-file", str(place.inputs / file), *asked, "--out", "out.json")


def read_head(path: Path) -> object:
    """A checkpoint by its weights and its record, as `lga` loads them."""
    from lga.model.checkpoint import load_checkpoint

    found = load_checkpoint(path)
    return found.record.model_dump_json(), digest_of(found.head.state_dict())


def read_descriptions(path: Path) -> object:
    """What a file of descriptions says but for the dates."""
    return json.loads(path.read_text(), object_hook=lambda one: {k: v for k, v in one.items() if k != "date"})


def read_journal(path: Path) -> object:
    """What a language model replied to every question.

    Raises:
        LGAError: a line is damaged, which the command tells.
    """
    from lga.anatomy.journal import Journal

    journal = Journal(path)
    if journal.damaged:
        raise LGAError(f"{path}: damaged lines {journal.damaged}")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return {json.dumps(one["question"]): one["reply"]["text"] for one in lines}


def read_video(path: Path) -> object:
    """When every picture of a video is shown; its bytes depend on how the encoder's threads were scheduled."""
    import av

    with av.open(str(path)) as container:
        return [frame.time for frame in container.decode(video=0)]


def read_text(path: Path) -> object:
    """A text."""
    return path.read_text()


COMMANDS = {
    "extract": Command(
        lambda place: ("extract", place.manifest, "--frames", "4", *TOY), None, {}, own_cache=True
    ),
    "evaluate": Command(
        evaluate,
        partial(evaluate, seed=2),
        {"out": Result(), "report.html": Result(), "episodes.jsonl": Result()},
    ),
    "train": Command(train, partial(train, seed=2), {"head": Result(read_head), "head/test.json": Result()}),
    "watch": Command(
        watch,
        partial(watch, accept="suggested"),
        {
            "out.mp4": Result(read_video),
            "out.csv": Result(read_text, some_rows),
            "out.srt": Result(read_text, some_rows),
        },
    ),
    "anatomize": Command(
        ask,
        partial(ask, file="one.txt"),
        {"out.json": Result(read_descriptions), "out.json.journal": Result(read_journal, grown)},
    ),
}  # fmt: skip
"""What is killed, and runs on a full disk; a command of one's own is one more entry."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended."""

    status: int
    """exit code; the negative number of a signal"""
    errors: str
    writes: int
    seconds: float

    @property
    def trouble(self) -> str | None:
        """What is wrong with a run that nobody killed: anything but success, or one line and exit 1."""
        lines = [line for line in self.errors.splitlines() if line.startswith("lga: ")]
        if self.status == 0 or (self.status == 1 and len(lines) == 1 and "Traceback" not in self.errors):
            return None
        return f"exit {self.status}: {self.errors.strip()[-300:]}"


class Writes:
    """Counts what a process asks the disk for, and ends it just before one of them."""

    EVENTS = frozenset({"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "shutil.rmtree"})

    def __init__(self, last: int | None):
        self.count, self.last = 0, last
        sync = os.fsync
        sys.addaudithook(self.hear)

        def counted(handle: int) -> None:
            self.happened()
            sync(handle)

        os.fsync = counted

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        """What Python tells of everything that it does."""
        if event in self.EVENTS or (event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR)):
            self.happened()

    def happened(self) -> None:
        """One more."""
        self.count += 1
        if self.count == self.last:
            os.kill(os.getpid(), signal.SIGKILL)


def run(
    arguments: Sequence[str],
    place: Place,
    *,
    cache: Path | None = None,
    after: float | None = None,
    last_write: int | None = None,
    largest_file: int | None = None,
) -> Ended:
    """Run a command in a forked child, killed after so many seconds, or at a write."""
    said, (reading, writing), began = place.inputs.parent / "errors", os.pipe(), time.monotonic()
    child = os.fork()
    if child == 0:
        try:
            _begin(place, cache)
            _child(arguments, said, writing, last_write, largest_file)
        finally:
            os._exit(CRASHED)
    os.close(writing)
    if after is not None:
        time.sleep(after)
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    with os.fdopen(reading) as counted:
        writes = int(counted.read() or 0)
    return Ended(os.waitstatus_to_exitcode(status), said.read_text(errors="replace"), writes, time.monotonic() - began)


def _begin(place: Place, cache: Path | None) -> None:
    os.chdir(place.run)
    os.environ.update(LGA_CACHE=str(cache or place.cache), LGA_POSE=os.devnull, HF_HUB_OFFLINE="1", OMP_NUM_THREADS="1")


def _child(
    arguments: Sequence[str],
    said: Path,
    writing: int,
    last_write: int | None,
    largest_file: int | None,
) -> None:
    nowhere, errors = os.open(os.devnull, os.O_WRONLY), os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(nowhere, 1)
    os.dup2(errors, 2)
    if largest_file is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
    writes = Writes(last_write)
    code = CRASHED
    try:
        lga(arguments)
    except SystemExit as ended:
        code = int(ended.code or 0)
    finally:
        if code == CRASHED:
            traceback.print_exc()
    os.write(writing, str(writes.count).encode())
    sys.stderr.flush()
    os._exit(code)


def succeed(arguments: Sequence[str], place: Place, cache: Path | None = None) -> Ended:
    """Run a command that must succeed."""
    done = run(arguments, place, cache=cache)
    if done.status:
        raise SystemExit(f"{' '.join(arguments)}: {done.errors}")
    return done


def import_all(arguments: Sequence[str], place: Place, cache: Path | None) -> None:
    """Import here what a command imports, which a child finds out, so that later children need no time for it."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _begin(place, cache)
        with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
            with suppress(SystemExit):
                lga(arguments)
            os.write(writing, "\n".join(sys.modules).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as told:
        names = told.read().splitlines()
    os.waitpid(child, 0)
    with warnings.catch_warnings(action="ignore"):
        for name in names:
            with suppress(ImportError, AttributeError, RuntimeError):
                if not name.startswith(("__", "torch._inductor")):
                    import_module(name)


@dataclass(slots=True)
class Row:
    """What a disturbed command did wrong, in numbers, with the first cases in words."""

    name: str
    runs: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    cases: list[str] = field(default_factory=list)

    def add(self, what: str, case: str) -> None:
        """One more of a kind."""
        self.counts[what] += 1
        if len(self.cases) < 10:
            self.cases.append(f"{what}: {case}")


class Bed:
    """A command with the results of an earlier run and of one that nobody disturbed."""

    def __init__(self, command: Command, place: Place):
        self.command, self.place = command, place
        self.earlier = place.run.parent / "earlier"
        shutil.rmtree(self.earlier, ignore_errors=True)
        self.earlier.mkdir()
        self.reset()
        import_all(command.arguments(place), place, self.cache)
        self.reset()
        if command.earlier is not None:
            self.succeed(command.earlier(place))
            shutil.copytree(place.run, self.earlier, dirs_exist_ok=True)
        self.before = self.read()
        done = self.succeed(command.arguments(place))
        self.after, self.names = self.read(), self.listed()
        self.writes, self.seconds = done.writes, done.seconds
        self.size = sum(one.stat().st_size for one in place.run.rglob("*") if one.is_file())

    @property
    def cache(self) -> Path | None:
        """The feature cache, where the command writes it."""
        return self.place.run / "cache" if self.command.own_cache else None

    def reset(self) -> None:
        """The folder as it was before the command."""
        shutil.rmtree(self.place.run, ignore_errors=True)
        shutil.copytree(self.earlier, self.place.run)

    def run(self, **how: Any) -> Ended:
        """Run the command."""
        return run(self.command.arguments(self.place), self.place, cache=self.cache, **how)

    def succeed(self, arguments: Sequence[str]) -> Ended:
        """Run a command that must succeed."""
        return succeed(arguments, self.place, self.cache)

    def read(self) -> dict[str, object]:
        """What every result says; None where it is not there."""
        found: dict[str, object] = {}
        for name, result in self.command.results.items():
            there = (self.place.run / name).exists()
            found[name] = result.read(self.place.run / name) if there else None
        return found

    def listed(self) -> set[str]:
        """Every name in the folder; what SQLite keeps beside a file while it is open belongs to the file."""
        names = (str(one.relative_to(self.place.run)) for one in self.place.run.rglob("*"))
        return {name for name in names if not name.endswith(("-wal", "-shm"))}

    def judge_results(self, row: Row, when: str) -> None:
        """Count results that are neither the old nor the new one."""
        for name, result in self.command.results.items():
            there = (self.place.run / name).exists()
            try:
                value = result.read(self.place.run / name) if there else None
            except (LGAError, OSError, ValueError) as error:
                row.add("half there", f"{name}, {when}: {error}")
                continue
            if not result.may_be(value, self.before[name], self.after[name]):
                row.add("half there", f"{name}, {when}")

    def judge_next_run(self, row: Row, when: str) -> None:
        """Run again, undisturbed: the results must be what they are without a disturbance, and nothing else there."""
        done = self.run()
        if done.status or "damaged" in done.errors:
            row.add("next run fails", f"{when}: {done.errors.strip()[-300:]}")
            return
        for left in sorted(self.listed() - self.names):
            row.add("left over", f"{left}, {when}")
        if self.read() != self.after or self.names - self.listed():
            row.add("differs", f"{when}: {[name for name, one in self.read().items() if one != self.after[name]]}")


def kill_command(command: Command, place: Place, kills: int, random: Random, name: str) -> Row:
    """Kill a command so many times, and look what is there."""
    bed, row = Bed(command, place), Row(name)
    while row.runs < kills:
        bed.reset()
        by_time = row.runs % 2 == 0
        how = {"after": random.uniform(0, bed.seconds)} if by_time else {"last_write": random.randint(1, bed.writes)}
        done = bed.run(**how)
        if done.status != -signal.SIGKILL:
            continue  # it was faster this time
        row.runs += 1
        when = ", ".join(f"{key} {value:.4g}" for key, value in how.items())
        bed.judge_results(row, when)
        bed.judge_next_run(row, when)
    return row


def fill_disk(command: Command, place: Place, rooms: Sequence[float], name: str) -> Row:
    """Run a command with less room than it needs, and look what is there."""
    with small_disk(place.run.parent / "disk") as disk:
        here = Place(place.inputs, (disk or place.run.parent) / "run", place.model)
        bed, row = Bed(command, here), Row(name)
        for share in rooms:
            bed.reset()
            row.runs += 1
            ballast = here.run.parent / "ballast"
            if disk is None:
                done = bed.run(largest_file=int(share * 2**15))
            else:
                free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
                ballast.write_bytes(bytes(max(0, free - int(share * bed.size))))
                done = bed.run()
                ballast.unlink()
            when = f"with {share:.0%} of the room"
            if done.trouble:
                row.add("not one line", f"{when}: {done.trouble}")
            row.counts["refused"] += done.status == 1
            bed.judge_results(row, when)
            for left in (one for one in here.run.rglob(".*") if OWNER.search(one.name)):
                row.add("left over", f"{left.name}, {when}")
            bed.judge_next_run(row, when)
    return row


@contextmanager
def small_disk(place: Path) -> Iterator[Path | None]:
    """A disk of `DISK` bytes mounted at a place while the block lasts; None where this process may not mount."""
    library = ctypes.CDLL(None, use_errno=True)
    place.mkdir(exist_ok=True)
    mounted = sys.platform == "linux" and not library.mount(
        b"lga", os.fsencode(place), b"tmpfs", 0, f"size={DISK}".encode()
    )
    try:
        yield place if mounted else None
    finally:
        if mounted:
            library.umount2(os.fsencode(place), 2)


def digest_of(tensors: Mapping[str, torch.Tensor]) -> str:
    """The sha256 of named tensors."""
    whole = sha256()
    for name, one in sorted(tensors.items()):
        whole.update(name.encode() + one.detach().cpu().contiguous().numpy().tobytes())
    return whole.hexdigest()


Make = Callable[[Place], tuple[Path, Read]]
"""Writes something into the folder of a run: where, and how it is read."""


def make_state(place: Place) -> tuple[Path, Read]:
    """The state of a training run."""
    from lga.training.select import ValidationResult
    from lga.training.state import RunState, write_state

    random = torch.Generator().manual_seed(0)
    some = {f"layer.{number}": torch.randn(16, 16, generator=random) for number in range(4)}
    momenta = {f"layer.{number}.exp_avg": torch.randn(16, 16, generator=random) for number in range(4)}
    result = ValidationResult(task=4, head_weight=0.5, accuracy={1: 0.5}, mean=0.5)
    write_state(place.run / "state.safetensors", "key", RunState(8, some, momenta, some, result))
    return place.run / "state.safetensors", read_run_state


def read_run_state(path: Path) -> object:
    """What a run goes on from."""
    from lga.training.state import read_state

    state = read_state(path, "key")
    parts = [] if state is None else [digest_of(one) for one in (state.weights, state.momenta, state.best)]
    return parts and [*parts, state.task, state.best_result]


def made_episodes(place: Place) -> tuple[Path, Read]:
    """An episode list, replayed on the clips that it was drawn from."""
    from lga.datasets.episode_lists import read_episodes
    from lga.evaluation.research import load

    succeed(evaluate(place), place)
    _begin(place, None)
    clips = load(place.manifest, backbone="tiny").content

    def read(path: Path) -> object:
        episodes, protocol = read_episodes(path, clips)
        return [one.tolist() for one in (episodes.classes, episodes.query, episodes.support)], protocol

    return place.run / "episodes.jsonl", read


def read_taught(path: Path) -> object:
    """Taught actions, by all that recognition needs."""
    from lga.store.folder import load_actions

    actions = load_actions(path)
    tensors = {"text": actions.text, "frames": actions.frames}
    return digest_of(tensors), actions.anatomies, actions.examples, actions.method, actions.identity


def written_by(arguments: Callable[[Place], Sequence[str]], name: str, read: Read) -> Make:
    """What a command writes in the folder of a run."""

    def make(place: Place) -> tuple[Path, Read]:
        succeed(arguments(place), place)
        return place.run / name, read

    return make


READ_BACK: dict[str, Make] = {
    "checkpoint": written_by(train, "head", read_head),
    "run state": make_state,
    "journal": written_by(ask, "out.json.journal", read_journal),
    "episode list": made_episodes,
    "taught actions": written_by(
        lambda place: ("teach", str(place.inputs / "taught"), "--out", "actions", "--frames", "4", *TOY),
        "actions",
        read_taught,
    ),
}
"""What is read back; one more is one more entry. Of a folder every file is flipped, and the folder is read."""
NOT_READ = frozenset({"log.jsonl", "test.json"})
"""Files of a checkpoint's folder that are for people."""


def in_child(measure: Callable[[], Row]) -> Row:
    """Measure in a forked child: what torch begins when it computes does not survive a later fork."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            row = measure()
            os.write(writing, json.dumps([row.name, row.runs, row.counts, row.cases]).encode())
            os._exit(0)
        finally:
            traceback.print_exc()
            os._exit(CRASHED)
    os.close(writing)
    with os.fdopen(reading) as told:
        said = told.read()
    _, status = os.waitpid(child, 0)
    if status:
        raise SystemExit(f"reading what was flipped ended with {os.waitstatus_to_exitcode(status)}")
    name, runs, counts, cases = json.loads(said)
    return Row(name, runs, Counter(counts), cases)


def flip_bits(make: Make, place: Place, parts: int, random: Random, name: str) -> Row:
    """Flip a bit in every part of every file, and read."""
    shutil.rmtree(place.run, ignore_errors=True)
    place.run.mkdir()
    (path, read), row = make(place), Row(name)
    right = read(path)
    files = [path] if path.is_file() else [one for one in sorted(path.rglob("*")) if one.is_file()]
    for file in (one for one in files if one.name not in NOT_READ):
        data = file.read_bytes()
        for part in range(parts):
            start, end = part * len(data) // parts, (part + 1) * len(data) // parts
            at = random.randrange(start, end) if end > start else start
            file.write_bytes(data[:at] + bytes([data[at] ^ 1 << random.randrange(8)]) + data[at + 1 :])
            row.runs += 1
            what = _outcome(read, path, right)
            if what in ("accepted wrongly", "traceback"):
                row.add(what, f"{file.name}, byte {at} of {len(data)}")
            else:
                row.counts[what] += 1
        file.write_bytes(data)
    return row


def _outcome(read: Read, path: Path, right: object) -> str:
    try:
        found = read(path)
    except LGAError:  # always one line
        return "refused"
    except Exception:  # noqa: BLE001 - whatever it is, the user would see it
        return "traceback"
    return "no difference" if found == right else "accepted wrongly"


class LanguageModel(BaseHTTPRequestHandler):
    """Answers every question about a label with the same stages."""

    def do_POST(self) -> None:
        """One question."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        [*_, last] = [one for one in asked["messages"] if one["role"] == "user" and '"action"' in one["content"]]
        stages = [
            {"subject": "a person", "motion": motion, "object": "the cup", "sentence": f"A person {motion} {how}."}
            for motion, how in (
                ("raises", "the red cup in front of the chest with both hands"),
                ("tosses", "the cup upward and opens both palms wide"),
                ("catches", "the falling cup with one fist near the hip"),
            )
        ]
        text = json.dumps({"stages": stages[: json.loads(last["content"])["stages"]]})
        time.sleep(0.005)
        answer = {"choices": [{"message": {"content": text}, "finish_reason": "stop"}]}
        data = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def language_model() -> Iterator[str]:
    """A server in a process of its own while the block lasts; its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), LanguageModel)
    server.handle_error = lambda *_: None
    child = os.fork()
    if child == 0:
        server.serve_forever()
    server.server_close()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def draw(number: int, copy: int, count: int = 12) -> list[np.ndarray]:
    """Pictures in which a block of one colour for each action moves at a speed of its own."""
    pictures = np.full((count, 48, 64, 3), 20 * copy, np.uint8)
    for moment, one in enumerate(pictures):
        left = (3 + number) * moment % 48
        one[8 + 4 * copy : 24 + 4 * copy, left : left + 16, number % 3] = 40 * number + 40
    return list(pictures)


def write_video(path: Path, pictures: Sequence[np.ndarray]) -> None:
    """A clip of ten pictures a second."""
    from lga.video.write import VideoWriter

    with VideoWriter(path, fps=10) as writer:
        for number, picture in enumerate(pictures):
            writer.write(number / 10, picture)


def write_inputs(folder: Path) -> None:
    """A manifest of drawn clips, examples to teach, labels to ask about, and a longer video."""
    rows = ["path,label,group,split"]
    for split, labels in LABELS.items():
        for label in labels:
            for copy in range(3):
                name = f"{label}/{copy}.mp4"
                write_video(folder / name, draw((len(rows) - 1) // 3, copy))
                rows.append(f"{name},{label},{name},{split}")
    (folder / "clips.csv").write_text("\n".join(rows))
    write_video(folder / "long.mp4", [one for number in range(6) for one in draw(number, 1, 15)])
    names = [f"juggle {number} cups" for number in range(12)]
    (folder / "labels.txt").write_text("\n".join(names))
    (folder / "one.txt").write_text(names[0])
    taught = folder / "taught"
    taught.mkdir()
    for label in ("wave", "kick ball"):
        (taught / label).symlink_to(folder / label)


@contextmanager
def workplace() -> Iterator[Place]:
    """Inputs and a folder to write to, while the block lasts."""
    torch.set_num_threads(1)
    sys.dont_write_bytecode = True  # else writing the program counts as its writing
    with TemporaryDirectory(prefix="lga-reliability-") as folder, language_model() as model:
        inputs = Path(folder) / "inputs"
        inputs.mkdir()
        write_inputs(inputs)
        place = Place(inputs, inputs, model)
        succeed(("teach", "taught", "--out", "actions", "--frames", "4", *TOY), place)
        succeed(("extract", "clips.csv", "--frames", "4", *TOY), place)
        yield Place(inputs, Path(folder) / "run", model)


WAYS = {
    "kill": ("half there", "left over", "differs", "next run fails"),
    "full": ("refused", "not one line", "half there", "left over", "differs", "next run fails"),
    "flip": ("refused", "no difference", "accepted wrongly", "traceback"),
}
"""What is done, and what is counted."""


def measure(way: str, place: Place, wish: argparse.Namespace) -> list[Row]:
    """One table."""
    say, random = Console(stderr=True), Random(wish.seed)
    rows: list[Row] = []
    for name in READ_BACK if way == "flip" else COMMANDS:
        if wish.only and name not in wish.only:
            continue
        began = time.monotonic()
        if way == "kill":
            rows.append(kill_command(COMMANDS[name], place, wish.kills, random, name))
        elif way == "full":
            rows.append(fill_disk(COMMANDS[name], place, wish.rooms, name))
        else:
            rows.append(in_child(partial(flip_bits, READ_BACK[name], place, wish.parts, random, name)))
        say.print(f"{way} {name}: {rows[-1].runs} in {time.monotonic() - began:.0f} s")
        for case in rows[-1].cases:
            say.print(f"  {case}", soft_wrap=True, markup=False)
    return rows


def stop(*_: int | FrameType | None) -> None:
    """End as Ctrl-C does, so that the small disk and the server go."""
    raise KeyboardInterrupt


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ways", nargs="*", choices=[*WAYS, []], default=[])
    parser.add_argument("--only", nargs="*", default=())
    parser.add_argument("--kills", type=int, default=100, help="of each command")
    parser.add_argument("--parts", type=int, default=200, help="of each file, in each of which a bit is flipped")
    parser.add_argument("--rooms", type=float, nargs="*", default=ROOMS, help="shares of what the results take")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    wish = parser.parse_args()
    signal.signal(signal.SIGTERM, stop)
    with workplace() as place:
        found = {way: measure(way, place, wish) for way in (wish.ways or WAYS)}
    if wish.json:
        value = {
            way: [{"name": row.name, "runs": row.runs, **row.counts, "cases": row.cases} for row in rows]
            for way, rows in found.items()
        }
        print(json.dumps(value, indent=2))
        return
    for way, rows in found.items():
        table = Table(way, "runs", *WAYS[way])
        for row in rows:
            table.add_row(row.name, str(row.runs), *(str(row.counts[what]) for what in WAYS[way]))
        Console().print(table)


if __name__ == "__main__":
    main()
