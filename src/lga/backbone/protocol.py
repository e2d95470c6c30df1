"""What every backbone offers: frames and sentences into one joint space."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from jaxtyping import Float, UInt8
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Space:
    """Which of a token's `dim` numbers are compared with what.

    CLIP has one space for everything: `visual` and `semantic` are both the whole token. A backbone put together
    from a vision and a language model keeps them side by side: `visual` is compared between clips, `semantic` is
    compared with text, and a sentence is zero outside `semantic`.
    """

    dim: int
    visual: slice
    semantic: slice
    scale: float = 7.5
    """what the cosine of a picture and a sentence is multiplied by to tell classes apart by softmax, above 0: what the
    checkpoint learned, about 100 for CLIP; a bias that it learned beside it is the same for all classes. The default is
    that of `offline`, fitted to film clips without examples"""

    @property
    def shared(self) -> bool:
        """Whether sight and meaning are the same numbers."""
        return self.visual == self.semantic


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How a decoded picture becomes the one that a backbone reads.

    `short_side` and `crop` are in pixels: the short side is resized to `short_side` (antialiased, aspect kept), then
    the central `crop` x `crop` square is cut. `stretch` resizes both sides to `short_side` instead (SigLIP).
    Where `patches` is above 0 nothing is cut and the aspect is nearly kept (NaFlex): the picture is resized to the
    largest whole number of `patch` x `patch` squares, `patches` of them at most.
    Where `tubelet` is above 0, a clip's frames are encoded together, each `tubelet` in a row as one, and a frame's
    token depends on the others; `frames` is how many a clip must then have, 0 for any number.
    `beside` is what a second model reads of the same picture; `lga.backbone.beside` says how the two are handed over.
    """

    short_side: int
    crop: int
    resample: Literal["bicubic", "bilinear"] = "bicubic"
    stretch: bool = False
    patch: int = 0
    patches: int = 0
    frames: int = 0
    tubelet: int = 0
    beside: "Preprocessing | None" = None

    def wrong_frames(self, frames: int) -> str | None:
        """Why a clip of so many frames can't be encoded; None where it can."""
        if self.frames not in (0, frames):
            return f"{self.frames} frames of a clip are encoded together; use --frames {self.frames}, not {frames}"
        if self.tubelet and (frames % self.tubelet or not frames):
            return f"{self.tubelet} frames in a row are encoded together; use a multiple of that, not --frames {frames}"
        return None


@runtime_checkable
class Backbone(Protocol):
    """Encodes frames and sentences into one joint space; frozen and without state.

    What a frame or a sentence becomes never depends on what is encoded with it, but for the rounding of float32 and,
    where `preprocessing.tubelet` says so, for the other frames of its clip.
    `identity` names weights, preprocessing and number format: two backbones with the same identity give the same
    features, so it keys caches and taught actions. `motion_gap` is how many seconds after each sampled frame a second
    view of it is wanted (0: one view is enough).
    """

    @property
    def identity(self) -> str:
        """Weights, revision, preprocessing and number format in one line of text."""
        ...

    @property
    def space(self) -> Space:
        """The layout of a token."""
        ...

    @property
    def preprocessing(self) -> Preprocessing:
        """How pictures must be resized and cropped before `encode_frames`."""
        ...

    @property
    def motion_gap(self) -> float:
        """Seconds between the views of one sampled frame; 0 when one view is enough."""
        ...

    def encode_frames(
        self, clips: UInt8[Tensor, "batch frames views height width 3"]
    ) -> Float[Tensor, "batch frames dim"]:
        """Encode every frame of every clip in one batch; float32 on the CPU, not normalised."""
        ...

    def encode_text(self, sentences: Sequence[str]) -> Float[Tensor, "sentences dim"]:
        """Encode sentences; float32 on the CPU, not normalised."""
        ...
