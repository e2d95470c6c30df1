"""Models that encode a clip's frames together: each token is what transformers computes for that frame."""

import pytest
import torch
from einops import rearrange
from torch.testing import assert_close

from lga.backbone.clip import load_clip, make_vision
from lga.backbone.film import tubelet_means
from lga.backbone.sight import load_sight
from lga.backbone.vision import encode_clips
from lga.errors import BackboneError

SIDE, FRAMES = 32, 4
TEXT = ["A man runs.", "the man jumps, to", "runs"]


def some_clips(batch: int = 3, frames: int = FRAMES) -> torch.Tensor:
    generator = torch.Generator().manual_seed(11)
    return torch.randint(0, 256, (batch, frames, 1, SIDE, SIDE, 3), dtype=torch.uint8, generator=generator)


def their_model(folder):
    from transformers import AutoModel

    return AutoModel.from_pretrained(folder).eval()


def pixels(clips: torch.Tensor, mean=(0.48, 0.45, 0.4), std=(0.26, 0.27, 0.28)) -> torch.Tensor:
    shown = rearrange(clips[:, :, 0], "b t h w c -> b t c h w").float() / 255
    return (shown - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]


def sight_of(folder, precision="float32"):
    return load_sight(str(folder), device="cpu", precision=precision)


def tokens_of(sight, clips):
    return encode_clips(sight.vision, clips, sight.device)


def test_the_mean_of_x_clips_tokens_is_the_videos_feature(model_folder):
    clips = some_clips()
    with torch.inference_mode():
        expected = their_model(model_folder("xclip")).get_video_features(pixel_values=pixels(clips)).pooler_output
    ours = load_clip(str(model_folder("xclip")), device="cpu", precision="float32").encode_frames(clips)
    assert ours.shape == (3, FRAMES, 18)
    assert_close(ours.mean(1), expected)


def test_x_clip_reads_sentences_and_scales_as_transformers_does_before_it_looks_at_the_video(model_folder):
    from transformers import AutoTokenizer

    folder = model_folder("xclip")
    model, tokens = their_model(folder), AutoTokenizer.from_pretrained(folder)(TEXT, padding=True, return_tensors="pt")
    with torch.inference_mode():
        expected = model.get_text_features(**tokens).pooler_output
    backbone = load_clip(str(folder), device="cpu", precision="float32")
    assert_close(backbone.encode_text(TEXT), expected)
    assert backbone.space.scale == pytest.approx(model.logit_scale.exp().item())


def test_a_videoprism_token_pools_its_own_frames_patches_as_the_whole_video_is_pooled(model_folder):
    folder, clips = model_folder("videoprism"), some_clips()
    shown = pixels(clips, mean=(0.0,) * 3, std=(1.0,) * 3)
    model = their_model(folder).video_model
    ours = load_clip(str(folder), device="cpu", precision="float32").encode_frames(clips)
    with torch.inference_mode():
        patches = model(pixel_values_videos=shown).last_hidden_state
        for frame in range(FRAMES):
            own = patches[:, 16 * frame : 16 * (frame + 1)]
            pooled = model.head_layernorm(model.head(own)[0])[:, 0]
            assert_close(ours[:, frame], torch.nn.functional.normalize(pooled, dim=-1), atol=1e-5, rtol=1e-4)
        whole = model.head_layernorm(model.head(patches)[0])
        assert_close(torch.nn.functional.normalize(whole, dim=-1), model(pixel_values_videos=shown).pooler_output)


def test_videoprism_reads_as_transformers_does_and_has_no_scale(model_folder):
    from transformers import AutoTokenizer

    folder = model_folder("videoprism")
    how = {"padding": "max_length", "max_length": 16, "truncation": True, "return_tensors": "pt"}
    tokens = AutoTokenizer.from_pretrained(folder)(TEXT, **how)
    with torch.inference_mode():
        expected = their_model(folder).get_text_features(**tokens).pooler_output
    backbone = load_clip(str(folder), device="cpu", precision="float32")
    assert_close(backbone.encode_text(TEXT), expected)
    assert backbone.space.scale == 100  # it carries none


@pytest.mark.parametrize("kind", ["vjepa2", "videomae"])
def test_two_frames_in_a_row_share_the_mean_of_their_tubelets_patches(kind, model_folder):
    folder, clips = model_folder(kind), some_clips()
    model, ours = their_model(folder), tokens_of(sight_of(folder), clips)
    with torch.inference_mode():
        if kind == "vjepa2":
            patches = model.get_vision_features(pixels(clips))
        else:
            patches = model(pixel_values=pixels(clips)).last_hidden_state
    for first in range(0, FRAMES, 2):
        expected = patches[:, 8 * first : 8 * first + 16].mean(1)
        assert_close(ours[:, first], expected)
        assert torch.equal(ours[:, first], ours[:, first + 1])
    assert not torch.allclose(ours[:, 0], ours[:, 2])


def test_videomae_gets_the_pictures_of_its_own_image_processor(model_folder):
    from transformers import VideoMAEImageProcessorPil

    folder, clips = model_folder("videomae"), some_clips(batch=1)
    pictures = sight_of(folder).vision.pictures
    assert (pictures.preprocessing.short_side, pictures.preprocessing.crop) == (40, SIDE)
    frames = [one.numpy() for one in clips[0, :, 0]]
    how = VideoMAEImageProcessorPil.from_pretrained(folder)
    theirs = how(frames, return_tensors="pt", do_resize=False)["pixel_values"][0]
    assert_close(pictures.normalise(rearrange(clips[0, :, 0], "t h w c -> t c h w")), theirs)


@pytest.mark.parametrize("kind", ["vjepa2", "videomae", "xclip", "videoprism"])
def test_a_frames_token_depends_on_the_others_and_on_their_order(kind, model_folder):
    sight, clips = sight_of(model_folder(kind)), some_clips(batch=1)
    changed = clips.clone()
    changed[:, -1] = 255 - changed[:, -1]
    ours = tokens_of(sight, clips)
    assert not torch.allclose(ours[:, 0], tokens_of(sight, changed)[:, 0])
    assert not torch.allclose(ours.flip(1), tokens_of(sight, clips.flip(1)))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("kind", ["vjepa2", "videomae", "xclip", "videoprism"])
def test_clips_are_encoded_alike_to_the_bit_alone_and_in_company(kind, precision, model_folder):
    sight, clips = sight_of(model_folder(kind), precision), some_clips()
    together = tokens_of(sight, clips)
    assert together.shape == (3, FRAMES, sight.dim)
    assert together.dtype == torch.float32
    assert torch.equal(together, torch.cat([tokens_of(sight, clip[None]) for clip in clips]))
    assert tokens_of(sight, clips[:0]).shape == (0, FRAMES, sight.dim)


@pytest.mark.parametrize(("kind", "frames"), [("videomae", 6), ("xclip", 8), ("vjepa2", 5), ("vjepa2", 0)])
def test_another_number_of_frames_is_refused(kind, frames, model_folder):
    sight = sight_of(model_folder(kind))
    wanted = "4 frames of a clip" if sight.preprocessing.frames else "2 frames in a row"
    with pytest.raises(ValueError, match=wanted):
        tokens_of(sight, some_clips(frames=frames))


def test_v_jepa_2_takes_any_even_number_of_frames(model_folder):
    assert tokens_of(sight_of(model_folder("vjepa2")), some_clips(frames=6)).shape == (3, 6, 24)


def test_a_tubelets_patches_come_time_first():
    patches = torch.arange(12.0)[None, :, None]
    assert tubelet_means(patches, 6, 2)[0, :, 0].tolist() == [1.5, 1.5, 5.5, 5.5, 9.5, 9.5]
    assert tubelet_means(patches, 3, 1)[0, :, 0].tolist() == [1.5, 5.5, 9.5]


def test_video_models_cannot_be_fine_tuned(model_folder):
    with pytest.raises(BackboneError, match="type 'xclip' cannot be fine-tuned"):
        make_vision(load_clip(str(model_folder("xclip")), device="cpu"), gradient_checkpointing=False)
