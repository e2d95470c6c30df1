"""How a checkpoint wants its pictures and its sentences, read from the checkpoint's own files."""

import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import file_digest
from math import isqrt
from pathlib import Path
from typing import Any, Literal

import torch
from einops import rearrange
from jaxtyping import Float, Int, UInt8
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, model_validator
from torch import Tensor

from lga.backbone.families import Family, Sentences
from lga.backbone.hub import ModelFolder, refuse_pointer
from lga.backbone.protocol import Preprocessing
from lga.errors import BackboneError
from lga.files import kind_of

Tokens = Mapping[str, Int[Tensor, "sentences length"]]

_RESAMPLE: dict[int, Literal["bicubic", "bilinear"]] = {2: "bilinear", 3: "bicubic"}
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)
_JSON_OBJECT = TypeAdapter(dict[str, object])
_CHANNELS = 3


@dataclass(frozen=True, slots=True)
class Pictures:
    """How a picture is cut to size, then scaled and shifted, channel by channel: `scale * grey + shift`."""

    preprocessing: Preprocessing
    scale: tuple[float, ...]
    shift: tuple[float, ...]

    def check(self, height: int, width: int) -> None:
        """Check the size of a picture.

        Raises:
            ValueError: the model doesn't read pictures of this size.
        """
        how = self.preprocessing
        if how.patches:
            fits = not height % how.patch and not width % how.patch and 0 < height * width <= how.patches * how.patch**2
            wanted = f"up to {how.patches} patches of {how.patch} x {how.patch}"
        else:
            fits, wanted = (height, width) == (how.crop, how.crop), f"{how.crop} x {how.crop}"
        if not fits:
            raise ValueError(f"frames must be {wanted} pixels, not {width} x {height}")

    def normalise(self, pictures: UInt8[Tensor, "frames 3 height width"]) -> Float[Tensor, "frames 3 height width"]:
        """Turn grey levels 0 to 255 into the numbers that the model was trained on."""
        scale = torch.tensor(self.scale, device=pictures.device)[:, None, None]
        shift = torch.tensor(self.shift, device=pictures.device)[:, None, None]
        return torch.addcmul(shift, pictures.float(), scale)

    def prepare(self, pictures: UInt8[Tensor, "frames 3 height width"]) -> dict[str, Tensor]:
        """What a vision tower of transformers is given, by name: pixels, or patches with their grid, all of them seen.

        Source: transformers, `convert_image_to_patches`, for the order of a patch's numbers; since pictures of one
        call have one shape, there is no padding.
        """
        pixels, patch = self.normalise(pictures), self.preprocessing.patch
        if not self.preprocessing.patches:
            return {"pixel_values": pixels}
        patches = rearrange(pixels, "n c (h i) (w j) -> n (h w) (i j c)", i=patch, j=patch)
        grid = torch.tensor([[pixels.shape[2] // patch, pixels.shape[3] // patch]]).expand(len(pixels), 2)
        seen = torch.ones(patches.shape[:2], dtype=torch.int32, device=pixels.device)
        return {"pixel_values": patches, "spatial_shapes": grid.to(pixels.device), "pixel_attention_mask": seen}


@dataclass(frozen=True, slots=True)
class Tokenizer:
    """How sentences become tokens, and how many are read together; `digest` names the tokenizer."""

    tokens: Callable[[Sequence[str], torch.device], Tokens]
    digest: str
    at_once: int


class _ImageProcessor(BaseModel):
    """What matters of a checkpoint's image processor; the older ones write a size as one number."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    size: int | dict[str, int | None] | None = None
    crop_size: int | dict[str, int | None] | None = None
    image_mean: tuple[float, float, float] | None = None
    image_std: tuple[float, float, float] | None = None
    resample: Literal[2, 3] = 3
    rescale_factor: float = 1 / 255
    rescale_offset: bool = False
    do_resize: Literal[True] = True
    do_rescale: Literal[True] = True
    do_normalize: bool = True
    include_top: bool = False
    do_center_crop: bool | None = None
    patch_size: int | None = None
    max_num_patches: int | None = None

    @model_validator(mode="after")
    def _complete(self) -> "_ImageProcessor":
        if self.do_normalize and self.image_mean is None:
            raise ValueError("image_mean is missing")
        if (self.do_normalize or self.include_top) and self.image_std is None:
            raise ValueError("image_std is missing")
        return self

    def channels(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """The factor and the summand of each channel's grey levels."""
        mean = (0.0,) * _CHANNELS if self.image_mean is None or not self.do_normalize else self.image_mean
        std = (1.0,) * _CHANNELS if self.image_std is None or not self.do_normalize else self.image_std
        top = (1.0,) * _CHANNELS if self.image_std is None or not self.include_top else self.image_std
        offset = 1.0 if self.rescale_offset else 0.0
        scale = tuple(self.rescale_factor / one / again for one, again in zip(std, top, strict=True))
        shift = tuple(-(offset + own) / one / again for own, one, again in zip(mean, std, top, strict=True))
        return scale, shift


def read_json(checkpoint: ModelFolder, name: str) -> dict[str, object]:
    """Read a JSON object from a checkpoint.

    Raises:
        BackboneError: the file is missing or damaged.
    """
    refuse_pointer(checkpoint.folder / name, checkpoint.name)
    try:
        return _JSON_OBJECT.validate_json((checkpoint.folder / name).read_bytes())
    except FileNotFoundError as error:
        raise BackboneError(f"{checkpoint.name}: no {name}; this is not a checkpoint of transformers") from error
    except (OSError, ValidationError) as error:
        raise BackboneError(f"{checkpoint.name}: {name} is damaged; download it again") from error


_PROCESSORS = (
    ("processor_config.json", "image_processor"),
    ("processor_config.json", "video_processor"),
    ("video_preprocessor_config.json", None),
)


def read_pictures(checkpoint: ModelFolder, family: Family, config: Any) -> Pictures:
    """Read how pictures are prepared for a model with this `config` of transformers.

    Raises:
        BackboneError: the settings are missing, damaged or of a kind that is not supported.
    """
    try:
        how = _ImageProcessor.model_validate({**family.defaults, **_processor(checkpoint), **family.fixed})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        why = f"{where}: {first['msg']}" if where else first["msg"].removeprefix("Value error, ")
        raise BackboneError(f"{checkpoint.name}: image processor not supported: {why}") from error
    side = family.side(config)
    preprocessing = _preprocessing(how, side)
    if preprocessing is None:
        wanted = "square picture" if side is None else f"{side} x {side} picture"
        raise BackboneError(
            f"{checkpoint.name}: the image processor makes no {wanted} "
            f"(size {how.size}, crop {how.crop_size}), but its model reads one"
        )
    if family.film is not None:
        film = family.film
        preprocessing = replace(preprocessing, frames=film.frames(config), tubelet=film.tubelet(config))
    return Pictures(preprocessing, *how.channels())


def _processor(checkpoint: ModelFolder) -> dict[str, object]:
    """The settings of the image processor, or of the one for video, from whichever file holds them."""
    for name, part in _PROCESSORS:
        if kind_of(checkpoint.folder / name) == "file":
            found = read_json(checkpoint, name)
            settings = found if part is None else found.get(part)
            if settings is not None:
                return _JSON_OBJECT.validate_python(settings)
    return read_json(checkpoint, "preprocessor_config.json")


def _preprocessing(how: _ImageProcessor, side: int | None) -> Preprocessing | None:
    resample = _RESAMPLE[how.resample]
    if how.patch_size and how.max_num_patches:
        square = how.patch_size * isqrt(how.max_num_patches)
        return Preprocessing(square, square, resample, patch=how.patch_size, patches=how.max_num_patches)
    size = {"shortest_edge": how.size} if isinstance(how.size, int) else how.size or {}
    kept = {name: length for name, length in size.items() if length is not None}
    resized = kept.get("height", kept.get("shortest_edge"))
    stretch = kept == {"height": resized, "width": resized}
    if resized is None or not (stretch or (kept.keys() == {"shortest_edge"} and how.do_center_crop)):
        return None
    cut = how.crop_size if how.do_center_crop else None
    crop = resized if cut is None else _square_side(cut)
    if crop is None or crop > resized or side not in (None, crop):
        return None
    return Preprocessing(resized, crop, resample, stretch=stretch)


def _square_side(size: int | dict[str, int | None]) -> int | None:
    if isinstance(size, int):
        return size
    side = size.get("height")
    return side if size == {"height": side, "width": side} else None


def read_tokenizer(checkpoint: ModelFolder, reading: Sentences, context: int) -> Tokenizer:
    """Load a checkpoint's tokenizer; sentences are cut to `context` tokens.

    The first SigLIP also drops punctuation.

    Raises:
        BackboneError: the tokenizer's files are missing or damaged.
    """
    from transformers import AutoTokenizer, CLIPTokenizer, PreTrainedTokenizerFast

    classes: dict[str, Any] = {
        "AutoTokenizer": AutoTokenizer,
        "CLIPTokenizer": CLIPTokenizer,
        "PreTrainedTokenizerFast": PreTrainedTokenizerFast,
    }
    files = _tokenizer_files(checkpoint, reading)
    drop = reading.plain and _is_first_siglip(checkpoint)
    # The tokenizers library raises a bare Exception on damaged JSON, so that is looked for first.
    for file in files:
        if file.suffix == ".json":
            read_json(checkpoint, file.name)
    try:
        tokenizer = classes[reading.tokenizer].from_pretrained(
            checkpoint.folder, local_files_only=True, padding_side="right"
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BackboneError(f"{checkpoint.name}: the tokenizer is damaged; download it again") from error

    def tokens(sentences: Sequence[str], device: torch.device) -> Tokens:
        cut = tokenizer(
            [_canonical(sentence, drop) if reading.plain else sentence for sentence in sentences],
            padding=reading.padding,
            truncation=True,
            max_length=context,
            return_tensors="pt",
        )
        names = ("input_ids", "attention_mask") if reading.masked else ("input_ids",)
        return {name: cut[name].to(device) for name in names}

    return Tokenizer(tokens, "".join(_digest(file)[:8] for file in files), reading.at_once)


_CLIP_FILES, _BERT_FILES = ("vocab.json", "merges.txt"), ("vocab.txt",)


def _tokenizer_files(checkpoint: ModelFolder, reading: Sentences) -> tuple[Path, ...]:
    parts = {"CLIPTokenizer": _CLIP_FILES, "AutoTokenizer": _BERT_FILES}.get(reading.tokenizer, ())
    for names in (("tokenizer.json",), parts):
        files = tuple(checkpoint.folder / name for name in names)
        if files and all(kind_of(file) == "file" for file in files):
            return files
    raise BackboneError(f"{checkpoint.name}: no tokenizer.json, so sentences cannot be read; copy it there too")


def _is_first_siglip(checkpoint: ModelFolder) -> bool:
    if kind_of(checkpoint.folder / "tokenizer_config.json") != "file":
        return False
    return str(read_json(checkpoint, "tokenizer_config.json").get("tokenizer_class")).startswith("SiglipTokenizer")


def _canonical(sentence: str, drop_punctuation: bool) -> str:
    return " ".join((sentence.translate(_NO_PUNCTUATION) if drop_punctuation else sentence).lower().split())


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()
