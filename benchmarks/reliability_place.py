"""Where commands are disturbed: inputs, a folder to write to, children that are killed, and a small disk.

Commands run in forked children of one process that has imported everything, so that a hundred kills take a minute.
"""

import ctypes
import json
import os
import resource
import signal
import sqlite3
import sys
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from lga.cli.main import main as lga

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


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended."""

    status: int
    """exit code; the negative number of a signal"""
    errors: str
    writes: int
    seconds: float

    @property
    def killed(self) -> bool:
        """Whether somebody ended it."""
        return self.status in (-signal.SIGKILL, -signal.SIGALRM)

    @property
    def trouble(self) -> str | None:
        """What is wrong with a run that nobody killed: anything but success, or one line and exit 1."""
        lines = [line for line in self.errors.splitlines() if line.startswith("lga: ")]
        if self.status == 0 or (self.status == 1 and len(lines) == 1 and "Traceback" not in self.errors):
            return None
        return f"exit {self.status}: {self.errors.strip()[-300:]}"


class Writes:
    """Counts what a process asks the disk or a database for, and ends it just before one of them, or soon after."""

    EVENTS = frozenset({"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "shutil.rmtree"})
    READING = ("SELECT", "PRAGMA", "--")

    def __init__(self, last: int | None, delay: float):
        self.count, self.last, self.delay = 0, last, delay
        sync, connect = os.fsync, sqlite3.connect
        sys.addaudithook(self.hear)

        def counted(handle: int) -> None:
            self.happened()
            sync(handle)

        def traced(*values: Any, **options: Any) -> sqlite3.Connection:
            connection = connect(*values, **options)
            connection.set_trace_callback(lambda text: None if text.startswith(self.READING) else self.happened())
            return connection

        os.fsync, sqlite3.connect = counted, traced

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        """What Python tells of everything that it does."""
        if event in self.EVENTS or (event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR)):
            self.happened()

    def happened(self) -> None:
        """One more."""
        self.count += 1
        if self.count == self.last:
            if not self.delay:
                os.kill(os.getpid(), signal.SIGKILL)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)  # which ends a process as SIGKILL does
            signal.setitimer(signal.ITIMER_REAL, self.delay)


def run(
    arguments: Sequence[str],
    place: Place,
    *,
    cache: Path | None = None,
    after: float | None = None,
    last_write: int | None = None,
    delay: float = 0.0,
    largest_file: int | None = None,
) -> Ended:
    """Run a command in a forked child, killed after so many seconds, or at a write, or so many seconds after that."""
    said, (reading, writing), began = place.inputs.parent / "errors", os.pipe(), time.monotonic()
    child = os.fork()
    if child == 0:
        try:
            begin(place, cache)
            _child(arguments, said, writing, last_write, delay, largest_file)
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


def begin(place: Place, cache: Path | None) -> None:
    """Be where a command runs, with its settings."""
    os.chdir(place.run)
    os.environ.update(LGA_CACHE=str(cache or place.cache), LGA_POSE=os.devnull, HF_HUB_OFFLINE="1", OMP_NUM_THREADS="1")


def _child(
    arguments: Sequence[str],
    said: Path,
    writing: int,
    last_write: int | None,
    delay: float,
    largest_file: int | None,
) -> None:
    nowhere, errors = os.open(os.devnull, os.O_WRONLY), os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(nowhere, 1)
    os.dup2(errors, 2)
    if largest_file is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
    writes = Writes(last_write, delay)
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
        begin(place, cache)
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


def write_clip(path: Path, pictures: Sequence[np.ndarray]) -> None:
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
                write_clip(folder / name, draw((len(rows) - 1) // 3, copy))
                rows.append(f"{name},{label},{name},{split}")
    (folder / "clips.csv").write_text("\n".join(rows))
    write_clip(folder / "long.mp4", [one for number in range(6) for one in draw(number, 1, 15)])
    names = [f"juggle {number} cups" for number in range(12)]
    (folder / "labels.txt").write_text("\n".join(names))
    (folder / "one.txt").write_text(names[0])
    own = {label: [f"A person does part {part} of it." for part in (1, 2, 3)] for label in ("wave", "kick ball")}
    (folder / "own.json").write_text(json.dumps(own))
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
        succeed(("teach", "taught", "--out", "more", "--frames", "4", *TOY), place)
        succeed(("actions", "add", "more", "jump", "jump/0.mp4"), place)
        succeed(("actions", "export", "more", "shared"), place)
        yield Place(inputs, Path(folder) / "run", model)
