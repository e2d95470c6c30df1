"""What the product wrote itself, and something happened to it: taught actions, checkpoints, run states, the cache."""

import json
import os
import shutil
import sqlite3
import struct
from collections.abc import Mapping
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from random import Random

import torch
from odd_cases import RIGHT, UNKNOWN, Case, Facts, Maker, Reader, Verdict, damage
from odd_texts import spoil_json

from lga.actions import Actions
from lga.anatomy.lexicon import anatomize
from lga.backbone.protocol import Space
from lga.backbone.tiny import TinyBackbone
from lga.config import BackboneConfig, MethodConfig, TrainConfig
from lga.features.cache import default_cache
from lga.model.checkpoint import (
    CheckpointRecord,
    Provenance,
    Selection,
    load_checkpoint,
    make_head,
    record_head,
    save_checkpoint,
)
from lga.model.head import Head
from lga.store.folder import load_actions, save_actions
from lga.taught import Example
from lga.training.select import ValidationResult
from lga.training.state import RunState, read_state, write_state

TINY = TinyBackbone()
FRAMES, STAGES = 5, 2
LABELS = {"jump into pool": 2, "wave": 0, "Brush_Hair": 1}
SPLIT = Space(17, slice(0, 11), slice(11, 17))


def taught() -> Actions:
    """Actions with random features."""
    generator = torch.Generator().manual_seed(11)
    examples = tuple(
        Example(
            label=label,
            path=f"/clips/{label} {number}.mp4",
            digest=f"{place}{number}" * 32,
            times=tuple((2 * frame + 1) / 7 for frame in range(FRAMES)),
            duration=10 / 7,
        )
        for place, (label, count) in enumerate(LABELS.items())
        for number in range(count)
    )
    return Actions(
        backbone=BackboneConfig(backbone="tiny"),
        identity=TINY.identity,
        method=MethodConfig(frames=FRAMES, stages=STAGES, alpha=0.3),
        anatomies=tuple(anatomize(label, stages=STAGES) for label in LABELS),
        text=torch.randn(len(LABELS), STAGES, TINY.space.dim, generator=generator),
        examples=examples,
        frames=torch.randn(len(examples), FRAMES, TINY.space.dim, generator=generator),
    )


def trained() -> Head:
    """A head with random weights."""
    head, random = make_head(SPLIT, TrainConfig(width=8, heads=4)), torch.Generator().manual_seed(1)
    with torch.no_grad():
        for one in (*head.parameters(), *head.buffers()):
            one.copy_(torch.randn(one.shape, generator=random))
    return head.eval()


def _record(head: Head) -> CheckpointRecord:
    return CheckpointRecord(
        made_with={"lga": "0"},
        backbone=BackboneConfig(backbone="tiny"),
        identity=TINY.identity,
        frozen_identity=TINY.identity,
        method=MethodConfig(temperature=0.8),
        train=TrainConfig(),
        head=record_head(head),
        provenance=Provenance(manifest="clips.csv", manifest_sha256="0" * 64, classes=("wave",), clips=("1" * 64,)),
        selection=Selection(
            chosen_on="val",
            classes=("kick",),
            clips=5,
            task=100,
            head_weight=0.75,
            accuracy={"1": 0.5},
            untrained={"1": 0.4},
        ),
        weights_sha256="",
    )


NOTES = ("", "NaN", "[" * 20_000, "9" * 5000, "{}")


def _spoil_header(path: Path, random: Random) -> str:
    """Write another header into a safetensors file."""
    data = path.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    try:
        header = json.loads(data[8 : 8 + length])
    except ValueError:
        return damage(path, random)
    name = random.choice([one for one in header if one != "__metadata__"])
    odd = random.choice(
        ["length", "negative", "overlap", "dtype", "shape", "deep", "metadata", "huge shape", "no tensors", "nan"]
    )
    body = {"no tensors": b"", "nan": b"\xff" * (len(data) - 8 - length)}.get(odd, data[8 + length :])
    part, notes = header[name], {key: random.choice(NOTES) for key in header.get("__metadata__", {"a": ""})}
    changed = {
        "negative": {name: {**part, "data_offsets": [-8, 8]}},
        "overlap": {name: {**part, "data_offsets": [0, 8]}},
        "dtype": {name: {**part, "dtype": random.choice(["I64", "BOOL", "F8_E4M3", "F64", "X"])}},
        "shape": {name: {**part, "shape": random.choice([[], [1], [-1], [2**40, 2**40], part["shape"][::-1], "x"])}},
        "huge shape": {name: {**part, "shape": [2**31, 2**20], "data_offsets": [0, 2**53]}},
        "metadata": {"__metadata__": notes},
    }
    header = {} if odd == "no tensors" else {**header, **changed.get(odd, {})}
    text = b"[" * 200_000 if odd == "deep" else json.dumps(header).encode()
    size = random.choice([0, 2**63, 2**64 - 1, 10**9]) if odd == "length" else len(text)
    path.write_bytes(struct.pack("<Q", size) + text + body)
    return f"header: {odd}"


def _spoil(folder: Path, random: Random) -> str:
    """Damage one of the files of a folder."""
    path = random.choice(sorted(one for one in folder.rglob("*") if one.is_file()))
    kind = random.random()
    if kind < 0.1:
        path.unlink()
        if random.random() < 0.5:
            path.mkdir()
        how = "gone or a folder"
    elif path.suffix == ".safetensors" and kind < 0.5:
        how = _spoil_header(path, random)
    elif path.suffix == ".json" and kind < 0.5:
        how = spoil_json(path, random)
    else:
        how = damage(path, random)
    return f"{path.name}: {how}"


def make_actions(folder: Path, random: Random) -> Case:
    """Taught actions, one file of which is damaged."""
    save_actions(taught(), folder / "taught")
    if random.random() < 0.05:
        return Case("whole", "actions", {}, sound=True)
    return Case(_spoil(folder / "taught", random), "actions", {})


def read_actions(folder: Path, facts: Facts) -> Verdict:
    """Load taught actions: they are what was saved, or refused."""
    del facts
    found, wanted = load_actions(folder / "taught"), taught()
    same = found.labels == wanted.labels and found.examples == wanted.examples and found.method == wanted.method
    same = same and found.anatomies == wanted.anatomies and torch.allclose(found.frames, wanted.frames, atol=2e-3)
    return (
        RIGHT
        if same and torch.allclose(found.text, wanted.text, atol=2e-3)
        else Verdict(True, "others than were taught")
    )


def make_checkpoint(folder: Path, random: Random) -> Case:
    """A trained head, one file of which is damaged; some with the checksum put right."""
    head = trained()
    save_checkpoint(folder / "head", head, {}, _record(head))
    if random.random() < 0.05:
        return Case("whole", "checkpoint", {"signed": False}, sound=True)
    if random.random() < 0.25:
        return Case(_other_size(folder / "head/config.json", random), "checkpoint", {"signed": False})
    how, signed = _spoil(folder / "head", random), random.random() < 0.4
    record, weights = folder / "head/config.json", folder / "head/weights.safetensors"
    if signed and record.is_file() and weights.is_file():
        digest = sha256(weights.read_bytes()).hexdigest()
        text = record.read_text(errors="replace")
        record.write_text(text.replace(sha256(_whole_weights(folder, head)).hexdigest(), digest))
    return Case(f"{how}{', signed' * signed}", "checkpoint", {"signed": signed or "config.json" in how})


def _other_size(record: Path, random: Random) -> str:
    """Let a record speak of a head of another size than its weights have."""
    content = json.loads(record.read_text())
    if random.random() < 0.4:
        side = random.choice([64, 4096, 65_536])
        parts = {"dim": side, "visual": [0, side], "semantic": [0, side], "width": random.choice([0, 4, side])}
        content["head"] |= {**parts, "heads": random.choice([1, 4, side])}
        record.write_text(json.dumps(content))
        return f"the head is {content['head']}"
    part = random.choice(["dim", "width", "heads", "visual", "semantic"])
    value = random.choice([0, -1, 1, 3, 7, 40_000, 2**31, 2**62])
    content["head"][part] = [0, value] if part in ("visual", "semantic") else value
    record.write_text(json.dumps(content))
    return f"{part} of the head is {value}"


def _whole_weights(folder: Path, head: Head) -> bytes:
    place = folder / "whole"
    save_checkpoint(place, head, {}, _record(head))
    data = (place / "weights.safetensors").read_bytes()
    shutil.rmtree(place)
    return data


def read_checkpoint(folder: Path, facts: Facts) -> Verdict:
    """Load a head: it is what was saved, or refused."""
    found = load_checkpoint(folder / "head").head.state_dict()
    if facts["signed"]:
        return UNKNOWN
    wanted = trained().state_dict()
    same = found.keys() == wanted.keys() and all(torch.equal(found[name], one) for name, one in wanted.items())
    return RIGHT if same else Verdict(True, "other weights than were saved")


def _state() -> RunState:
    weights = trained().state_dict()
    result = ValidationResult(task=20, head_weight=0.5, accuracy={1: 0.4, 5: 0.6}, mean=0.5)
    return RunState(40, weights, {f"{name}.exp_avg": one for name, one in weights.items()}, weights, result)


def make_state(folder: Path, random: Random) -> Case:
    """The state of an unfinished run, damaged."""
    path = folder / "state.safetensors"
    write_state(path, "key", _state())
    if random.random() < 0.05:
        return Case("whole", "state", {}, sound=True)
    return Case(_spoil_header(path, random) if random.random() < 0.4 else damage(path, random), "state", {})


def read_run(folder: Path, facts: Facts) -> Verdict:
    """Read a run's state: it is what was written, or refused."""
    del facts
    found, wanted = read_state(folder / "state.safetensors", "key"), _state()
    if found is None:
        return Verdict(True, "taken for no state")
    same = found.task == wanted.task and found.best_result == wanted.best_result
    for part, other in ((found.weights, wanted.weights), (found.momenta, wanted.momenta), (found.best, wanted.best)):
        same = same and part.keys() == other.keys() and all(torch.equal(part[name], one) for name, one in other.items())
    return RIGHT if same else Verdict(True, "another state than was written")


SENTENCES = [f"a person does thing {number}" for number in range(6)]


def make_cache(folder: Path, random: Random) -> Case:
    """A cache of sentence vectors, damaged."""
    os.environ["LGA_CACHE"] = str(folder / "cache")
    default_cache().encode_text(SENTENCES, TINY)
    return Case(_spoil(folder / "cache", random), "cache", {}, sound=True)


def read_cache(folder: Path, facts: Facts) -> Verdict:
    """Read vectors through a damaged cache: they are made anew, never believed and never refused."""
    del facts
    os.environ["LGA_CACHE"] = str(folder / "cache")
    found = default_cache().encode_text(SENTENCES, TINY)
    return (
        RIGHT
        if torch.allclose(found, TINY.encode_text(SENTENCES), atol=1e-5)
        else Verdict(True, "other vectors than were kept")
    )


SCHEMAS = (
    "CREATE TABLE other (a)",
    "CREATE TABLE meta (key TEXT, value); INSERT INTO meta VALUES ('format', 2)",
    "CREATE TABLE actions (label TEXT); CREATE TRIGGER t AFTER INSERT ON actions BEGIN DELETE FROM actions; END",
    "CREATE VIEW actions AS SELECT 1 AS label; CREATE VIEW examples AS SELECT randomblob(1000000000) AS frames",
    "PRAGMA user_version = 2147483647; CREATE TABLE a (b)",
    "PRAGMA page_size = 65536; VACUUM; CREATE TABLE a (b); INSERT INTO a VALUES (zeroblob(3000000))",
)


def make_database(folder: Path, random: Random) -> Case:
    """A folder with a SQLite file that is not the product's own, or damaged."""
    path = folder / "taught/actions.sqlite"
    path.parent.mkdir()
    schema = random.choice(SCHEMAS)
    with closing(sqlite3.connect(path)) as store:
        store.executescript(schema)
    how = schema[:40]
    if random.random() < 0.4:
        how = f"{how}: {damage(path, random)}"
    if random.random() < 0.3:
        (path.parent / f"actions.sqlite{random.choice(['-wal', '-journal', '-shm'])}").write_bytes(
            random.randbytes(4096)
        )
        how = f"{how}, and a stray file beside it"
    return Case(how, "actions", {})


KINDS: Mapping[str, Maker] = {
    "taught actions": make_actions,
    "checkpoints": make_checkpoint,
    "run states": make_state,
    "caches": make_cache,
    "databases": make_database,
}
READERS: Mapping[str, Reader] = {
    "actions": read_actions,
    "checkpoint": read_checkpoint,
    "state": read_run,
    "cache": read_cache,
}
