"""How a CLIP checkpoint wants its pictures and its sentences, read from the checkpoint's own files."""

import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Literal

import torch
from jaxtyping import Float, Int, UInt8
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from torch import Tensor

from lga.backbone.hub import ModelFolder
from lga.backbone.protocol import Preprocessing
from lga.errors import BackboneError

Kind = Literal["clip", "siglip"]
Tokens = Mapping[str, Int[Tensor, "sentences length"]]

_RESAMPLE: dict[int, Literal["bicubic", "bilinear"]] = {2: "bilinear", 3: "bicubic"}
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)
_JSON_OBJECT = TypeAdapter(dict[str, object])


@dataclass(frozen=True, slots=True)
class Pictures:
    """How a picture is cut to size, then scaled and shifted, channel by channel: `scale * grey + shift`."""

    preprocessing: Preprocessing
    scale: tuple[float, ...]
    shift: tuple[float, ...]

    def normalise(self, pictures: UInt8[Tensor, "frames 3 height width"]) -> Float[Tensor, "frames 3 height width"]:
        """Turn grey levels 0 to 255 into the numbers that the model was trained on."""
        scale = torch.tensor(self.scale, device=pictures.device)[:, None, None]
        shift = torch.tensor(self.shift, device=pictures.device)[:, None, None]
        return torch.addcmul(shift, pictures.float(), scale)


@dataclass(frozen=True, slots=True)
class Tokenizer:
    """How sentences become tokens; `digest` names the tokenizer."""

    tokens: Callable[[Sequence[str], torch.device], Tokens]
    digest: str


class _ImageProcessor(BaseModel):
    """What matters of a checkpoint's image processor; the older ones write a size as one number."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    size: int | dict[str, int | None]
    crop_size: int | dict[str, int | None] | None = None
    image_mean: tuple[float, float, float]
    image_std: tuple[float, float, float]
    resample: Literal[2, 3] = 3
    rescale_factor: float = 1 / 255
    do_resize: Literal[True] = True
    do_rescale: Literal[True] = True
    do_normalize: Literal[True] = True
    do_center_crop: bool | None = None


def read_json(checkpoint: ModelFolder, name: str) -> dict[str, object]:
    """Read a JSON object from a checkpoint.

    Raises:
        BackboneError: the file is missing or damaged.
    """
    try:
        return _JSON_OBJECT.validate_json((checkpoint.folder / name).read_bytes())
    except FileNotFoundError as error:
        raise BackboneError(f"{checkpoint.name}: no {name}; this is not a CLIP or SigLIP checkpoint") from error
    except (OSError, ValidationError) as error:
        raise BackboneError(f"{checkpoint.name}: {name} is damaged; download it again") from error


def read_pictures(checkpoint: ModelFolder, side: int) -> Pictures:
    """Read how pictures are prepared for a model that sees `side` x `side` pixels.

    Raises:
        BackboneError: the settings are missing, damaged or of a kind that is not supported.
    """
    settings: object = None
    if (checkpoint.folder / "processor_config.json").is_file():
        settings = read_json(checkpoint, "processor_config.json").get("image_processor")
    if settings is None:
        settings = read_json(checkpoint, "preprocessor_config.json")
    try:
        how = _ImageProcessor.model_validate(settings)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BackboneError(f"{checkpoint.name}: image processor not supported: {where}: {first['msg']}") from error
    preprocessing = _preprocessing(how, side)
    if preprocessing is None:
        raise BackboneError(
            f"{checkpoint.name}: the image processor makes no {side} x {side} picture "
            f"(size {how.size}, crop {how.crop_size}), but its model reads one"
        )
    return Pictures(
        preprocessing,
        scale=tuple(how.rescale_factor / std for std in how.image_std),
        shift=tuple(-mean / std for mean, std in zip(how.image_mean, how.image_std, strict=True)),
    )


def _preprocessing(how: _ImageProcessor, side: int) -> Preprocessing | None:
    size = {"shortest_edge": how.size} if isinstance(how.size, int) else how.size
    crop = {"height": how.crop_size, "width": how.crop_size} if isinstance(how.crop_size, int) else how.crop_size
    square = {"height": side, "width": side}
    kept = {name: length for name, length in size.items() if length is not None}
    resample = _RESAMPLE[how.resample]
    if kept == square and (not how.do_center_crop or crop in (None, square)):
        return Preprocessing(side, side, resample, stretch=True)
    short = kept.get("shortest_edge")
    if len(kept) == 1 and short is not None and short >= side and how.do_center_crop and crop in (None, square):
        return Preprocessing(short, side, resample) if crop or short == side else None
    return None


def read_tokenizer(checkpoint: ModelFolder, kind: Kind, context: int) -> Tokenizer:
    """Load a checkpoint's tokenizer; sentences are cut to `context` tokens.

    CLIP pads to the longest sentence and masks the padding. SigLIP lowercases, pads to the whole context and
    attends to the padding, as it was trained; the first SigLIP also drops punctuation.

    Raises:
        BackboneError: the tokenizer's files are missing or damaged.
    """
    from transformers import CLIPTokenizer, PreTrainedTokenizerFast

    files = _tokenizer_files(checkpoint, kind)
    drop = kind == "siglip" and _is_first_siglip(checkpoint)
    # The tokenizers library raises a bare Exception on damaged JSON, so that is looked for first.
    for file in files:
        if file.suffix == ".json":
            read_json(checkpoint, file.name)
    try:
        tokenizer = (CLIPTokenizer if kind == "clip" else PreTrainedTokenizerFast).from_pretrained(
            checkpoint.folder, local_files_only=True, padding_side="right"
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BackboneError(f"{checkpoint.name}: the tokenizer is damaged; download it again") from error

    def tokens(sentences: Sequence[str], device: torch.device) -> Tokens:
        cut = tokenizer(
            [_canonical(sentence, drop) if kind == "siglip" else sentence for sentence in sentences],
            padding="longest" if kind == "clip" else "max_length",
            truncation=True,
            max_length=context,
            return_tensors="pt",
        )
        names = ("input_ids", "attention_mask") if kind == "clip" else ("input_ids",)
        return {name: cut[name].to(device) for name in names}

    return Tokenizer(tokens, "".join(_digest(file)[:8] for file in files))


def _tokenizer_files(checkpoint: ModelFolder, kind: Kind) -> tuple[Path, ...]:
    whole = checkpoint.folder / "tokenizer.json"
    parts = (checkpoint.folder / "vocab.json", checkpoint.folder / "merges.txt")
    if whole.is_file():
        return (whole,)
    if kind == "clip" and all(part.is_file() for part in parts):
        return parts
    raise BackboneError(f"{checkpoint.name}: no tokenizer.json, so sentences cannot be read; copy it there too")


def _is_first_siglip(checkpoint: ModelFolder) -> bool:
    if not (checkpoint.folder / "tokenizer_config.json").is_file():
        return False
    return str(read_json(checkpoint, "tokenizer_config.json").get("tokenizer_class")).startswith("SiglipTokenizer")


def _canonical(sentence: str, drop_punctuation: bool) -> str:
    return " ".join((sentence.translate(_NO_PUNCTUATION) if drop_punctuation else sentence).lower().split())


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()
