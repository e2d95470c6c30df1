"""What commands leave when they are killed, when the disk is full, and when a bit of a file has flipped.

    python benchmarks/reliability.py [kill] [full] [flip] [together] [--only NAME ...] [--kills 100] [--parts 200]
                                     [--rooms R ...] [--seconds 120] [--seed N] [--json]

kill: a command is ended by SIGKILL, half of the times at a random moment, half of them at a random one of its writes to
the disk or to a database (which tell before each), or up to 4 ms later. Then every result must be the old one or the
new one whole; after the same command has run again, nothing may lie beside the results, and they must be those of a run
that nobody disturbed. Where the same command twice is another thing, another one is run. Of servers, four clients and
two command lines write at once, and what was acknowledged must be there.

full: the same command on a disk with too little room: a small tmpfs where this process may mount one, else a limit for
the size of a file. It must end with one line and exit 1, or have had enough room; nothing may be lost or left.

flip: one bit is changed in every two-hundredth of every file that is read back. It must be refused in one line, made
anew, or make no difference.

together: two servers with three clients each and two command lines change one folder. What was acknowledged must be
there, and nothing else.
"""

import argparse
import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any

import torch
from borrowed import TAUGHT
from reliability_place import TOY, Ended, Place, Row, begin, import_all, in_child, run, small_disk, succeed, workplace
from reliability_serve import fill_disk_of_server, kill_servers, write_together
from rich.console import Console
from rich.table import Table

from lga.errors import LGAError
from lga.features.store import FeatureStore
from lga.store.folder import load_actions, save_actions
from lga.store.share import export_actions, import_actions
from lga.temporary import OWNER

ROOMS = (0.0, 0.05, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0)
"""How much room a command is given, as a share of what its results take; old and new ones are there at once."""
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
    """A command that is disturbed: its arguments, what leaves older results, and the results by name."""

    arguments: Callable[[Place], Sequence[str]]
    earlier: Callable[[Place], object] | None
    results: Mapping[str, Result]
    next: Callable[[Place], Sequence[str]] | None = None
    """what is run after a kill, where that is not the same command"""
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


def teach(place: Place, *, frames: int = 4) -> Sequence[str]:
    """Arguments of `lga teach`."""
    return ("teach", str(place.inputs / "taught"), "--out", "actions", "--frames", str(frames), "--keep-clips", *TOY)


def change(*words: str, clips: Sequence[str] = ()) -> Callable[[Place], Sequence[str]]:
    """Arguments of `lga actions`, with some of the inputs."""
    return lambda place: ("actions", *words, *(str(place.inputs / one) for one in clips))


def after(earlier: Callable[[Place], Sequence[str]]) -> Callable[[Place], object]:
    """A command that has to succeed first."""
    return lambda place: succeed(earlier(place), place)


def teach_as_first_version(place: Place) -> None:
    """What `lga teach` writes, as 0.1.0 wrote it."""
    TAUGHT.write_format1(load_actions(place.inputs / "actions"), place.run / "actions")


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


def read_taught(path: Path) -> object:
    """Taught actions, by all that recognition needs, and the clips that they keep.

    Raises:
        LGAError: a clip is missing or another one.
    """
    found = load_actions(path)
    for one in found.examples:
        if one.name and sha256(Path(one.path).read_bytes()).hexdigest() != one.digest:
            raise LGAError(f"{one.path}: another clip")
    return _told(found)


def read_shared(path: Path) -> object:
    """The same of an exported file."""
    return _told(import_actions(path))


def _told(actions: Any) -> object:
    tensors = {"text": actions.text, "frames": actions.frames}
    tensors |= {} if actions.motion is None else {"motion": actions.motion}
    tensors |= {} if actions.head is None else actions.head.state_dict()
    return digest_of(tensors), actions.anatomies, actions.examples, actions.method, actions.identity


def read_features(path: Path) -> object:
    """What a feature cache holds, read from a copy of it: whoever reads a damaged one changes it.

    Raises:
        LGAError: some of it is damaged.
    """
    with TemporaryDirectory() as folder:
        copy = shutil.copytree(path, Path(folder) / "cache")
        store = FeatureStore(copy)
        keys = [key for key, _ in store.rows()]
        found = {str(key): digest_of({"": one.features}) + str(one.times) for key, one in store.find(keys).items()}
        checked = store.check()
        if len(found) != len(keys) or checked.damaged or store.damaged or store.notes or store.troubles:
            raise LGAError(f"{path}: {checked}, {store.damaged} found damaged, {store.notes}, {store.troubles}")
    return found


def read_text(path: Path) -> object:
    """A text."""
    return path.read_text()


def changed(*words: str, clips: Sequence[str] = ()) -> Command:
    """A change to taught actions, after which another one is made."""
    following = change("add", "actions", "next", clips=("sit down/0.mp4",))
    return Command(change(*words, clips=clips), after(teach), {"actions": Result(read_taught)}, next=following)


COMMANDS = {
    "extract": Command(
        lambda place: ("extract", place.manifest, "--frames", "4", *TOY),
        None,
        {"cache": Result(read_features, grown)},
        own_cache=True,
    ),
    "evaluate": Command(
        evaluate,
        after(partial(evaluate, seed=2)),
        {"out": Result(), "report.html": Result(), "episodes.jsonl": Result()},
    ),
    "train": Command(train, after(partial(train, seed=2)), {"head": Result(read_head), "head/test.json": Result()}),
    "watch": Command(
        watch,
        after(partial(watch, accept="suggested")),
        {
            "out.mp4": Result(read_video),
            "out.csv": Result(read_text, some_rows),
            "out.srt": Result(read_text, some_rows),
        },
    ),
    "anatomize": Command(
        ask,
        after(partial(ask, file="one.txt")),
        {"out.json": Result(read_descriptions), "out.json.journal": Result(read_journal, grown)},
    ),
    "teach": Command(teach, after(partial(teach, frames=3)), {"actions": Result(read_taught)}),
    "actions add": changed("add", "actions", "wave", clips=("jump/0.mp4", "jump/1.mp4", "clap/0.mp4")),
    "actions add --keep-clips": changed("add", "actions", "new", "--keep-clips", clips=("jump/0.mp4", "clap/0.mp4")),
    "actions add, of 0.1.0": replace(
        changed("add", "actions", "wave", clips=("jump/0.mp4", "clap/0.mp4")), earlier=teach_as_first_version
    ),
    "actions remove": changed("remove", "actions", "wave"),
    "actions describe": changed("describe", "actions", clips=("own.json",)),
    "actions rename": changed("rename", "actions", "wave", "wink"),
    "actions export": Command(
        lambda place: ("actions", "export", str(place.inputs / "actions"), "shared"),
        None,
        {"shared": Result(read_shared)},
    ),
    "actions import --merge": replace(
        changed(),
        arguments=lambda place: ("actions", "import", str(place.inputs / "shared"), "actions", "--merge"),
    ),
}
"""What is killed, and runs on a full disk; a command of one's own is one more entry."""


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
            command.earlier(place)
            shutil.copytree(place.run, self.earlier, dirs_exist_ok=True)
        self.before = self.read()
        done = self.succeed(command.arguments(place))
        self.after, self.names = self.read(), self.listed()
        self.writes, self.seconds = done.writes, done.seconds
        self.size = sum(one.stat().st_size for one in place.run.rglob("*") if one.is_file())
        self.ends = [(self.after, self.names)]
        if command.next is not None:
            self.ends = [self._end()]
            self.reset()
            self.ends.append(self._end())

    @property
    def cache(self) -> Path | None:
        """The feature cache, where the command writes it."""
        return self.place.run / "cache" if self.command.own_cache else None

    def _end(self) -> tuple[dict[str, object], set[str]]:
        """What the next command leaves of what is there now."""
        done = self.run_next()
        if done.status:
            raise SystemExit(f"what comes after a command fails undisturbed: {done.errors}")
        return self.read(), self.listed()

    def reset(self) -> None:
        """The folder as it was before the command."""
        shutil.rmtree(self.place.run, ignore_errors=True)
        shutil.copytree(self.earlier, self.place.run)

    def run(self, **how: Any) -> Ended:
        """Run the command."""
        return run(self.command.arguments(self.place), self.place, cache=self.cache, **how)

    def run_next(self) -> Ended:
        """Run what comes after a command that was disturbed."""
        following = self.command.next or self.command.arguments
        return run(following(self.place), self.place, cache=self.cache)

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
        done = self.run_next()
        if done.status or "damaged" in done.errors:
            row.add("next run fails", f"{when}: {done.errors.strip()[-300:]}")
            return
        found, names = self.read(), self.listed()
        wanted = [one for end, one in self.ends if end == found]
        for left in sorted(names.difference(*(wanted or [one for _, one in self.ends]))):
            row.add("left over", f"{left}, {when}")
        if not any(one <= names for one in wanted):
            row.add("differs", f"{when}: {[name for name, one in found.items() if one != self.after[name]]}")


def kill_command(command: Command, place: Place, kills: int, random: Random, name: str) -> Row:
    """Kill a command so many times, and look what is there."""
    bed, row = Bed(command, place), Row(name)
    while row.runs < kills:
        bed.reset()
        by_time = row.runs % 2 == 0
        late = {"delay": random.uniform(0, 0.004)} if row.runs % 4 == 3 else {}
        at_write = {"last_write": random.randint(1, bed.writes), **late}
        how = {"after": random.uniform(0, bed.seconds)} if by_time else at_write
        done = bed.run(**how)
        if not done.killed:
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
    begin(place, None)
    clips = load(place.manifest, backbone="tiny").content

    def read(path: Path) -> object:
        episodes, protocol = read_episodes(path, clips)
        return [one.tolist() for one in (episodes.classes, episodes.query, episodes.support)], protocol

    return place.run / "episodes.jsonl", read


def make_taught(place: Place) -> tuple[Path, Read]:
    """Taught actions with a trained head and motion."""
    save_actions(_all_taught(), place.run / "actions")
    return place.run / "actions", read_taught


def make_first_version(place: Place) -> tuple[Path, Read]:
    """The same as 0.1.0 wrote them."""
    return TAUGHT.write_format1(_all_taught(), place.run / "actions"), read_taught


def make_shared(place: Place) -> tuple[Path, Read]:
    """The same in a file to share."""
    export_actions(_all_taught(), place.run / "shared")
    return place.run / "shared", read_shared


def _all_taught() -> Any:
    return replace(TAUGHT.with_head(), motion=TAUGHT.make(motion=True).motion)


def make_features(place: Place) -> tuple[Path, Read]:
    """The feature cache."""
    shutil.copytree(place.cache, place.run / "cache")
    return place.run / "cache", read_features


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
    "taught actions": make_taught,
    "taught actions of 0.1.0": make_first_version,
    "exported actions": make_shared,
    "feature cache": make_features,
}
"""What is read back; one more is one more entry. Of a folder every file is flipped, and the folder is read."""
NOT_READ = frozenset({"log.jsonl", "test.json"})
"""Files of a checkpoint's folder that are for people."""


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


WAYS = {
    "kill": ("half there", "left over", "differs", "next run fails", "acknowledged", "lost"),
    "full": ("refused", "not one line", "half there", "left over", "differs", "next run fails", "lost"),
    "flip": ("refused", "no difference", "accepted wrongly", "traceback"),
    "together": ("acknowledged", "lost", "half there", "left over", "differs", "told to teach again"),
}
"""What is done, and what is counted."""
SERVE = "serve"


def rows_of(way: str, place: Place, wish: argparse.Namespace) -> Mapping[str, Callable[[], Row]]:
    """What one table has rows of, and how each is measured."""
    random = Random(wish.seed)
    match way:
        case "kill":
            rows = {name: partial(kill_command, one, place, wish.kills, random, name) for name, one in COMMANDS.items()}
            return {**rows, SERVE: partial(in_child, partial(kill_servers, place, wish.kills, random))}
        case "full":
            rows = {name: partial(fill_disk, one, place, wish.rooms, name) for name, one in COMMANDS.items()}
            return {**rows, SERVE: partial(in_child, partial(fill_disk_of_server, place, wish.rooms))}
        case "flip":
            return {
                name: partial(in_child, partial(flip_bits, one, place, wish.parts, random, name))
                for name, one in READ_BACK.items()
            }
        case _:
            return {SERVE: partial(in_child, partial(write_together, place, wish.seconds))}


def measure(way: str, place: Place, wish: argparse.Namespace) -> list[Row]:
    """One table."""
    say, rows = Console(stderr=True), list[Row]()
    for name, row in rows_of(way, place, wish).items():
        if wish.only and name not in wish.only:
            continue
        began = time.monotonic()
        rows.append(row())
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
    parser.add_argument("--seconds", type=float, default=120.0, help="that servers and command lines write together")
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
