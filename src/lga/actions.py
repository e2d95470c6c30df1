"""Taught actions: the value, and the folder that holds it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Literal

import torch
from jaxtyping import Float, Int
from pydantic import Field, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from lga.anatomy.schema import Anatomy
from lga.config import MAX_STAGES, BackboneConfig, FrozenModel, MethodConfig, SavedMethod
from lga.errors import ActionsError, SettingsError
from lga.files import replace_folder, to_json, write_atomically
from lga.labels import lookup_key, quote
from lga.model.checkpoint import HeadRecord, pack, record_head, unpack
from lga.model.head import Head
from lga.motion.descriptor import NUMBERS


class Example(FrozenModel):
    """Where one example came from."""

    label: str
    path: str
    digest: str
    """sha256 of the clip's content"""
    times: tuple[Annotated[float, Field(ge=0.0)], ...]
    """seconds of its sampled frames"""
    duration: Annotated[float, Field(gt=0.0)]
    """seconds"""


@dataclass(frozen=True, repr=False)
class Actions:
    """Everything recognition needs: labels with their anatomies and text features, examples with their frame features.

    An action without examples is recognised by its words alone. `frames` are tokens before fusion, `identity` is that
    of the backbone that made them: only the same backbone can be asked about new clips.
    """

    backbone: BackboneConfig
    identity: str
    method: MethodConfig
    anatomies: tuple[Anatomy, ...]
    text: Float[Tensor, "way stages dim"]
    """of every label's sentences, padded with zeros where some have fewer stages than others"""
    examples: tuple[Example, ...]
    frames: Float[Tensor, "examples frames dim"]
    head: Head | None = None
    """what `lga train` learned, if the actions were taught with it"""
    motion: Float[Tensor, "examples numbers"] | None = None
    """the examples' motion, as `lga.motion.descriptor` describes it; None where it is not compared"""

    def __repr__(self) -> str:
        """On one line."""
        return f"Actions({len(self.labels)} labels, {len(self.examples)} examples, {self.identity!r})"

    @property
    def head_weight(self) -> float:
        """The share of the clip distance that the head gives, 0 to 1; 0 without a head."""
        return 0.0 if self.head is None else self.head.head_weight

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The taught labels, in the order in which they were taught."""
        return tuple(anatomy.label for anatomy in self.anatomies)

    @cached_property
    def stages(self) -> tuple[int, ...]:
        """How many stages each label has."""
        return tuple(len(anatomy.stages) for anatomy in self.anatomies)

    @cached_property
    def support_label(self) -> Int[Tensor, " examples"]:
        """The label number of every example."""
        place = {label: number for number, label in enumerate(self.labels)}
        return torch.tensor([place[one.label] for one in self.examples], dtype=torch.long)

    @property
    def shots(self) -> float:
        """Examples a label, on average."""
        return len(self.examples) / len(self.anatomies)

    def examples_of(self, label: str) -> tuple[int, ...]:
        """The numbers of a label's examples."""
        return self._numbers.get(label, ())

    @cached_property
    def _numbers(self) -> Mapping[str, tuple[int, ...]]:
        """The numbers of every label's examples."""
        numbers: dict[str, list[int]] = {}
        for number, example in enumerate(self.examples):
            numbers.setdefault(example.label, []).append(number)
        return {label: tuple(some) for label, some in numbers.items()}

    def spelling(self, label: str) -> str | None:
        """How a label is spelt here, or None if it is not taught."""
        return next((known for known in self.labels if lookup_key(known) == lookup_key(label)), None)

    def find(self, label: str) -> str:
        """The taught label that a spelling means.

        Raises:
            ActionsError: no such label is taught.
        """
        known = self.spelling(label)
        if known is not None:
            return known
        raise ActionsError(f"no action {quote(label)} is taught; there are: {', '.join(self.labels)}")

    def without(self, label: str) -> "Actions":
        """These actions less one; its examples go with it.

        Raises:
            ActionsError: no such label is taught, or it is the last one.
        """
        gone = self.find(label)
        if len(self.anatomies) == 1:
            raise ActionsError(f"{quote(gone)} is the only action taught; delete the folder instead")
        stay = [number for number, known in enumerate(self.labels) if known != gone]
        keep = [number for number, one in enumerate(self.examples) if one.label != gone]
        told = self._told()
        return self.with_examples(keep)._telling([self.anatomies[n] for n in stay], [told[n] for n in stay])

    def with_action(self, anatomy: Anatomy, text: Float[Tensor, "stages dim"]) -> "Actions":
        """These actions and another one without examples, `text` being the features of its sentences."""
        return self._telling([*self.anatomies, anatomy], [*self._told(), text])

    def without_example(self, path: str) -> "Actions":
        """These actions less one example, named by its path as `actions show` prints it.

        Raises:
            ActionsError: no example has that path.
        """
        keep = [number for number, one in enumerate(self.examples) if one.path != path]
        if len(keep) == len(self.examples):
            raise ActionsError(f"no example {quote(path)}; `lga actions show` lists them")
        return self.with_examples(keep)

    def retold(self, label: str, anatomy: Anatomy, text: Float[Tensor, "stages dim"]) -> "Actions":
        """These actions, one of them with another name or other sentences, `text` being their features.

        Raises:
            ActionsError: no such label is taught, or the new name is that of another action.
        """
        old, taken = self.find(label), self.spelling(anatomy.label)
        if taken not in (None, old):
            raise ActionsError(f"{quote(anatomy.label)} is taught already; choose another name for {quote(old)}")
        place, anatomies, told = self.labels.index(old), list(self.anatomies), self._told()
        anatomies[place], told[place] = anatomy, text
        examples = tuple(
            one.model_copy(update={"label": anatomy.label}) if one.label == old else one for one in self.examples
        )
        return replace(self, examples=examples)._telling(anatomies, told)

    def with_examples(self, keep: Sequence[int]) -> "Actions":
        """These actions with the examples of these numbers alone."""
        return replace(
            self,
            examples=tuple(self.examples[n] for n in keep),
            frames=self.frames[list(keep)],
            motion=None if self.motion is None else self.motion[list(keep)],
        )

    def _told(self) -> list[Float[Tensor, "_ dim"]]:
        """The features of each label's sentences, without padding."""
        return [text[:count] for text, count in zip(self.text, self.stages, strict=True)]

    def _telling(self, anatomies: Sequence[Anatomy], told: Sequence[Float[Tensor, "_ dim"]]) -> "Actions":
        """The same with these sentences and their features."""
        return replace(self, anatomies=tuple(anatomies), text=pad_sequence(list(told), batch_first=True))


RECORD, FEATURES, HEAD = "actions.json", "features.safetensors", "head.safetensors"
MAX_RECORD = 256 * 2**20
LARGEST = 1e9
"""What no feature is larger than: those of the backbones here stay below a thousand."""


class _Record(FrozenModel):
    """What `actions.json` holds."""

    format: Literal[1] = 1
    made_with: str
    backbone: BackboneConfig
    identity: str
    method: SavedMethod
    anatomies: tuple[Anatomy, ...]
    examples: tuple[Example, ...]
    features_sha256: str
    head: HeadRecord | None = None
    head_sha256: str | None = None


def save_actions(actions: Actions, folder: Path) -> None:
    """Write a folder that holds everything; an earlier one is replaced when the new one is complete.

    Raises:
        LGAError: the folder is something else, or cannot be written.
    """
    if folder.exists() and not _is_replaceable(folder):
        raise ActionsError(f"{folder}: exists and is not just a folder of taught actions; choose another place")
    tensors = {"frames": actions.frames, "text": actions.text}
    if actions.motion is not None:
        tensors["motion"] = actions.motion
    features = save({name: one.contiguous() for name, one in tensors.items()})
    learned = None if actions.head is None else pack(actions.head, {})
    record = _Record(
        made_with=_maker(),
        backbone=actions.backbone,
        identity=actions.identity,
        method=actions.method,
        anatomies=actions.anatomies,
        examples=actions.examples,
        features_sha256=sha256(features).hexdigest(),
        head=None if actions.head is None else record_head(actions.head),
        head_sha256=None if learned is None else sha256(learned).hexdigest(),
    ).model_dump(mode="json")
    with replace_folder(folder) as fresh:
        write_atomically(fresh / FEATURES, features)
        if learned is not None:
            write_atomically(fresh / HEAD, learned)
        write_atomically(fresh / RECORD, to_json({**record, "checksum": _checksum(record)}))


def load_actions(folder: Path) -> Actions:
    """Read a folder of taught actions, strictly: nothing missing, nothing left over, nothing changed by hand.

    Raises:
        ActionsError: the folder is missing, half-written, damaged, edited or from another version; it says which.
    """
    if not _is_actions(folder):
        what = "not a folder of taught actions" if folder.exists() else "no such folder"
        raise ActionsError(f"{folder}: {what}; give the folder that `lga teach EXAMPLES/ --out FOLDER` wrote")
    record = _read_record(folder / RECORD)
    try:
        data = (folder / FEATURES).read_bytes()
    except OSError as error:
        raise ActionsError(
            f"{folder / FEATURES}: cannot be read ({error.strerror}); teach the actions again"
        ) from error
    if sha256(data).hexdigest() != record.features_sha256:
        raise ActionsError(f"{folder / FEATURES}: not the features that {RECORD} belongs to; teach the actions again")
    try:
        tensors = load(data)
        frames, text, motion = tensors["frames"], tensors["text"], tensors.get("motion")
    except (SafetensorError, KeyError) as error:
        raise ActionsError(f"{folder / FEATURES}: damaged; teach the actions again") from error
    actions = Actions(
        record.backbone,
        record.identity,
        record.method,
        record.anatomies,
        text,
        record.examples,
        frames,
        _read_head(record, folder / HEAD),
        motion,
    )
    _check(actions, folder)
    return actions


def _read_head(record: _Record, path: Path) -> Head | None:
    if record.head is None:
        return None
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ActionsError(f"{path}: cannot be read ({error.strerror}); teach the actions again") from error
    if sha256(data).hexdigest() != record.head_sha256:
        raise ActionsError(f"{path}: not the weights that {RECORD} belongs to; teach the actions again")
    return unpack(data, record.head, where=str(path))[0]


def _read_record(path: Path) -> _Record:
    try:
        if path.stat().st_size > MAX_RECORD:
            raise ActionsError(f"{path}: larger than {MAX_RECORD >> 20} MiB; this was not written by lga")
        content = json.loads(path.read_bytes())
        checksum = content.pop("checksum")
        found = _checksum(content)
        record = _Record.model_validate_json(json.dumps(content))
    except OSError as error:
        raise ActionsError(f"{path}: cannot be read ({error.strerror})") from error
    except SettingsError as error:
        raise ActionsError(f"{path}: {error}; undo the change or teach the actions again") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ActionsError(
            f"{path}: {quote(where)}: {first['msg']}; undo the change or teach the actions again"
        ) from error
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        raise ActionsError(f"{path}: damaged or not written by lga; teach the actions again") from error
    if checksum != found:
        raise ActionsError(
            f"{path}: was changed by hand; undo that and use `lga actions add|remove|describe`, which keep it whole"
        )
    return record


def _check(actions: Actions, folder: Path) -> None:
    """The parts of a folder must speak of the same actions, examples and stages."""
    method, labels = actions.method, actions.labels
    same = (
        len({lookup_key(label) for label in labels}) == len(labels) > 0
        and {one.label for one in actions.examples} <= set(labels)
        and actions.text.shape[:2] == (len(labels), max(actions.stages))
        and actions.frames.shape == (len(actions.examples), method.frames, actions.text.shape[-1])
        and (actions.motion is None or actions.motion.shape == (len(actions.examples), NUMBERS))
        and actions.frames.dtype == actions.text.dtype == torch.float32
        and all(_fits(count, method) for count in actions.stages)
        and all(len(one.times) == method.frames for one in actions.examples)
    )
    if not same:
        raise ActionsError(f"{folder}: its labels, examples and features do not fit together; teach the actions again")
    if not are_numbers(actions):
        raise ActionsError(f"{folder}: features that are no numbers to be compared; teach the actions again")


def are_numbers(actions: Actions) -> bool:
    """Whether all features are finite and below `LARGEST`: sums of squares of larger ones leave float32."""
    tensors = [actions.text, actions.frames] + ([] if actions.motion is None else [actions.motion])
    return all(bool((one.abs() <= LARGEST).all()) for one in tensors)


def _fits(count: int, method: MethodConfig) -> bool:
    return count <= MAX_STAGES if method.stages == "auto" else count == method.stages


def _is_actions(folder: Path) -> bool:
    return (folder / RECORD).is_file()


def _is_replaceable(folder: Path) -> bool:
    """Whether nothing is lost with the folder but taught actions: it is empty, or holds them and nothing else."""
    if not folder.is_dir():
        return False
    inside = {one.name for one in folder.iterdir()}
    return not inside or (RECORD in inside and inside <= {RECORD, FEATURES, HEAD, ".DS_Store"})


def _checksum(record: dict[str, object]) -> str:
    return sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def _maker() -> str:
    from importlib.metadata import version

    return f"lga {version('lga')}, torch {torch.__version__}"
