"""A second model for sight alone: clips are compared by the one, with text by the other."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import lcm

import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn.functional import pad

from lga.backbone.beside import take_apart
from lga.backbone.precision import Precision, choose_device, choose_dtype
from lga.backbone.protocol import Backbone, Preprocessing, Space
from lga.backbone.reading import read_pictures
from lga.backbone.vision import FilmVision, Vision, encode_clips, make_sight
from lga.backbone.weights import architecture, find_checkpoint, identify, load_weights
from lga.errors import BackboneError


@dataclass(frozen=True, slots=True)
class Sight:
    """A frozen model that sees and, whatever else it can, is not asked to read."""

    identity: str
    dim: int
    preprocessing: Preprocessing
    device: torch.device
    vision: Vision | FilmVision


def load_sight(model: str, *, device: str = "auto", precision: Precision = "auto") -> Sight:
    """Load a model that sees from a folder, the hub's local cache or the hub; only safetensors, never pickle.

    Raises:
        BackboneError: the model cannot be found, is damaged or of another kind, or transformers is missing.
        LGAError: this machine has no such device.
    """
    place = choose_device(device)
    dtype = choose_dtype(place, precision)
    checkpoint, kind, family = find_checkpoint(model)
    loaded = load_weights(checkpoint, family)
    pictures = read_pictures(checkpoint, family, loaded.config)
    if pictures.preprocessing.patches:
        raise BackboneError(f"{model}: {family.title} sees pictures of any shape and cannot stand beside another model")
    return Sight(
        identity=identify(kind, checkpoint, pictures, (architecture(checkpoint, kind, loaded),), dtype),
        dim=family.dim(loaded.config),
        preprocessing=pictures.preprocessing,
        device=place,
        vision=make_sight(loaded.to(device=place, dtype=dtype), family, pictures),
    )


@dataclass(frozen=True, slots=True)
class TwoBackbones:
    """Clips are compared by what `sight` sees, and with text by what `meaning` sees and reads.

    A token is the sight's, then the semantic part of the meaning's. A picture for it holds both models' pictures, as
    `lga.backbone.beside` lays them. The scale is that of `meaning`, since only that is compared with text.
    """

    meaning: Backbone
    sight: Sight
    identity: str
    space: Space
    preprocessing: Preprocessing
    motion_gap: float

    def encode_frames(
        self, clips: UInt8[Tensor, "batch frames views height width 3"]
    ) -> Float[Tensor, "batch frames dim"]:
        """Encode every frame of every clip by both.

        Raises:
            ValueError: the pictures are not what the two models read, or not as many as they read together.
        """
        own, seen = take_apart(clips, self.sight.preprocessing.crop)
        meant = self.meaning.encode_frames(own)[..., self.meaning.space.semantic]
        return torch.cat([encode_clips(self.sight.vision, seen, self.sight.device), meant], -1)

    def encode_text(self, sentences: Sequence[str]) -> Float[Tensor, "sentences dim"]:
        """Encode sentences; zero where clips are compared with clips."""
        return pad(self.meaning.encode_text(sentences)[:, self.meaning.space.semantic], (self.sight.dim, 0))


def put_beside(meaning: Backbone, sight: Sight) -> TwoBackbones:
    """One backbone of a dual, for text, and a second model, for sight.

    Raises:
        BackboneError: both encode a clip's frames together, but not the same number of them.
    """
    both = (meaning.preprocessing, sight.preprocessing)
    wanted = {how.frames for how in both if how.frames}
    tubelet = max(how.tubelet for how in both) and lcm(*(how.tubelet or 1 for how in both))
    if len(wanted) > 1 or any(frames % tubelet for frames in wanted if tubelet):
        raise BackboneError(
            f"the model reads {both[0].frames} frames of a clip together and the one for sight {both[1].frames}; "
            "take two that read the same number"
        )
    semantic = meaning.space.semantic
    numbers = len(range(meaning.space.dim)[semantic])
    return TwoBackbones(
        meaning=meaning,
        sight=sight,
        identity=f"{meaning.identity} sight {sight.identity}",
        space=Space(
            sight.dim + numbers, slice(0, sight.dim), slice(sight.dim, sight.dim + numbers), meaning.space.scale
        ),
        preprocessing=replace(
            meaning.preprocessing, frames=max(wanted, default=0), tubelet=tubelet, beside=sight.preprocessing
        ),
        motion_gap=meaning.motion_gap,
    )
