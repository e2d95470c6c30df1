"""What becomes of taught actions when processes are killed, when many write at once, and when a bit flips.

    python benchmarks/reliability_actions.py kill|serve|together|flip [--times N] [--seconds S] [--seed N]

kill: each command that writes is killed N times, half of the times at a random moment and half within its write.
serve: a server with four clients beside two writers on the command line is killed N times, and a writer with it.
together: two servers with three clients each and two writers on the command line, for S seconds.
flip: N times one bit in every 1/200th of the database, of an exported file and of the files of version 0.1.0.

All processes are forked from one that has loaded everything, so that a kill meets a write and not an import.
"""

import argparse
import os
import random
import shutil
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from hashlib import sha256
from importlib.util import module_from_spec, spec_from_file_location
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import torch

from lga.actions import Actions
from lga.cli.main import run
from lga.config import BackboneConfig
from lga.errors import LGAError
from lga.features.cache import FeatureCache
from lga.recognizer import Recognizer
from lga.serve.app import open_app
from lga.serve.listen import address_of, listen, open_port
from lga.serve.settings import ServeConfig
from lga.store.folder import DATABASE, ActionsFolder, load_actions, save_actions
from lga.store.share import export_actions, import_actions

FORK = get_context("fork")
TINY = BackboneConfig(backbone="tiny")


def helpers(name: str) -> Any:
    """A module of the tests' that makes what is written here."""
    spec = spec_from_file_location(name, Path(__file__).parents[1] / "tests" / f"{name}.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TAUGHT, VIDEOS = helpers("taught"), helpers("video_files")


def draw(folder: Path, count: int) -> list[Path]:
    """Small clips, all of them different."""
    folder.mkdir()
    paths = []
    for number in range(count):
        pictures = np.random.default_rng(number).integers(0, 255, (9, 32, 32, 3), np.uint8)
        paths.append(VIDEOS.write_video(folder / f"{number}.mp4", list(pictures)))
    return paths


def leftovers(folder: Path, actions: Actions | None) -> list[str]:
    """What lies in or beside a folder and belongs to nothing."""
    needed = {DATABASE} | {f"clips/{Path(one.path).name}" for one in (() if actions is None else actions.examples)}
    inside = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    beside = {one.name for one in folder.parent.iterdir()} - {folder.name}
    return sorted((inside - needed) | beside)


def half_there(actions: Actions | None) -> int:
    """Kept clips that are missing or are others."""
    found = [] if actions is None else [one for one in actions.examples if "/clips/" in one.path and one.name]
    return sum(
        not Path(one.path).exists() or sha256(Path(one.path).read_bytes()).hexdigest() != one.digest for one in found
    )


def quiet(*arguments: object) -> int:
    """One command, without a word."""
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    return run([str(one) for one in arguments])


@contextmanager
def process(work: Callable[[], object]) -> Iterator[object]:
    """A forked process that does this."""
    one = FORK.Process(target=lambda: os._exit(0 if work() in (0, None) else 1))
    one.start()
    try:
        yield one
    finally:
        if one.is_alive():
            one.kill()
        one.join()


# --- kill -------------------------------------------------------------------------------------------------------------


def commands(place: Path, clips: list[Path]) -> dict[str, tuple[object, ...]]:
    """The commands that write, on a folder with two actions."""
    (place / "own.json").write_text('{"wave": ["A.", "B.", "C."], "jump": ["D.", "E.", "F."]}')
    return {
        "add": ("add", "wave", *clips[4:7]),
        "add --keep-clips": ("add", "new", *clips[4:7], "--keep-clips"),
        "remove": ("remove", "jump"),
        "describe": ("describe", place / "own.json"),
        "rename": ("rename", "wave", "wink"),
    }


def kill(place: Path, times: int, seed: int) -> None:
    """The kill matrix of single commands."""
    clips = draw(place / "drawn", 8)
    os.environ["LGA_CACHE"] = str(place / "cache")
    examples = {"wave": clips[:2], "jump": clips[2:4]}
    actions, _ = Recognizer(TINY, cache=FeatureCache(place / "cache")).teach(examples)
    print("| command | killed | old | new | half there | left after the next run |")
    print("|---|---|---|---|---|---|")
    for name, arguments in commands(place, clips).items():
        print(f"| {name} |", *killed_row(place, actions, arguments, times, random.Random(seed)), sep=" ", flush=True)


def killed_row(
    place: Path, actions: Actions, arguments: tuple[object, ...], times: int, chance: random.Random
) -> list[object]:
    """One row of the matrix: N kills of one command, each on a folder of its own."""
    count: Counter[str] = Counter()
    original = ActionsFolder.change
    folder, (came, told) = place / "run" / "taught", os.pipe()
    verb, *rest = arguments

    def announced(self: ActionsFolder, *values: object, **options: object) -> Actions | None:
        os.write(told, b"x")
        return original(self, *values, **options)

    def fresh(turn: int) -> Actions:
        shutil.rmtree(folder.parent, ignore_errors=True)
        folder.parent.mkdir()
        if turn % 2:
            TAUGHT.write_format1(actions, folder)
        else:
            save_actions(actions, folder, keep=[one.path for one in actions.examples])
        return load_actions(folder)

    def spans() -> tuple[float, float]:
        fresh(0)
        began = time.monotonic()
        with process(lambda: quiet("actions", verb, folder, *rest)) as one:
            os.read(came, 1)
            begun = time.monotonic()
            one.join()
        return begun - began, time.monotonic() - begun

    ActionsFolder.change = announced
    try:
        spans()  # the first run fills the cache
        before, within = spans()
        turn = 0
        while count["killed"] < times:
            turn += 1
            old = fresh(turn)
            with process(lambda: quiet("actions", verb, folder, *rest)) as one:
                if turn % 4 < 2:
                    time.sleep(chance.uniform(0, before + within))
                else:
                    os.read(came, 1)
                    time.sleep(chance.uniform(0, within))
                os.kill(one.pid, signal.SIGKILL)
                one.join()
            os.set_blocking(came, False)
            with suppress(BlockingIOError):
                os.read(came, 9)
            os.set_blocking(came, True)
            count["killed"] += one.exitcode == -signal.SIGKILL
            found = load_actions(folder)
            is_old = TAUGHT.same(found, old)
            count["old" if is_old else "new"] += 1
            count["half"] += half_there(found) + (not is_old and not complete(verb, old, found))
            left = ActionsFolder(folder).change(lambda now: now.with_examples(range(1, len(now.examples))))
            count["left"] += len(leftovers(folder, left))
    finally:
        ActionsFolder.change = original
    return [count["killed"], "|", count["old"], "|", count["new"], "|", count["half"], "|", count["left"], "|"]


def complete(verb: object, old: Actions, new: Actions) -> bool:
    """Whether all of a command is done."""
    match verb:
        case "add":
            return len(new.examples) == len(old.examples) + 3
        case "remove":
            return new.labels == ("wave",)
        case "describe":
            return [one.sentences[0] for one in new.anatomies] == ["A.", "D."]
        case _:
            return new.labels == ("wink", "jump") and len(new.examples) == len(old.examples)


# --- serve and together -----------------------------------------------------------------------------------------------


@contextmanager
def server(folder: Path) -> Iterator[tuple[str, object]]:
    """A server in a process of its own: its address, and the process."""
    config = ServeConfig(port=0, queue=200)
    with closing(open_port(config)) as port:
        ready, tell = os.pipe()

        def work() -> None:
            with open_app(folder, config, backbone=TINY) as app:
                listen(app, port, config, ready=lambda: os.write(tell, b"x"))

        with process(work) as one:
            address = address_of(port)
            port.close()  # or it would take calls after the server is dead
            os.read(ready, 1)
            yield address, one
    os.close(ready)
    os.close(tell)


class Ledger:
    """What was acknowledged: labels with the number of their examples, and what is unsure as its writer was killed."""

    def __init__(self):
        self.there: dict[str, int] = {}
        self.unsure: set[str] = set()
        self.done = 0
        self.refused: Counter[str] = Counter()


def client(address: str, name: str, clips: list[Path], ledger: Ledger, stop: threading.Event) -> None:
    """Teach, add, rename and remove over HTTP until told to stop; each client has labels of its own."""
    chance, number = random.Random(name), 0
    with httpx.Client(base_url=address, timeout=60) as http:
        while not stop.is_set():
            number += 1
            label = f"{name} {number}"
            ledger.unsure |= {label, f"{label} b"}
            try:
                clip = chance.choice(clips)
                form = [("clips", (clip.name, clip.read_bytes(), "video/mp4"))]
                note(ledger, http.post(f"/actions/{label}/examples", files=form), label, 1)
                if number % 3 == 0:
                    answer = http.patch(f"/actions/{label}", json={"label": f"{label} b"})
                    if note(ledger, answer, f"{label} b", ledger.there.pop(label, 0)):
                        ledger.there.pop(label, None)
                elif number % 3 == 1 and note(ledger, http.delete(f"/actions/{label}"), label, 0):
                    ledger.there.pop(label, None)
            except httpx.TransportError:
                ledger.there.pop(label, None)
                return
            ledger.unsure -= {label, f"{label} b"}


def note(ledger: Ledger, answer: httpx.Response, label: str, examples: int) -> bool:
    """Write down what was acknowledged."""
    if answer.status_code >= 300:
        ledger.refused[answer.text[:150]] += 1
        return False
    ledger.done += 1
    if examples:
        ledger.there[label] = examples
    return True


def writer(folder: Path, name: str, clips: list[Path], log: Path, until: float) -> None:
    """Add and remove on the command line until then; what is done is written down, begun things too."""
    number, chance = 0, random.Random(name)
    with log.open("a", buffering=1) as lines:
        while time.time() < until:
            number += 1
            label = f"{name} {number}"
            lines.write(f"begin {label}\n")
            code = quiet("actions", "add", folder, label, chance.choice(clips), "--keep-clips")
            lines.write(f"{'there' if code == 0 else 'refused'} {label}\n")
            if number % 2 and code == 0:
                lines.write(f"begin {label}\n")
                code = quiet("actions", "remove", folder, label)
                lines.write(f"{'gone' if code == 0 else 'refused'} {label}\n")


def read_log(log: Path, ledger: Ledger) -> None:
    """Add a writer's notes to what was acknowledged."""
    for line in log.read_text().splitlines():
        what, _, label = line.partition(" ")
        ledger.unsure -= {label}
        match what:
            case "begin":
                ledger.unsure.add(label)
                ledger.there.pop(label, None)
            case "there":
                ledger.there[label] = 1
                ledger.done += 1
            case "gone":
                ledger.done += 1
            case _:
                ledger.refused[line] += 1


def lost(folder: Path, ledgers: list[Ledger], known: set[str]) -> tuple[int, int, int]:
    """How much of what was acknowledged is not on disk, how much is there that was not, and clips half there."""
    actions = load_actions(folder)
    found = Counter(one.label for one in actions.examples)
    there = {label: count for one in ledgers for label, count in one.there.items()}
    unsure = {label for one in ledgers for label in one.unsure}
    missing = sum(found[label] != count for label, count in there.items() if label not in unsure)
    return missing, len(set(actions.labels) - set(there) - unsure - known), half_there(actions)


def serve(place: Path, times: int, seed: int) -> None:
    """The kill matrix of a server with four clients beside two writers on the command line."""
    clips, chance, count = draw(place / "drawn", 8), random.Random(seed), Counter[str]()
    os.environ["LGA_CACHE"] = str(place / "cache")
    actions, _ = Recognizer(TINY, cache=FeatureCache(place / "cache")).teach({"wave": clips[:2]})
    folder, refused = place / "run" / "taught", Counter[str]()
    for turn in range(times):
        shutil.rmtree(folder.parent, ignore_errors=True)
        save_actions(actions, folder)
        ledgers, stop = [Ledger() for _ in range(6)], threading.Event()
        logs = [place / f"log {turn} {number}" for number in range(2)]
        with server(folder) as (address, one):
            threads = [
                threading.Thread(target=client, args=(address, f"client {n}", clips, ledgers[n], stop))
                for n in range(4)
            ]
            until = time.time() + 2
            jobs = [(folder, f"line {n}", clips, logs[n], until) for n in range(2)]
            with (
                process(lambda jobs=jobs: writer(*jobs[0])) as first,
                process(lambda jobs=jobs: writer(*jobs[1])) as last,
            ):
                for each in threads:
                    each.start()
                time.sleep(chance.uniform(0.2, 1.2))
                os.kill(one.pid, signal.SIGKILL)
                os.kill(first.pid, signal.SIGKILL)
                stop.set()
                for each in threads:
                    each.join()
                last.join()
        for number, log in enumerate(logs):
            read_log(log, ledgers[4 + number])
        missing, more, half = lost(folder, ledgers, {"wave"})
        with process(lambda: quiet("actions", "remove", folder, "wave")) as after:
            after.join()
        count += Counter(killed=1, done=sum(each.done for each in ledgers), lost=missing, more=more, half=half)
        count["left"] += len(leftovers(folder, load_actions(folder)))
        for each in ledgers:
            refused += each.refused
    print(
        f"servers killed {times}, with a writer each; acknowledged {count['done']}, lost {count['lost']}, "
        f"there without being asked for {count['more']}, half there {count['half']}, left over {count['left']}"
    )
    print("refused:", dict(refused) or "nothing")


def together(place: Path, seconds: float) -> None:
    """Two servers and the command line, eight writers."""
    clips = draw(place / "drawn", 8)
    os.environ["LGA_CACHE"] = str(place / "cache")
    actions, _ = Recognizer(TINY, cache=FeatureCache(place / "cache")).teach({"wave": clips[:2]})
    folder = place / "run" / "taught"
    save_actions(actions, folder)
    ledgers, stop = [Ledger() for _ in range(8)], threading.Event()
    logs = [place / f"log {number}" for number in range(2)]
    with server(folder) as (one, _), server(folder) as (other, _):
        until = time.time() + seconds
        jobs = [(folder, f"line {n}", clips, logs[n], until) for n in range(2)]
        with process(lambda: writer(*jobs[0])) as first, process(lambda: writer(*jobs[1])) as last:
            threads = [
                threading.Thread(target=client, args=((one, other)[n % 2], f"client {n}", clips, ledgers[n], stop))
                for n in range(6)
            ]
            for each in threads:
                each.start()
            time.sleep(seconds)
            stop.set()
            for each in (*threads, first, last):
                each.join()
        seen = [sorted(each["label"] for each in httpx.get(f"{at}/actions").json()["actions"]) for at in (one, other)]
    for number, log in enumerate(logs):
        read_log(log, ledgers[6 + number])
    missing, more, half = lost(folder, ledgers, {"wave"})
    found = load_actions(folder)
    print(
        f"{seconds:.0f} s, two servers, 8 writers: acknowledged {[one.done for one in ledgers]}, lost {missing}, "
        f"there without being asked for {more}, half there {half}, left over {len(leftovers(folder, found))}; "
        f"both servers show what is on disk: {seen[0] == seen[1] == sorted(found.labels)}"
    )
    print("refused:", dict(sum((one.refused for one in ledgers), Counter())) or "nothing")


# --- flip -------------------------------------------------------------------------------------------------------------


def flip(place: Path, times: int, seed: int) -> None:
    """The corruption matrix."""
    chance = random.Random(seed)
    wanted = replace(TAUGHT.with_head(), motion=TAUGHT.make(motion=True).motion)
    save_actions(wanted, place / "taught")
    export_actions(wanted, place / "shared")
    shared = import_actions(place / "shared")
    old = TAUGHT.write_format1(wanted, place / "old")
    files = {
        place / "taught" / DATABASE: (lambda: load_actions(place / "taught"), wanted),
        place / "shared": (lambda: import_actions(place / "shared"), shared),
        **{path: (lambda: load_actions(old), wanted) for path in sorted(old.iterdir())},
    }
    print("| file | bytes | flips | refused | the same answers | wrong |")
    print("|---|---|---|---|---|---|")
    for path, (load, right) in files.items():
        whole, count = path.read_bytes(), Counter[str]()
        for turn in range(200 * times):
            data, part = bytearray(whole), turn % 200
            first, last = part * len(data) // 200, (part + 1) * len(data) // 200
            data[chance.randrange(first, max(last, first + 1))] ^= 1 << chance.randrange(8)
            path.write_bytes(data)
            try:
                count["same" if TAUGHT.same(load(), right) else "wrong"] += 1
            except LGAError:
                count["refused"] += 1
        path.write_bytes(whole)
        print(
            f"| {path.name} | {len(whole)} | {200 * times} | {count['refused']} | {count['same']} | {count['wrong']} |"
        )


def main() -> None:
    """Read the flags and do what they ask for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("kill", "serve", "together", "flip"))
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        match given.what:
            case "kill":
                kill(Path(name), given.times, given.seed)
            case "serve":
                serve(Path(name), given.times, given.seed)
            case "together":
                together(Path(name), given.seconds)
            case _:
                flip(Path(name), given.times, given.seed)


if __name__ == "__main__":
    main()
