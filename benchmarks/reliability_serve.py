"""Servers that are killed, that write beside others, and whose disk is full: what was acknowledged must be there."""

import os
import random
import shutil
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from hashlib import sha256
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path

import httpx
from reliability_place import TOY, Place, Row, begin, run, small_disk, succeed

from lga.cli.main import run as lga
from lga.config import BackboneConfig
from lga.serve.app import open_app
from lga.serve.listen import address_of, listen, open_port
from lga.serve.settings import ServeConfig
from lga.store.folder import DATABASE, load_actions

FORK = get_context("fork")
TINY = BackboneConfig(backbone="tiny")
TAUGHT = ("wave", "kick ball")
"""What is taught before anything begins."""
ROOM = 2**19
"""Bytes that a request to teach a few clips surely does not need more of."""


@contextmanager
def process(work: Callable[[], object]) -> Iterator[BaseProcess]:
    """A forked process that does this; it is killed when the block ends, if it still runs."""
    one = FORK.Process(target=lambda: os._exit(0 if work() in (0, None) else 1))
    one.start()
    try:
        yield one
    finally:
        if one.is_alive():
            one.kill()
        one.join()


@contextmanager
def server(folder: Path, temporary: Path) -> Iterator[tuple[str, BaseProcess]]:
    """A server in a process of its own, with a folder for its temporary files: its address, and the process."""
    config = ServeConfig(port=0, queue=200)
    with closing(open_port(config)) as port:
        ready, tell = os.pipe()

        def work() -> None:
            tempfile.tempdir = str(temporary)
            with open(os.devnull, "w") as nowhere:
                os.dup2(nowhere.fileno(), 2)
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

    def note(self, answer: httpx.Response, label: str, examples: int) -> bool:
        """Write down what a server said."""
        if answer.status_code >= 300:
            self.refused[f"{answer.status_code} {answer.text[:150]}"] += 1
            return False
        self.done += 1
        if examples:
            self.there[label] = examples
        return True

    def read(self, log: Path) -> None:
        """Add the notes of a `writer`."""
        for line in log.read_text().splitlines():
            what, _, label = line.partition(" ")
            self.unsure -= {label}
            match what:
                case "begin":
                    self.unsure.add(label)
                    self.there.pop(label, None)
                case "there":
                    self.there[label] = 1
                    self.done += 1
                case "gone":
                    self.done += 1
                case _:
                    self.refused[line] += 1


def client(address: str, name: str, clips: Sequence[Path], ledger: Ledger, stop: threading.Event) -> None:
    """Teach, rename and remove over HTTP until told to stop; each client has labels of its own."""
    chance, number = random.Random(name), 0
    with httpx.Client(base_url=address, timeout=60) as http:
        while not stop.is_set():
            number += 1
            label = f"{name} {number}"
            ledger.unsure |= {label, f"{label} b"}
            try:
                ledger.note(teach(http, label, chance.choice(clips)), label, 1)
                if number % 3 == 0:
                    answer = http.patch(f"/actions/{label}", json={"label": f"{label} b"})
                    if ledger.note(answer, f"{label} b", ledger.there.pop(label, 0)):
                        ledger.there.pop(label, None)
                elif number % 3 == 1 and ledger.note(http.delete(f"/actions/{label}"), label, 0):
                    ledger.there.pop(label, None)
            except httpx.TransportError:
                ledger.there.pop(label, None)
                return
            ledger.unsure -= {label, f"{label} b"}


def teach(http: httpx.Client, label: str, clip: Path) -> httpx.Response:
    """Ask to teach a clip."""
    return http.post(f"/actions/{label}/examples", files=[("clips", (clip.name, clip.read_bytes(), "video/mp4"))])


def writer(folder: Path, name: str, clips: Sequence[Path], log: Path, until: float) -> None:
    """Add and remove on the command line until then; what is done is written down, begun things too."""
    number, chance = 0, random.Random(name)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    with log.open("a", buffering=1) as lines:
        while time.time() < until:
            number += 1
            label = f"{name} {number}"
            lines.write(f"begin {label}\n")
            code = lga(["actions", "add", str(folder), label, str(chance.choice(clips)), "--keep-clips"])
            lines.write(f"{'there' if code == 0 else 'refused'} {label}\n")
            if number % 2 and code == 0:
                lines.write(f"begin {label}\n")
                code = lga(["actions", "remove", str(folder), label])
                lines.write(f"{'gone' if code == 0 else 'refused'} {label}\n")


@contextmanager
def writing(
    folder: Path, addresses: Sequence[str], clips: Sequence[Path], logs: Path, *, clients: int, seconds: float
) -> Iterator[tuple[list[Ledger], list[BaseProcess], threading.Event]]:
    """Clients of servers and two command lines that write for some seconds, or until they are told to stop."""
    ledgers, stop, until = [Ledger() for _ in range(clients + 2)], threading.Event(), time.time() + seconds
    threads = [
        threading.Thread(
            target=client, args=(addresses[number % len(addresses)], f"client {number}", clips, ledgers[number], stop)
        )
        for number in range(clients)
    ]
    names = [logs / f"log {number}" for number in range(2)]
    with ExitStack() as stack:
        lines = [
            stack.enter_context(
                process(lambda number=number, log=log: writer(folder, f"line {number}", clips, log, until))
            )
            for number, log in enumerate(names)
        ]
        for one in threads:
            one.start()
        yield ledgers, lines, stop
        stop.set()
        for one in (*threads, *lines):
            one.join()
    for ledger, log in zip(ledgers[clients:], names, strict=True):
        ledger.read(log)


def judge(row: Row, folder: Path, ledgers: Sequence[Ledger], when: str) -> None:
    """Count what was acknowledged and is not there, what is there unasked, and what is half there or left over."""
    actions = load_actions(folder)
    found = Counter(one.label for one in actions.examples)
    there = {label: count for one in ledgers for label, count in one.there.items()}
    unsure = {label for one in ledgers for label in one.unsure}
    row.counts["acknowledged"] += sum(one.done for one in ledgers)
    for label in (label for label, count in there.items() if label not in unsure and found[label] != count):
        row.add("lost", f"{label}, {when}")
    for label in set(actions.labels) - set(there) - unsure - set(TAUGHT):
        row.add("differs", f"{label} is there unasked, {when}")
    kept = [Path(one.path) for one in actions.examples if one.name]
    digests = {one.path: one.digest for one in actions.examples}
    for one in kept:
        if not one.exists() or sha256(one.read_bytes()).hexdigest() != digests[str(one)]:
            row.add("half there", f"{one.name}, {when}")
    needed = {folder / DATABASE, *kept}
    for one in (one for one in folder.rglob("*") if one.is_file() and one not in needed):
        row.add("left over", f"{one.name}, {when}")
    for one in ledgers:
        for said, count in one.refused.items():
            row.counts["told to teach again"] += count * ("again" in said or "teach" in said)
            row.add("next run fails", f"{count} times {said}, {when}")


def clips_of(place: Place) -> list[Path]:
    """Clips to teach."""
    return sorted(
        one for one in place.inputs.rglob("*.mp4") if one.parent.name not in TAUGHT and one.parent != place.inputs
    )


def start_anew(place: Place) -> Path:
    """The folder with nothing in it but what was taught at first."""
    shutil.rmtree(place.run, ignore_errors=True)
    (place.run / "temporary").mkdir(parents=True)
    succeed(("teach", str(place.inputs / "taught"), "--out", "actions", "--frames", "4", *TOY), place)
    begin(place, None)
    return place.run / "actions"


def kill_servers(place: Place, kills: int, chance: random.Random) -> Row:
    """Kill a server with four clients, and one of two command lines that write beside it."""
    row, clips = Row("serve"), clips_of(place)
    for turn in range(kills):
        folder = start_anew(place)
        temporary = place.run / "temporary"
        with (
            server(folder, temporary) as (address, one),
            writing(folder, [address], clips, place.run, clients=4, seconds=2) as (ledgers, lines, stop),
        ):
            time.sleep(chance.uniform(0.2, 1.2))
            for victim in (one, lines[0]):
                os.kill(victim.pid or 0, signal.SIGKILL)
            stop.set()
        row.runs += 1
        done = run(("actions", "remove", "actions", "wave"), place)
        if done.status:
            row.add("next run fails", f"turn {turn}: {done.errors[-300:]}")
        judge(row, folder, ledgers, f"turn {turn}")
        with server(folder, temporary):
            pass
        for left in _owners_gone(temporary):
            row.add("left over", f"{left}, turn {turn}")
    return row


def _owners_gone(temporary: Path) -> list[str]:
    """What lies there beside the folder of the server that was started last, which was killed just now."""
    return [one.name for one in sorted(temporary.iterdir())[1:]]


def write_together(place: Place, seconds: float) -> Row:
    """Two servers with three clients each and two command lines, for some seconds."""
    row, clips, folder = Row("serve"), clips_of(place), start_anew(place)
    with server(folder, place.run / "temporary") as (first, _), server(folder, place.run / "temporary") as (second, _):
        with writing(folder, [first, second], clips, place.run, clients=6, seconds=seconds) as (ledgers, _, _):
            time.sleep(seconds)
        row.runs += 1
        judge(row, folder, ledgers, "at the end")
        for address in (first, second):
            seen = {one["label"] for one in httpx.get(f"{address}/actions").json()["actions"]}
            if seen != set(load_actions(folder).labels):
                row.add("differs", f"{address} shows something else than is on the disk")
    return row


def fill_disk_of_server(place: Place, rooms: Sequence[float]) -> Row:
    """Teach over HTTP while the disk is full: refused in one line or done; the server goes on."""
    row, clips = Row("serve"), clips_of(place)
    with small_disk(place.run.parent / "disk") as disk:
        if disk is None:
            return row
        here = Place(place.inputs, disk / "run", place.model)
        folder, ballast, ledger = start_anew(here), disk / "ballast", Ledger()
        with server(folder, here.run / "temporary") as (address, one), httpx.Client(base_url=address) as http:
            for number, share in enumerate(rooms):
                row.runs += 1
                when = f"with {share * ROOM / 1024:.0f} KiB"
                room = os.statvfs(disk)
                ballast.write_bytes(bytes(max(0, room.f_bavail * room.f_frsize - int(share * ROOM))))
                answer = teach(http, f"full {number}", clips[number % len(clips)])
                ballast.unlink()
                if not ledger.note(answer, f"full {number}", 1):
                    row.counts["refused"] += 1
                    if answer.status_code != 500 or "\n" in answer.json()["error"]:
                        row.add("not one line", f"{answer.status_code} {answer.text}, {when}")
                if not ledger.note(teach(http, f"after {number}", clips[number % len(clips)]), f"after {number}", 1):
                    row.add("next run fails", f"{when}: {answer.text}")
            os.kill(one.pid or 0, signal.SIGINT)
            one.join()
        ledger.refused.clear()
        judge(row, folder, [ledger], "at the end")
        for left in (here.run / "temporary").iterdir():
            row.add("left over", left.name)
    return row
