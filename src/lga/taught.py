"""What is taught, without its features: labels with their sentences, and where the examples came from."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated

from pydantic import Field

from lga.anatomy.nearby import nearby_labels
from lga.anatomy.schema import Anatomy
from lga.config import MAX_STAGES, BackboneConfig, FrozenModel, MethodConfig
from lga.errors import ActionsError
from lga.labels import lookup_key, quote


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
class TaughtActions:
    """Taught actions as people see them; importing this needs no torch.

    `identity` is that of the backbone that made the features: only the same backbone can be asked about new clips.
    """

    backbone: BackboneConfig
    identity: str
    method: MethodConfig
    anatomies: tuple[Anatomy, ...]
    examples: tuple[Example, ...]

    def __repr__(self) -> str:
        """On one line."""
        return f"{type(self).__name__}({len(self.labels)} labels, {len(self.examples)} examples, {self.identity!r})"

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The taught labels, in the order in which they were taught."""
        return tuple(anatomy.label for anatomy in self.anatomies)

    @cached_property
    def stages(self) -> tuple[int, ...]:
        """How many stages each label has."""
        return tuple(len(anatomy.stages) for anatomy in self.anatomies)

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
            ActionsError: no such label is taught; it says which one may be meant.
        """
        known = self.spelling(label)
        if known is not None:
            return known
        near = nearby_labels(label, self.labels, most=1)
        meant = f"is {quote(near[0])} meant? " if near else ""
        raise ActionsError(f"no action {quote(label)} is taught; {meant}there are: {', '.join(self.labels)}")


def check_taught(taught: TaughtActions) -> None:
    """Make sure that labels, examples and stages speak of the same actions.

    Raises:
        ActionsError: they do not; the message is to be put behind a place.
    """
    method, labels, examples = taught.method, taught.labels, taught.examples
    same = (
        len({lookup_key(label) for label in labels}) == len(labels) > 0
        and {one.label for one in examples} <= set(labels)
        and all(_fits(count, method) for count in taught.stages)
        and all(len(one.times) == method.frames for one in examples)
    )
    if not same:
        raise ActionsError("its labels, examples and features do not fit together")


def _fits(count: int, method: MethodConfig) -> bool:
    return count <= MAX_STAGES if method.stages == "auto" else count == method.stages
