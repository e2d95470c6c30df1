"""A model of transformers, loaded whole and without its noise; what of it the features depend on."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import torch
from safetensors import SafetensorError

from lga.backbone.families import Family, find_family
from lga.backbone.hub import ModelFolder, find_model, quiet_transformers
from lga.backbone.protocol import Preprocessing
from lga.backbone.reading import Pictures, read_json
from lga.errors import BackboneError
from lga.files import kind_of


def require_transformers() -> None:
    """Check that transformers is there.

    Raises:
        BackboneError: it is not.
    """
    try:
        import transformers  # pyright: ignore[reportUnusedImport]  # noqa: F401
    except ImportError as error:
        raise BackboneError("CLIP needs transformers, which is not installed: pip install 'lga[clip]'") from error


_BOOKKEEPING = ("_name_or_path", "architectures", "dtype", "torch_dtype", "transformers_version")


def find_checkpoint(model: str) -> tuple[ModelFolder, str, Family]:
    """Where a model lies, its kind, and what is known of that.

    Raises:
        BackboneError: it cannot be found or is of another kind, or transformers is missing.
    """
    require_transformers()
    checkpoint = find_model(model)
    return checkpoint, *read_family(checkpoint)


def read_family(checkpoint: ModelFolder) -> tuple[str, Family]:
    """The kind of a checkpoint, as its config.json names it, and what is known of it.

    Raises:
        BackboneError: there is no config.json, it is damaged, another library's, or no such kind is known.
    """
    if kind_of(checkpoint.folder / "config.json") != "file":
        checkpoint.refuse_foreign()
    kind = read_json(checkpoint, "config.json").get("model_type")
    family = find_family(checkpoint.name, kind)
    return str(kind), family


def load_weights(checkpoint: ModelFolder, family: Family) -> Any:
    """Load a model in float32 on the processor, frozen.

    Raises:
        BackboneError: the weights are missing, incomplete or damaged.
    """
    from huggingface_hub.errors import StrictDataclassError
    from transformers import AutoConfig, AutoModel

    checkpoint.weight_files()
    try:
        with quiet_transformers():
            config = AutoConfig.from_pretrained(checkpoint.folder, local_files_only=True)
            model, report = AutoModel.from_pretrained(
                checkpoint.weights,
                config=config,
                dtype=torch.float32,
                attn_implementation=None if family.attention is None else dict(family.attention),
                use_safetensors=True,
                local_files_only=True,
                output_loading_info=True,
            )
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        RuntimeError,
        SafetensorError,
        StrictDataclassError,
    ) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        if "ignore_mismatched_sizes" in reason:  # transformers points to a table that it printed where nobody sees it
            reason = _misfit(checkpoint)
        raise BackboneError(f"{checkpoint.name}: the weights cannot be loaded ({reason})") from error
    missing = sorted(report["missing_keys"])
    if missing:
        raise BackboneError(f"{checkpoint.name}: the weights lack {len(missing)} parts, the first is {missing[0]}")
    return model.eval().requires_grad_(False)


def _misfit(checkpoint: ModelFolder) -> str:
    """Why weights have other shapes than the settings say: mostly a part of the settings that is not there."""
    from transformers import AutoConfig

    told = read_json(checkpoint, "config.json")
    config: Any = AutoConfig.from_pretrained(checkpoint.folder, local_files_only=True)
    parts: list[str] = list(type(config).sub_configs)
    lacking = [name for name in parts if not told.get(name)]
    if lacking:
        return f"config.json lacks {' and '.join(lacking)}, and they do not fit what is usual; download it again"
    return "they have other shapes than config.json says; download both again"


def architecture(checkpoint: ModelFolder, kind: str, model: Any) -> list[object]:
    """What changes the features and shows neither in the weights nor in their shapes.

    For CLIP and SigLIP the few settings by which their features have been named since 0.1.0, else the whole
    config.json, but for what transformers notes there about itself.
    """
    if kind in ("clip", "siglip"):
        towers = (model.config.vision_config, model.config.text_config)
        facts: list[object] = [(tower.hidden_act, tower.num_attention_heads, tower.layer_norm_eps) for tower in towers]
        return [*facts, model.config.text_config.eos_token_id]
    return _plain(read_json(checkpoint, "config.json"))


def _plain(settings: dict[str, Any]) -> list[object]:
    """A JSON object as nested pairs in the order of their names."""
    return [
        (name, _plain(value) if isinstance(value, dict) else value)
        for name, value in sorted(settings.items())
        if name not in _BOOKKEEPING
    ]


def identify(
    kind: str, checkpoint: ModelFolder, pictures: Pictures, facts: Sequence[object], dtype: torch.dtype
) -> str:
    """Weights, preprocessing, number format and whatever else the features depend on, in one line of text."""
    how = pictures.preprocessing
    reading = sha256(repr((pictures.scale, pictures.shift, *facts)).encode()).hexdigest()
    number = str(dtype).removeprefix("torch.")
    return f"{kind} {checkpoint.weights_digest()[:16]} {_fit(how)} {how.resample} {reading[:8]} {number}"


def _fit(how: Preprocessing) -> str:
    """How a picture is made to fit, for people."""
    if how.patches:
        return f"{how.patches} patches of {how.patch}"
    if how.stretch and how.short_side == how.crop:
        return f"stretch {how.crop}"
    return f"{'stretch' if how.stretch else 'short side'} {how.short_side} crop {how.crop}"
