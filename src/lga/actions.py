"""Taught actions, as a value; `lga.store` keeps them in a folder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated

import torch
from jaxtyping import Float, Int
from pydantic import Field
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from lga.anatomy.schema import Anatomy
from lga.config import MAX_STAGES, BackboneConfig, FrozenModel, MethodConfig
from lga.errors import ActionsError
from lga.labels import lookup_key, quote
from lga.model.head import Head
from lga.motion.descriptor import NUMBERS

LARGEST = 1e9
"""What no feature is larger than: those of the backbones here stay below a thousand."""


class Example(FrozenModel):
    """Where one example came from."""

    label: str
    path: str
    """where the clip lies, or lay when it was taught"""
    name: str = ""
    """what it was called before it was kept under another name; empty where it has its own"""
    digest: str
    """sha256 of the clip's content"""
    times: tuple[Annotated[float, Field(ge=0.0)], ...]
    """seconds of its sampled frames"""
    duration: Annotated[float, Field(gt=0.0)]
    """seconds"""

    @property
    def called(self) -> str:
        """The name of its clip, for people."""
        return self.name or Path(self.path).name


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

    def search(self, text: str) -> tuple[Anatomy, ...]:
        """The actions with `text` in their label; capitals and signs between words do not matter."""
        wanted = lookup_key(text) if text.strip() else ""
        return tuple(one for one in self.anatomies if wanted in lookup_key(one.label))

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
            raise ActionsError(f"{quote(gone)} is the only action taught; teach another first, or delete the folder")
        stay = [number for number, known in enumerate(self.labels) if known != gone]
        keep = [number for number, one in enumerate(self.examples) if one.label != gone]
        told = self._told()
        return self.with_examples(keep).with_anatomies([self.anatomies[n] for n in stay], [told[n] for n in stay])

    def with_action(self, anatomy: Anatomy, text: Float[Tensor, "stages dim"]) -> "Actions":
        """These actions and another one without examples, `text` being the features of its sentences."""
        return self.with_anatomies([*self.anatomies, anatomy], [*self._told(), text])

    def without_example(self, path: str) -> "Actions":
        """These actions less one example, named by its path as `actions show` prints it.

        Raises:
            ActionsError: no example has that path.
        """
        keep = [number for number, one in enumerate(self.examples) if one.path != path]
        if len(keep) == len(self.examples):
            raise ActionsError(f"no example {quote(path)}; `lga actions show` lists them")
        return self.with_examples(keep)

    def with_anatomy(self, label: str, anatomy: Anatomy, text: Float[Tensor, "stages dim"]) -> "Actions":
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
        return replace(self, examples=examples).with_anatomies(anatomies, told)

    def with_examples(self, keep: Sequence[int]) -> "Actions":
        """These actions with the examples of these numbers alone."""
        return replace(
            self,
            examples=tuple(self.examples[n] for n in keep),
            frames=self.frames[list(keep)],
            motion=None if self.motion is None else self.motion[list(keep)],
        )

    def with_anatomies(self, anatomies: Sequence[Anatomy], told: Sequence[Float[Tensor, "_ dim"]]) -> "Actions":
        """These actions with other labels and sentences, `told` being the features of each label's sentences.

        The examples stay as they are, so their labels must be among them.
        """
        return replace(self, anatomies=tuple(anatomies), text=pad_sequence(list(told), batch_first=True))

    def _told(self) -> list[Float[Tensor, "_ dim"]]:
        """The features of each label's sentences, without padding."""
        return [text[:count] for text, count in zip(self.text, self.stages, strict=True)]


def check_actions(actions: Actions) -> None:
    """Make sure that the parts speak of the same actions, examples and stages, and that features can be compared.

    Raises:
        ActionsError: they do not; the message says which, and is to be put behind a place.
    """
    method, labels, examples = actions.method, actions.labels, actions.examples
    same = (
        len({lookup_key(label) for label in labels}) == len(labels) > 0
        and {one.label for one in examples} <= set(labels)
        and actions.text.shape[:2] == (len(labels), max(actions.stages))
        and actions.frames.shape == (len(examples), method.frames, actions.text.shape[-1])
        and (actions.motion is None or actions.motion.shape == (len(examples), NUMBERS))
        and actions.frames.dtype == actions.text.dtype == torch.float32
        and all(_fits(count, method) for count in actions.stages)
        and all(len(one.times) == method.frames for one in examples)
    )
    if not same:
        raise ActionsError("its labels, examples and features do not fit together")
    if (label := _incomparable(actions.text)) is not None:
        raise ActionsError(f"the sentences of {quote(labels[label])} have features that are no numbers to be compared")
    for part in (actions.frames, actions.motion):
        if part is not None and (number := _incomparable(part)) is not None:
            one = examples[number]
            raise ActionsError(
                f"the example {quote(one.path)} of {quote(one.label)} has features that are no numbers to be compared"
            )


def _incomparable(rows: Float[Tensor, "rows ..."]) -> int | None:
    """The first row with a number that is not finite, or so large that sums of squares leave float32."""
    wrong = (~(rows.abs() <= LARGEST)).flatten(1).any(1).nonzero()
    return int(wrong[0]) if len(wrong) else None


def _fits(count: int, method: MethodConfig) -> bool:
    return count <= MAX_STAGES if method.stages == "auto" else count == method.stages
