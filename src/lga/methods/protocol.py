"""What every method is: it reads the clips once, then scores any episodes among them."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from einops import einsum
from jaxtyping import Float, Int
from torch import Tensor

from lga.backbone.protocol import Space
from lga.datasets.episodes import Episodes


@dataclass(frozen=True, slots=True, repr=False)
class Dataset:
    """Everything a method may look at: clips as frame features, their classes, and what the classes are called.

    The features are those of a backbone, as they come; the parts of `space` say where to look for sight and meaning.
    """

    frames: Float[Tensor, "clips frames dim"]
    label: Int[Tensor, " clips"]
    """the class number of every clip; a method may read those of an episode's examples, never of its queries"""
    sentences: Float[Tensor, "classes stages dim"]
    """the encoded stage sentences of every class, in the wording of the settings, padded with zeros where some classes
    have fewer stages than others"""
    names: Float[Tensor, "classes dim"]
    """the encoded names of the classes alone"""
    space: Space
    motion: Float[Tensor, "clips numbers"] | None = None
    """the clips' motion, as `lga.motion.descriptor` describes it; None where it was not measured"""
    stages: tuple[int, ...] | None = None
    """how many stages each class has; None where all have as many as there are sentences"""

    def __repr__(self) -> str:
        """On one line."""
        clips, frames, dim = self.frames.shape
        return f"Dataset({clips} clips of {len(self.names)} classes, {frames} frames of {dim} numbers)"

    @property
    def counts(self) -> tuple[int, ...]:
        """How many stages each class has."""
        return self.stages or (self.sentences.shape[1],) * len(self.sentences)


@dataclass(frozen=True, slots=True)
class Tasks:
    """Episodes as indices into a dataset, ready for tensors; rows are episodes."""

    classes: Int[Tensor, "episodes way"]
    query: Int[Tensor, "episodes way queries"]
    """place [e, w] holds clips of class classes[e, w]: the right answer, which a method may not use"""
    support: Int[Tensor, "episodes way shots"]

    @staticmethod
    def of(episodes: Episodes) -> "Tasks":
        """The same episodes as tensors."""
        return Tasks(*(torch.from_numpy(one) for one in (episodes.classes, episodes.query, episodes.support)))


Scorer = Callable[[Tasks], Float[Tensor, "episodes queries way"]]
"""Unnormalised log posteriors of each query over the classes of its episode; the queries are class after class (w q).
Any number of episodes may be asked at once: a scorer that needs much memory an episode goes through them in blocks."""

Method = Callable[[Dataset], Scorer]
"""A method reads the dataset once (matches what can be matched beforehand) and returns its scorer. A trainable method
is an `nn.Module` whose `forward` is this; gradients flow through dataset and scorer alike, so training calls the same
code as evaluation."""


def seen_frames(dataset: Dataset) -> Float[Tensor, "clips frames visual"]:
    """The visual part of every frame."""
    return dataset.frames[..., dataset.space.visual]


def seen_clips(dataset: Dataset) -> Float[Tensor, "clips visual"]:
    """The mean of every clip's frames, visual part."""
    return seen_frames(dataset).mean(1)


def name_similarity(dataset: Dataset) -> Float[Tensor, "clips classes"]:
    """The cosine of every clip's mean frame and every class's name, semantic part.

    Source: zero-shot recognition as CLIP does it (arXiv:2103.00020), on mean frames.
    """
    clips = F.normalize(dataset.frames[..., dataset.space.semantic].mean(1), dim=-1)
    names = F.normalize(dataset.names[..., dataset.space.semantic], dim=-1)
    return einsum(clips, names, "n d, c d -> n c")
