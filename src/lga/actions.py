"""Taught actions: a value in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from pydantic import BaseModel, ConfigDict
from torch import Tensor

from lga.anatomy.labels import lookup_key, quote
from lga.anatomy.schema import Anatomy
from lga.config import BackboneConfig, MethodConfig
from lga.errors import ActionsError
from lga.model.head import Head


class Example(BaseModel):
    """Where one example came from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: str
    path: str
    digest: str
    """sha256 of the clip's content"""
    times: tuple[float, ...]
    """seconds of its sampled frames"""
    duration: float
    """seconds"""


@dataclass(frozen=True, slots=True)
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
    examples: tuple[Example, ...]
    frames: Float[Tensor, "examples frames dim"]
    head: Head | None = None
    """what `lga train` learned, if the actions were taught with it"""

    @property
    def trust(self) -> float:
        """The share of the clip distance that the head gives; see `lga.model.head.Head`."""
        return 0.0 if self.head is None else self.head.trust

    @property
    def labels(self) -> tuple[str, ...]:
        """The taught labels, in the order in which they were taught."""
        return tuple(anatomy.label for anatomy in self.anatomies)

    @property
    def owner(self) -> Int[Tensor, " examples"]:
        """The label number of every example."""
        place = {label: number for number, label in enumerate(self.labels)}
        return torch.tensor([place[one.label] for one in self.examples], dtype=torch.long)

    @property
    def shots(self) -> float:
        """Examples a label, on average."""
        return len(self.examples) / len(self.anatomies)

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
        return replace(self.with_examples(keep), anatomies=tuple(self.anatomies[n] for n in stay), text=self.text[stay])

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
        place, vectors = self.labels.index(old), self.text.clone()
        vectors[place] = text
        return replace(
            self,
            anatomies=(*self.anatomies[:place], anatomy, *self.anatomies[place + 1 :]),
            text=vectors,
            examples=tuple(
                one.model_copy(update={"label": anatomy.label}) if one.label == old else one for one in self.examples
            ),
        )

    def with_examples(self, keep: Sequence[int]) -> "Actions":
        """These actions with the examples of these numbers alone."""
        return replace(self, examples=tuple(self.examples[n] for n in keep), frames=self.frames[list(keep)])
