"""A second model for sight: clips are compared by the one, with text by the other."""

import pytest
import torch
from einops import rearrange
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

import lga
from lga.backbone.beside import lay_beside, take_apart
from lga.backbone.clip import load_clip, make_vision
from lga.backbone.load import load_backbone
from lga.backbone.sight import load_sight, put_beside
from lga.backbone.tiny import TinyBackbone
from lga.config import BackboneConfig, MethodConfig
from lga.errors import ActionsError, BackboneError, SettingsError
from lga.features.cache import FeatureCache
from lga.features.store import FeatureStore
from lga.recognizer import Recognizer
from lga.store.folder import load_actions
from lga.video.transform import resize_and_crop

PICTURE_MODELS = ["dinov2", "dinov2_with_registers", "dinov3_vit", "dinov3_convnext"]
METHOD = MethodConfig(frames=4, text_injection=0.0, alpha=1.0, hub_correction=0.0)


def noise(*shape: int) -> torch.Tensor:
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(3))


@given(st.integers(1, 13), st.integers(1, 13), st.integers(1, 13))
def test_two_pictures_are_laid_beside_each_other_and_taken_apart(height, width, side):
    first, second = noise(2, height, width, 3), noise(2, side, side, 3)
    found = take_apart(lay_beside(first, second), side)
    assert torch.equal(found[0], first)
    assert torch.equal(found[1], second)


@pytest.mark.parametrize("kind", PICTURE_MODELS)
def test_a_picture_gets_the_feature_that_transformers_gives(kind, model_folder):
    from transformers import AutoModel

    sight = load_sight(str(model_folder(kind)), device="cpu", precision="float32")
    frames = noise(2, 3, 1, 32, 32, 3)
    shown = rearrange(frames[:, :, 0], "b t h w c -> (b t) c h w").float() / 255
    mean, std = (torch.tensor(one)[:, None, None] for one in ((0.48, 0.45, 0.4), (0.26, 0.27, 0.28)))
    with torch.inference_mode():
        model = AutoModel.from_pretrained(model_folder(kind)).eval()
        expected = model(pixel_values=(shown - mean) / std).pooler_output.unflatten(0, (2, 3))
    both = put_beside(TinyBackbone(), sight)
    tokens = both.encode_frames(lay_all(noise(2, 3, 2, 32, 32, 3), frames))
    assert tokens.shape[-1] == sight.dim + 16
    assert_close(tokens[..., both.space.visual], expected)


def lay_all(own: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
    views = own.shape[2]
    flat = lay_beside(own.flatten(0, 2), seen.expand(-1, -1, views, -1, -1, -1).flatten(0, 2))
    return flat.unflatten(0, own.shape[:3])


def test_dinov2_is_given_the_pictures_of_its_own_image_processor(model_folder):
    from PIL import Image
    from transformers import BitImageProcessorPil

    picture = torch.stack(torch.meshgrid(torch.arange(83), torch.arange(113), torch.arange(3), indexing="ij")).sum(0)
    picture = picture.to(torch.uint8)
    pictures = load_sight(str(model_folder("dinov2")), device="cpu").vision.pictures
    cut = rearrange(resize_and_crop(picture[None], pictures.preprocessing), "b h w c -> b c h w")
    theirs = BitImageProcessorPil.from_pretrained(model_folder("dinov2"))(
        Image.fromarray(picture.numpy()), return_tensors="pt"
    )["pixel_values"]
    assert (pictures.normalise(cut) - theirs).abs().max() <= 2.001 * max(pictures.scale)


def test_text_and_meaning_are_the_duals_and_sight_is_the_other_models(model_folder):
    dual = load_clip(str(model_folder("chinese_clip")), device="cpu", precision="float32")
    sight = load_sight(str(model_folder("videomae")), device="cpu", precision="float32")
    both = put_beside(dual, sight)
    own, seen = noise(2, 4, 1, 32, 32, 3), noise(2, 4, 1, 32, 32, 3).flip(0)
    tokens = both.encode_frames(lay_all(own, seen))
    assert torch.equal(tokens[..., both.space.semantic], dual.encode_frames(own))
    text = both.encode_text(["a man runs"])
    assert torch.equal(text[:, both.space.semantic], dual.encode_text(["a man runs"]))
    assert not text[:, both.space.visual].any()
    assert both.space.scale == dual.space.scale
    assert both.identity == f"{dual.identity} sight {sight.identity}"


def test_two_models_that_want_different_frames_are_refused(model_folder):
    sight = load_sight(str(model_folder("videomae")), device="cpu")
    films = load_clip(str(model_folder("xclip")), device="cpu")
    assert put_beside(films, sight).preprocessing.frames == 4
    assert put_beside(TinyBackbone(), sight).preprocessing.tubelet == 2
    with pytest.raises(BackboneError, match="5 frames"):
        put_beside(TinyBackbone(preprocessing=replace_frames(films.preprocessing, 5)), sight)


def replace_frames(how, frames):
    from dataclasses import replace

    return replace(how, frames=frames)


@pytest.mark.parametrize(("dual", "sight"), [("siglip2", "vjepa2"), ("altclip", "dinov3_vit"), ("xclip", "videomae")])
def test_two_models_teach_save_and_recognise(dual, sight, model_folder, clips, tmp_path, monkeypatch):
    monkeypatch.setenv("LGA_CACHE", str(tmp_path / "cache"))
    config = BackboneConfig(backbone="clip", model=str(model_folder(dual)), sight=str(model_folder(sight)))
    model = lga.teach(clips, backbone=config, method=METHOD)
    assert not model.skipped
    model.save(tmp_path / "actions")
    saved = load_actions(tmp_path / "actions").backbone
    assert (saved.model, saved.sight) == (config.model, config.sight)
    again = lga.load(tmp_path / "actions")
    assert again.actions.identity == model.actions.identity
    assert [again.recognize(paths[0]).label for paths in clips.values()] == list(clips)


def test_the_cache_and_taught_actions_of_one_pair_are_not_anothers(model_folder, clips, tmp_path):
    cache, found = FeatureCache(tmp_path), {}
    for sight in ("", "dinov2", "dinov3_vit"):
        config = BackboneConfig(backbone="tiny", sight=sight and str(model_folder(sight)))
        found[sight] = Recognizer(config, cache=cache)
        actions, _ = found[sight].teach(clips, method=METHOD)
    assert len({one.encoder.identity for one in found.values()}) == 3
    kept = [key for key, _ in FeatureStore(tmp_path).rows() if key.kind == "clip"]
    assert len(kept) == 6
    with pytest.raises(ActionsError, match="taught with the backbone"):
        found["dinov2"].prepare(actions)


def test_a_sight_only_model_needs_one_that_reads(model_folder):
    with pytest.raises(BackboneError, match="V-JEPA 2 sees but reads no sentences; use it as --sight"):
        load_clip(str(model_folder("vjepa2")), device="cpu")


def test_what_cannot_stand_beside_another_is_refused(model_folder):
    with pytest.raises(BackboneError, match="any shape"):
        load_sight(str(model_folder("siglip2")), device="cpu")
    config = BackboneConfig(backbone="clip", model=str(model_folder("aimv2")), sight=str(model_folder("dinov2")))
    with pytest.raises(BackboneError, match="train without --sight"):
        make_vision(load_backbone(config), gradient_checkpointing=False)


def test_a_number_of_frames_that_a_video_model_cannot_take_is_refused_at_once(model_folder, clips):
    recognizer = Recognizer(BackboneConfig(backbone="tiny", sight=str(model_folder("videomae"))))
    with pytest.raises(SettingsError, match="use --frames 4"):
        recognizer.teach(clips, method=MethodConfig(frames=8))


def test_a_long_video_is_refused_where_frames_are_encoded_together(model_folder, clips):
    model = lga.teach(clips, backbone=BackboneConfig(backbone="tiny", sight=str(model_folder("vjepa2"))), method=METHOD)
    with pytest.raises(SettingsError, match="encodes a clip's frames together"):
        next(model.watch(clips["wave"][0]))
