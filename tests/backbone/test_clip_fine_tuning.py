import pytest
import torch
from torch.testing import assert_close

from lga.backbone.chunks import encode_in_chunks
from lga.backbone.clip import load_clip, make_vision, with_vision
from lga.backbone.tiny import TinyBackbone
from lga.backbone.vision import Vision
from lga.errors import BackboneError

pytestmark = pytest.mark.usefixtures("one_thread")


def some_pixels(batch: int = 2, frames: int = 3, side: int = 32) -> torch.Tensor:
    generator = torch.Generator().manual_seed(13)
    return torch.randint(0, 256, (batch, frames, side, side, 3), dtype=torch.uint8, generator=generator)


def loaded(folder, precision: str = "float32"):
    return load_clip(str(folder), device="cpu", precision=precision)


def moved(vision: Vision) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(17)
    state = vision.state_dict()
    return {name: one + 0.05 * torch.randn(one.shape, generator=generator) for name, one in state.items()}


def test_it_sees_what_the_frozen_backbone_sees(folder):
    backbone, pixels = loaded(folder), some_pixels()
    features = make_vision(backbone, gradient_checkpointing=False)(pixels)
    assert features.requires_grad
    assert_close(features.detach(), backbone.encode_frames(pixels[:, :, None]))


def test_the_master_weights_are_the_unrounded_ones_whatever_the_number_format(folder):
    vision = make_vision(loaded(folder, "bfloat16"), gradient_checkpointing=False)
    assert {weight.dtype for weight in vision.parameters()} == {torch.float32}
    assert_close(vision(some_pixels()).detach(), loaded(folder).encode_frames(some_pixels()[:, :, None]))


def test_its_parameters_are_the_vision_tower_and_projection_and_all_of_them_learn(folder):
    from transformers import AutoModel

    theirs = AutoModel.from_pretrained(folder).named_parameters()
    expected = sum(
        weight.numel() for name, weight in theirs if name.startswith(("vision_model.", "visual_projection."))
    )
    vision = make_vision(loaded(folder), gradient_checkpointing=False)
    assert sum(weight.numel() for weight in vision.parameters()) == expected
    vision(some_pixels()).square().sum().backward()
    assert all(weight.grad is not None and bool(weight.grad.isfinite().all()) for weight in vision.parameters())


@pytest.mark.parametrize("checkpointing", [False, True])
def test_the_gradients_are_those_of_transformers(folder, checkpointing):
    from transformers import AutoModel

    backbone, pixels = loaded(folder), some_pixels(batch=1)
    vision, theirs = make_vision(backbone, gradient_checkpointing=checkpointing), AutoModel.from_pretrained(folder)
    vision(pixels).square().sum().backward()
    normalised = vision.pictures.normalise(pixels[0].movedim(-1, 1))
    theirs.get_image_features(pixel_values=normalised).pooler_output.square().sum().backward()
    ours = dict(vision.tower.named_parameters())
    for name, weight in theirs.vision_model.named_parameters():
        assert_close(ours[name].grad, weight.grad)


def test_checkpointing_computes_the_layers_again(folder):
    def passes(checkpointing: bool) -> int:
        vision, count = make_vision(loaded(folder), gradient_checkpointing=checkpointing), []
        first = next(one for name, one in vision.tower.named_modules() if name.endswith("layers.0.mlp"))
        first.register_forward_pre_hook(lambda *_: count.append(1))
        vision(some_pixels(batch=1)).sum().backward()
        return len(count)

    assert (passes(False), passes(True)) == (1, 2)


def test_it_learns_to_tell_two_pictures_apart(folder):
    vision = make_vision(loaded(folder), gradient_checkpointing=False)
    pixels = torch.stack([torch.full((1, 32, 32, 3), level, dtype=torch.uint8) for level in (90, 130)])
    optimizer = torch.optim.Adam(vision.parameters(), lr=1e-2)

    def similarity() -> torch.Tensor:
        return torch.cosine_similarity(*vision(pixels)[:, 0], dim=0)

    before = similarity().item()
    for _ in range(8):
        optimizer.zero_grad()
        similarity().backward()
        optimizer.step()
    assert similarity().item() < before - 0.3


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_fine_tuned_weights_change_what_is_seen_and_nothing_else(folder, precision):
    backbone, pixels = loaded(folder, precision), some_pixels()
    before = backbone.encode_frames(pixels[:, :, None])
    vision = make_vision(backbone, gradient_checkpointing=False)
    state = moved(vision)
    tuned = with_vision(backbone, state)
    vision.load_state_dict(state)
    moved_vision = vision.to(next(backbone.vision.parameters()).dtype)
    flat = pixels.flatten(0, 1)[:, None]  # in the backbone's own shape, on which rounding depends
    expected = encode_in_chunks(lambda chunk: moved_vision(chunk)[:, 0].detach(), flat, 8).unflatten(
        0, pixels.shape[:2]
    )
    assert_close(tuned.encode_frames(pixels[:, :, None]), expected, atol=0, rtol=0)
    assert_close(tuned.encode_text(["a man runs"]), backbone.encode_text(["a man runs"]), atol=0, rtol=0)
    assert_close(backbone.encode_frames(pixels[:, :, None]), before, atol=0, rtol=0)
    assert not torch.allclose(expected, before)
    assert (tuned.space, tuned.preprocessing, tuned.device) == (backbone.space, backbone.preprocessing, backbone.device)


def test_the_identity_follows_the_fine_tuned_weights_alone(folder):
    backbone = loaded(folder)
    vision = make_vision(backbone, gradient_checkpointing=False)
    same, other = with_vision(backbone, vision.state_dict()), with_vision(backbone, moved(vision))
    assert len({backbone.identity, same.identity, other.identity}) == 3
    assert with_vision(other, vision.state_dict()).identity == same.identity
    assert with_vision(loaded(folder), moved(vision)).identity == other.identity
    assert "\n" not in other.identity
    assert len(other.identity) < 150


def test_training_goes_on_from_the_fine_tuned_weights(folder):
    backbone = loaded(folder, "bfloat16")
    state = moved(make_vision(backbone, gradient_checkpointing=False))
    further = make_vision(with_vision(backbone, state), gradient_checkpointing=False).state_dict()
    assert_close(dict(further), state, atol=0, rtol=0)


def test_weights_that_do_not_fit_are_refused_by_name(folder):
    backbone = loaded(folder)
    state = dict(make_vision(backbone, gradient_checkpointing=False).state_dict())
    name = next(one for one in state if one.endswith("mlp.fc1.weight"))
    with pytest.raises(BackboneError, match=f"{name} is missing"):
        with_vision(backbone, {key: one for key, one in state.items() if key != name})
    with pytest.raises(BackboneError, match=r"text\.weight is not part of it"):
        with_vision(backbone, state | {"text.weight": torch.zeros(3)})
    with pytest.raises(BackboneError, match=rf"{name} has shape \(3, 24\) instead of \(40, 24\)"):
        with_vision(backbone, state | {name: torch.zeros(3, 24)})
    with pytest.raises(BackboneError, match="and 1 more"):
        with_vision(backbone, state | {f"text.{number}": torch.zeros(3) for number in range(4)})
    with pytest.raises(BackboneError, match="finite"):
        with_vision(backbone, state | {name: torch.full((40, 24), torch.nan)})


def test_other_backbones_are_refused():
    with pytest.raises(BackboneError, match="'tiny' cannot be fine-tuned, only `clip`"):
        make_vision(TinyBackbone(), gradient_checkpointing=False)
    with pytest.raises(BackboneError, match="cannot be fine-tuned"):
        with_vision(TinyBackbone(), {})


def test_frames_of_another_size_are_refused(folder):
    with pytest.raises(ValueError, match="32 x 32 pixels, not 31 x 31"):
        make_vision(loaded(folder), gradient_checkpointing=False)(some_pixels(side=31))
