"""Every kind of dual gets the features, the scale and the pictures that its own pipeline in transformers gives."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from einops import rearrange
from PIL import Image
from torch.testing import assert_close

from lga.backbone.clip import load_clip, make_vision
from lga.errors import BackboneError
from lga.video.transform import resize_and_crop

TEXT = ["A man runs.", "the man jumps, to", "runs"]
PROCESSORS = {
    "siglip2": "Siglip2ImageProcessorPil",
    "align": "EfficientNetImageProcessorPil",
    "chinese_clip": "ChineseCLIPImageProcessorPil",
}
SIDE = 32
SIZES = [(83, 113), (61, 37), (40, 40)]


@pytest.fixture(params=["metaclip_2", "aimv2", "altclip", "chinese_clip", "siglip2", "align"])
def folder(request, model_folder) -> Path:
    return model_folder(request.param)


def their_model(folder: Path):
    from transformers import AutoModel

    return AutoModel.from_pretrained(folder).eval()


def their_inputs(folder: Path, pictures: list[Image.Image]):
    import transformers

    kind = getattr(transformers, PROCESSORS.get(folder.name, "CLIPImageProcessorPil"))
    return kind.from_pretrained(folder)(images=pictures, return_tensors="pt")


def their_tokens(folder: Path, sentences: list[str]):
    from transformers import AutoTokenizer

    how = {"padding": "max_length", "max_length": 16} if folder.name == "siglip2" else {"padding": True}
    return AutoTokenizer.from_pretrained(folder)(sentences, truncation=True, return_tensors="pt", **how)


def slope(height: int, width: int) -> torch.Tensor:
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return torch.stack([2 * rows, 2 * columns, 127 + 127 * torch.sin(rows / 9 + columns / 5)], -1).to(torch.uint8)


def loaded(folder: Path, precision: str = "float32"):
    return load_clip(str(folder), device="cpu", precision=precision)


def seen(backbone, picture: torch.Tensor) -> torch.Tensor:
    return backbone.encode_frames(resize_and_crop(picture[None], backbone.preprocessing)[None, :, None])[0]


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_pictures_get_nearly_the_features_that_transformers_gives(folder, size):
    picture = slope(*size)
    theirs = their_inputs(folder, [Image.fromarray(picture.numpy())])
    with torch.inference_mode():
        expected = their_model(folder).get_image_features(**theirs).pooler_output
    assert_close(seen(loaded(folder), picture), expected, atol=0.01 * expected.abs().max().item(), rtol=0)


def test_pictures_of_the_models_size_get_exactly_those_features(folder):
    backbone = loaded(folder)
    how = backbone.preprocessing
    size = (24, 56) if how.patches else (how.crop, how.crop)
    generator = torch.Generator().manual_seed(11)
    frames = torch.randint(0, 256, (2, 3, 1, *size, 3), dtype=torch.uint8, generator=generator)
    theirs = their_inputs(folder, [Image.fromarray(slope(*size).numpy())])
    flat = rearrange(frames[:, :, 0], "b t h w c -> (b t) c h w")
    ours = backbone.vision.pictures.prepare(flat)
    assert ours.keys() == dict(theirs).keys()
    with torch.inference_mode():
        expected = their_model(folder).get_image_features(**ours).pooler_output.unflatten(0, (2, 3))
    assert_close(backbone.encode_frames(frames), expected)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_pictures_have_the_numbers_that_the_image_processor_gives(folder, size):
    backbone, picture = loaded(folder), slope(*size)
    theirs = their_inputs(folder, [Image.fromarray(picture.numpy())])
    cut = rearrange(resize_and_crop(picture[None], backbone.preprocessing), "b h w c -> b c h w")
    ours = backbone.vision.pictures.prepare(cut)
    wanted = theirs["pixel_values"]
    grey_level = max(backbone.vision.pictures.scale)
    apart = (ours["pixel_values"] - wanted[:, : ours["pixel_values"].shape[1]]).abs()
    unresized = size == (40, 40) and folder.name != "siglip2"
    assert apart.max() <= (1e-5 if unresized else 2.001 * grey_level)
    assert apart.mean() <= 0.3 * grey_level
    if folder.name == "siglip2":
        shape = theirs["spatial_shapes"][0]
        assert torch.equal(ours["spatial_shapes"][0], shape)
        assert shape[0] * shape[1] == theirs["pixel_attention_mask"].sum() == ours["pixel_attention_mask"].sum() <= 23
        assert shape[0] != shape[1] or size[0] == size[1]


@pytest.mark.parametrize(
    ("offset", "normalize", "top"), [(True, True, True), (False, True, False), (False, False, True)]
)
def test_aligns_image_processor_is_followed_in_all_its_settings(model_folder, tmp_path, offset, normalize, top):
    altered = Path(shutil.copytree(model_folder("align"), tmp_path / "align"))
    settings = json.loads((altered / "preprocessor_config.json").read_text())
    settings |= {"rescale_offset": offset, "do_normalize": normalize, "include_top": top}
    settings |= {"image_mean": [0.5, 0.4, 0.3], "image_std": [0.5, 0.6, 0.7]}
    (altered / "preprocessor_config.json").write_text(json.dumps(settings))
    picture, pictures = slope(40, 40), loaded(altered).vision.pictures
    theirs = their_inputs(altered, [Image.fromarray(picture.numpy())])["pixel_values"]
    cut = rearrange(resize_and_crop(picture[None], pictures.preprocessing), "b h w c -> b c h w")
    assert_close(pictures.normalise(cut), theirs)


def test_naflex_without_settings_has_those_of_its_image_processor(model_folder, tmp_path):
    from transformers import Siglip2ImageProcessorPil

    altered = Path(shutil.copytree(model_folder("siglip2"), tmp_path / "siglip2"))
    (altered / "preprocessor_config.json").write_text("{}")
    theirs, pictures = Siglip2ImageProcessorPil(), loaded(altered).vision.pictures
    how = pictures.preprocessing
    assert (how.patch, how.patches, how.resample) == (theirs.patch_size, theirs.max_num_patches, "bilinear")
    assert pictures.shift == tuple(-mean / std for mean, std in zip(theirs.image_mean, theirs.image_std, strict=True))


def test_sentences_get_the_features_that_transformers_gives(folder):
    with torch.inference_mode():
        expected = their_model(folder).get_text_features(**their_tokens(folder, TEXT)).pooler_output
    ours = loaded(folder).encode_text(TEXT)
    assert_close(ours, expected)
    assert not torch.allclose(ours[0], ours[1])


def test_the_scale_turns_cosines_into_the_logits_that_transformers_gives(folder):
    picture = slope(61, 37)
    inputs = {**their_inputs(folder, [Image.fromarray(picture.numpy())]), **their_tokens(folder, TEXT)}
    with torch.inference_mode():
        theirs = their_model(folder)(**inputs)
    cosines = (theirs.image_embeds @ theirs.text_embeds.T).flatten()
    scale = loaded(folder, "bfloat16").space.scale
    wanted = theirs.logits_per_image.flatten()
    assert_close(scale * (cosines - cosines[0]), wanted - wanted[0], rtol=1e-4, atol=1e-4)
    assert scale > 1


def test_a_sentence_without_padding_is_read_as_one_with_it(folder):
    """With its default attention, transformers reads the two differently in AIMv2."""
    tokens = their_tokens(folder, ["runs"]) if folder.name == "siglip2" else their_tokens(folder, ["runs", TEXT[1]])
    with torch.inference_mode():
        padded = their_model(folder).get_text_features(**tokens).pooler_output[0]
    assert_close(loaded(folder).encode_text(["runs"])[0], padded)


def test_aimv2_clamps_its_scale_as_transformers_does(model_folder, tmp_path):
    altered = Path(shutil.copytree(model_folder("aimv2"), tmp_path / "aimv2"))
    settings = json.loads((altered / "config.json").read_text())
    (altered / "config.json").write_text(json.dumps({**settings, "max_logit_scale": 20.0}))
    assert loaded(altered).space.scale == pytest.approx(20)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_clips_and_sentences_are_encoded_alike_to_the_bit_alone_and_in_company(folder, precision):
    backbone = loaded(folder, precision)
    side = backbone.preprocessing.crop
    generator = torch.Generator().manual_seed(5)
    clips = torch.randint(0, 256, (3, 5, 1, side, side, 3), dtype=torch.uint8, generator=generator)
    together = backbone.encode_frames(clips)
    assert together.shape == (3, 5, backbone.space.dim)
    assert torch.equal(together, torch.cat([backbone.encode_frames(clip[None]) for clip in clips]))
    many = [f"{'the ' * (at % 5)}man runs" for at in range(7)]
    text = backbone.encode_text(many)
    assert torch.equal(text, torch.cat([backbone.encode_text([one]) for one in many]))


def test_long_sentences_are_cut_and_not_refused(folder):
    assert bool(loaded(folder).encode_text(["runs " * 700]).isfinite().all())


def test_the_identity_follows_what_is_only_in_the_settings(folder, tmp_path):
    altered = Path(shutil.copytree(folder, tmp_path / folder.name))
    settings = json.loads((altered / "config.json").read_text())
    first = loaded(folder).identity
    settings["transformers_version"] = "0.0"
    (altered / "config.json").write_text(json.dumps(settings))
    assert loaded(altered).identity == first
    settings["text_config"]["hidden_act"] = "relu"
    (altered / "config.json").write_text(json.dumps(settings))
    assert loaded(altered).identity != first
    assert "\n" not in first
    assert len(first) < 120


def test_pictures_that_naflex_cannot_read_are_refused(model_folder):
    backbone = loaded(model_folder("siglip2"))
    for high, wide in ((24, 20), (64, 64)):
        with pytest.raises(ValueError, match="up to 23 patches of 8 x 8"):
            backbone.encode_frames(torch.zeros(1, 1, 1, high, wide, 3, dtype=torch.uint8))


def test_what_can_be_fine_tuned_starts_from_its_own_weights(folder):
    backbone = loaded(folder)
    if folder.name in ("siglip2", "align"):
        with pytest.raises(BackboneError, match="cannot be fine-tuned"):
            make_vision(backbone, gradient_checkpointing=False)
        return
    vision = make_vision(backbone, gradient_checkpointing=True)
    frames = torch.randint(0, 256, (1, 3, SIDE, SIDE, 3), generator=torch.Generator().manual_seed(2)).to(torch.uint8)
    assert_close(vision(frames).detach(), backbone.encode_frames(frames[:, :, None]))
    vision(frames).square().sum().backward()
    assert all(weight.grad is not None for name, weight in vision.named_parameters() if "patch_embed" in name)
