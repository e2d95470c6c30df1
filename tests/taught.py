"""Taught actions for tests, with random features, and the folder that version 0.1.0 wrote of them."""

import json
from dataclasses import replace
from hashlib import sha256

import torch
from safetensors.torch import save

from lga.actions import Actions
from lga.anatomy.lexicon import anatomize
from lga.backbone.tiny import TinyBackbone
from lga.config import BackboneConfig, MethodConfig, TrainConfig
from lga.model.checkpoint import make_head, pack, record_head
from lga.motion.descriptor import NUMBERS
from lga.taught import Example

TINY = TinyBackbone()
LABELS = {"jump into pool": 3, "žába, 跳": 1, "wave": 0, "Brush_Hair": 2}


def make(shots=LABELS, *, frames=5, stages=2, seed=11, motion=False):
    """Actions with random features, `shots` examples of each label."""
    generator = torch.Generator().manual_seed(seed)
    examples = tuple(
        Example(
            label=label,
            path=f"/clips/{label} {number}.mp4",
            digest=sha256(f"{place} {number} {seed}".encode()).hexdigest(),
            times=tuple((2 * k + 1) / 7 for k in range(frames)),
            duration=10 / 7,
        )
        for place, (label, count) in enumerate(shots.items())
        for number in range(count)
    )
    return Actions(
        backbone=BackboneConfig(backbone="tiny"),
        identity=TINY.identity,
        method=MethodConfig(frames=frames, stages=stages, alpha=0.3),
        anatomies=tuple(anatomize(label, stages=stages) for label in shots),
        text=torch.randn(len(shots), stages, TINY.space.dim, generator=generator),
        examples=examples,
        frames=torch.randn(len(examples), frames, TINY.space.dim, generator=generator),
        motion=torch.randn(len(examples), NUMBERS, generator=generator) if motion else None,
    )


def with_head(head_weight=0.5):
    """The same with a trained head."""
    head, random = make_head(TINY.space, TrainConfig(width=8)), torch.Generator().manual_seed(1)
    with torch.no_grad():
        for one in (*head.parameters(), *head.buffers()):
            one.copy_(torch.randn(one.shape, generator=random))
    head.head_weight = head_weight
    return replace(make(), head=head.eval())


def same(one, other):
    """Whether two actions are equal to the bit."""
    plain = [(a.backbone, a.identity, a.method, a.anatomies, a.examples) for a in (one, other)]
    states = [None if a.head is None else a.head.state_dict() for a in (one, other)]
    return (
        plain[0] == plain[1]
        and torch.equal(one.text, other.text)
        and torch.equal(one.frames, other.frames)
        and (one.motion is None) == (other.motion is None)
        and (one.motion is None or torch.equal(one.motion, other.motion))
        and (states[0] is None) == (states[1] is None)
        and (states[0] is None or all(torch.equal(part, states[1][name]) for name, part in states[0].items()))
    )


def added(actions, label, number):
    """The actions and one more example of a label, which depends on the number alone."""
    one = make({label: 1}, seed=1000 + number, motion=actions.motion is not None)
    motion = None if actions.motion is None else torch.cat([actions.motion, one.motion])
    return replace(
        actions,
        examples=(*actions.examples, one.examples[0].model_copy(update={"path": f"/more/{number}.mp4"})),
        frames=torch.cat([actions.frames, one.frames]),
        motion=motion,
    )


def write_format1(actions, folder):
    """Write a folder as version 0.1.0 did."""
    tensors = {"frames": actions.frames, "text": actions.text}
    if actions.motion is not None:
        tensors["motion"] = actions.motion
    features = save({name: one.contiguous() for name, one in tensors.items()})
    learned = None if actions.head is None else pack(actions.head, {})
    record = {
        "format": 1,
        "made_with": "lga 0.1.0",
        "backbone": actions.backbone.model_dump(mode="json"),
        "identity": actions.identity,
        "method": actions.method.model_dump(mode="json"),
        "anatomies": [one.model_dump(mode="json") for one in actions.anatomies],
        "examples": [one.model_dump(mode="json", exclude={"name"}) for one in actions.examples],
        "features_sha256": sha256(features).hexdigest(),
        "head": None if actions.head is None else record_head(actions.head).model_dump(mode="json"),
        "head_sha256": None if learned is None else sha256(learned).hexdigest(),
    }
    record["checksum"] = sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "features.safetensors").write_bytes(features)
    if learned is not None:
        (folder / "head.safetensors").write_bytes(learned)
    (folder / "actions.json").write_text(json.dumps(record, indent=2, ensure_ascii=False), encoding="utf-8")
    return folder
