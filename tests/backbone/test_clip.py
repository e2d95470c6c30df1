import json
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch.testing import assert_close

from lga.backbone.clip import load_clip

SIDE = 32
TEXT = ["A man runs.", "the man jumps, to", "runs " * 90]


def some_clips(batch: int = 3, frames: int = 7, side: int = SIDE) -> torch.Tensor:
    generator = torch.Generator().manual_seed(11)
    return torch.randint(0, 256, (batch, frames, 1, side, side, 3), dtype=torch.uint8, generator=generator)


def their_model(folder: Path):
    from transformers import AutoModel

    return AutoModel.from_pretrained(folder).eval()


def their_pictures(folder: Path, pictures: list[Image.Image]) -> torch.Tensor:
    from transformers import CLIPImageProcessorPil, SiglipImageProcessorPil

    kind = CLIPImageProcessorPil if folder.name == "clip" else SiglipImageProcessorPil
    with torch.inference_mode():
        pixels = kind.from_pretrained(folder)(images=pictures, return_tensors="pt")["pixel_values"]
        return their_model(folder).get_image_features(pixel_values=pixels).pooler_output


def test_frames_of_the_models_size_get_the_features_that_transformers_gives(folder, tmp_path):
    exact = Path(shutil.copytree(folder, tmp_path / folder.name))
    if folder.name == "clip":
        settings = json.loads((exact / "preprocessor_config.json").read_text())
        (exact / "preprocessor_config.json").write_text(json.dumps(settings | {"size": SIDE}))
    clips = some_clips()
    pictures = [Image.fromarray(frame.numpy()) for frame in clips[:, :, 0].flatten(0, 1)]
    expected = their_pictures(exact, pictures).unflatten(0, clips.shape[:2])
    assert_close(load_clip(str(exact), device="cpu", precision="float32").encode_frames(clips), expected)


def test_resized_frames_get_nearly_the_features_that_transformers_gives(folder):
    transform = pytest.importorskip("lga.video.transform")
    backbone = load_clip(str(folder), device="cpu", precision="float32")
    rows, columns = torch.meshgrid(torch.arange(83), torch.arange(113), indexing="ij")
    frame = torch.stack([2 * rows, 2 * columns, 127 + 127 * torch.sin(rows / 9 + columns / 5)], -1).to(torch.uint8)
    ours = backbone.encode_frames(transform.resize_and_crop(frame[None], backbone.preprocessing)[None, :, None])
    theirs = their_pictures(folder, [Image.fromarray(frame.numpy())])
    assert_close(ours[0], theirs, atol=0.01 * theirs.abs().max().item(), rtol=0)


def test_sentences_get_the_features_that_transformers_gives(folder):
    from transformers import CLIPTokenizer, PreTrainedTokenizerFast

    if folder.name == "clip":
        tokens = CLIPTokenizer.from_pretrained(folder)(
            TEXT, padding=True, truncation=True, max_length=77, return_tensors="pt"
        )
    else:
        tokens = PreTrainedTokenizerFast.from_pretrained(folder)(
            TEXT, padding="max_length", truncation=True, max_length=64, return_tensors="pt"
        )
    with torch.inference_mode():
        expected = their_model(folder).get_text_features(**tokens).pooler_output
    ours = load_clip(str(folder), device="cpu", precision="float32").encode_text(TEXT)
    assert_close(ours, expected)


def test_siglip_reads_without_case_and_punctuation(folders):
    text = load_clip(str(folders["siglip"]), device="cpu").encode_text(["A man runs!", "a  man runs"])
    assert_close(text[0], text[1], atol=0, rtol=0)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_clips_are_encoded_alike_to_the_bit_alone_in_company_and_in_a_second_run(folder, precision):
    backbone, clips = load_clip(str(folder), device="cpu", precision=precision), some_clips()
    together = backbone.encode_frames(clips)
    assert together.shape == (3, 7, backbone.space.dim)
    assert together.dtype == torch.float32
    assert not together.is_inference()
    assert torch.equal(together, torch.cat([backbone.encode_frames(clip[None]) for clip in clips]))
    assert torch.equal(together[:, 3:5], backbone.encode_frames(clips[:, 3:5]))
    again = load_clip(str(folder), device="cpu", precision=precision)
    assert torch.equal(together, again.encode_frames(clips))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_sentences_are_encoded_alike_to_the_bit_alone_and_in_company(folder, precision):
    backbone = load_clip(str(folder), device="cpu", precision=precision)
    many = [f"{'the ' * (at % 5)}man runs" for at in range(131)]
    together = backbone.encode_text(many)
    for at in (0, 63, 64, 130):
        assert torch.equal(together[at], backbone.encode_text([many[at]])[0])


def test_nothing_gives_nothing(folder):
    backbone = load_clip(str(folder), device="cpu")
    assert backbone.encode_frames(some_clips(batch=0)).shape == (0, 7, backbone.space.dim)
    assert backbone.encode_frames(some_clips(frames=0)).shape == (3, 0, backbone.space.dim)
    assert backbone.encode_text([]).shape == (0, backbone.space.dim)


def test_preprocessing_and_space_come_from_the_checkpoint(folders):
    clip, siglip = (load_clip(str(folders[kind]), device="cpu") for kind in ("clip", "siglip"))
    assert (clip.preprocessing.short_side, clip.preprocessing.crop) == (40, SIDE)
    assert (clip.preprocessing.resample, clip.preprocessing.stretch) == ("bicubic", False)
    assert (siglip.preprocessing.resample, siglip.preprocessing.stretch) == ("bilinear", True)
    assert clip.space.dim == 19
    assert clip.space.visual == clip.space.semantic == slice(0, 19)
    assert siglip.space.dim == 24
    assert clip.motion_gap == siglip.motion_gap == 0


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_scale_turns_cosines_into_the_logits_that_transformers_gives(folder, precision, tmp_path):
    model = their_model(folder)
    with torch.inference_mode():
        model.logit_scale.fill_(3.7)
        if folder.name == "siglip":
            model.logit_bias.fill_(-10.3)
        theirs = model(input_ids=torch.tensor([[4, 5, 6, 7]]), pixel_values=torch.ones(1, 3, SIDE, SIDE))
    scaled = Path(shutil.copytree(folder, tmp_path / "scaled"))
    model.save_pretrained(scaled)
    scale = load_clip(str(scaled), device="cpu", precision=precision).space.scale
    cosine = (theirs.image_embeds @ theirs.text_embeds.T).item()
    bias = -10.3 if folder.name == "siglip" else 0.0
    assert scale * cosine == pytest.approx(theirs.logits_per_image.item() - bias, rel=1e-5)


def test_frames_of_another_size_are_refused(folder):
    with pytest.raises(ValueError, match="32 x 32 pixels, not 31 x 31"):
        load_clip(str(folder), device="cpu").encode_frames(some_clips(side=31))


def test_bfloat16_is_close_to_float32_and_has_its_own_identity(folder):
    full, half = (load_clip(str(folder), device="cpu", precision=name) for name in ("float32", "bfloat16"))
    clips = some_clips(batch=1, frames=2)
    similarity = torch.cosine_similarity(full.encode_frames(clips), half.encode_frames(clips), dim=-1)
    assert similarity.min() > 0.99
    assert full.identity != half.identity


def test_the_identity_follows_the_content_and_not_the_path(folder, tmp_path):
    first = load_clip(str(folder), device="cpu").identity
    moved = Path(shutil.copytree(folder, tmp_path / "moved"))
    assert load_clip(str(moved), device="cpu").identity == first
    weights = load_file(moved / "model.safetensors")
    weights["logit_scale"] = weights["logit_scale"] + 1
    save_file(weights, moved / "model.safetensors", metadata={"format": "pt"})
    assert load_clip(str(moved), device="cpu").identity != first
    assert "\n" not in first
    assert len(first) < 120


@pytest.mark.parametrize("change", ["pictures", "words", "activation"])
def test_the_identity_follows_what_is_not_in_the_weights(folders, change, tmp_path):
    altered = Path(shutil.copytree(folders["clip"], tmp_path / "altered"))
    name, old, new = {
        "pictures": ("preprocessor_config.json", "0.48", "0.47"),
        "words": ("merges.txt", "ru n\n", ""),
        "activation": ("config.json", "quick_gelu", "gelu"),
    }[change]
    (altered / name).write_text((altered / name).read_text().replace(old, new).replace("run s</w>\n", ""))
    assert load_clip(str(altered), device="cpu").identity != load_clip(str(folders["clip"]), device="cpu").identity


def test_loading_prints_nothing(folder, capfd):
    load_clip(str(folder), device="cpu")
    assert capfd.readouterr() == ("", "")
