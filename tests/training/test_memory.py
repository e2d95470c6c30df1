"""What a run is said to need, against what autograd keeps of a whole episode."""

from pathlib import Path

import pytest
import torch

from lga.backbone.clip import load_clip, make_vision
from lga.backbone.tiny import TinyBackbone
from lga.config import MethodConfig, TrainConfig
from lga.datasets.manifest import LabelledClip
from lga.errors import BackboneError, CheckpointError
from lga.model.checkpoint import make_head
from lga.training.learner import head_learner
from lga.training.loop import repeatable
from lga.training.memory import estimate, head_activations, reads_features, saved_bytes, tower_activations

pytestmark = pytest.mark.usefixtures("one_thread")

TINY = TinyBackbone()
METHOD = MethodConfig(frames=4)
FROZEN = TrainConfig(ways=3, queries=2, width=0)
TUNED = TrainConfig(ways=2, shots=1, queries=2, width=0, heads=1, backbone_rate=1e-4, contrast=1.0)
TRAIN, VALIDATION = (
    [LabelledClip(Path(f"{one}{n}.mp4"), one) for one in some for n in range(4)] for some in ("abc", "de")
)
NAMES = ("side", "patch_size", "hidden_size", "intermediate_size", "num_hidden_layers")
SHAPES = {
    "tiny": ("clip", (32, 8, 24, 40, 2)),
    "wide": ("clip", (48, 16, 192, 768, 3)),
    "deep": ("clip", (64, 8, 96, 200, 8)),
    "siglip": ("siglip", (64, 8, 96, 384, 6)),
}


@pytest.fixture(scope="module", params=SHAPES)
def backbone(request, tmp_path_factory, random_clips):
    family, shape = SHAPES[request.param]
    named = dict(zip(NAMES, shape, strict=True))
    folder = random_clips.write_random(tmp_path_factory.mktemp("clip") / "model", family, seed=1, **named)
    return load_clip(str(folder), device="cpu", precision="float32")


def episode(backbone, settings, method=METHOD):
    """What a learner is given: random pixels of an episode's clips, and the rest."""
    random = torch.Generator().manual_seed(3)
    ways, shots, queries, side = settings.ways, settings.shots, settings.queries, backbone.preprocessing.crop
    clips = ways * (shots + queries)
    pixels = torch.randint(0, 256, (clips, method.frames, side, side, 3), dtype=torch.uint8, generator=random)
    label = torch.tensor([*(way for way in range(ways) for _ in range(queries)), *range(ways)])
    text = torch.randn(3, method.stages, backbone.space.dim, generator=random)
    query, support = torch.arange(clips).split([ways * queries, ways * shots])
    places = query.reshape(ways, queries), support.reshape(ways, shots)
    return pixels, label, text, text[:, 0], torch.arange(ways), *places


def kept_by(compute, weights):
    """Bytes of the storages that autograd saves, whichever tensors lie in them."""
    own, kept = {one.untyped_storage().data_ptr() for one in weights}, {}

    def pack(tensor):
        kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        compute()
    return sum(one.untyped_storage().nbytes() for place, one in kept.items() if place not in own)


@pytest.mark.parametrize("checkpointing", [False, True])
def test_the_activations_are_those_of_a_whole_episode(backbone, checkpointing):
    settings = TUNED.model_copy(update={"gradient_checkpointing": checkpointing})
    vision = make_vision(backbone, gradient_checkpointing=checkpointing)
    learner = head_learner(make_head(backbone.space, settings), METHOD, settings, vision).train()
    given = episode(backbone, settings)
    measured = kept_by(lambda: learner(*given), learner.parameters())
    if checkpointing:  # one layer more, which is computed again on the way back
        plain = make_vision(backbone, gradient_checkpointing=False)
        layer = next(one for name, one in plain.tower.named_modules() if name.endswith("layers.0"))
        seen = []
        layer.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
        plain(given[0])
        hidden = seen[0].detach()
        measured += kept_by(lambda: layer(hidden, attention_mask=None), [*layer.parameters(), hidden])
    found = estimate(TRAIN, VALIDATION, backbone, METHOD, settings)
    assert found.activations == pytest.approx(measured, rel=0.2)


def test_a_layer_keeps_what_its_equations_say(backbone):
    """Two norms, queries, keys, values, attention in two layouts, two sums; of the hidden numbers what gelu needs.

    And before the layers the picture itself, and in CLIP one norm more.
    """
    config = backbone.vision.tower.config
    clip = config.model_type == "clip_vision_model"
    tokens = (config.image_size // config.patch_size) ** 2 + clip
    wide = {"quick_gelu": 3, "gelu_pytorch_tanh": 2}[config.hidden_act] * config.intermediate_size
    before = 3 * config.image_size**2 + clip * tokens * config.hidden_size
    bytes_each = 4 * (before + config.num_hidden_layers * tokens * (8 * config.hidden_size + wide))
    assert tower_activations(backbone, 5, gradient_checkpointing=False) == pytest.approx(5 * bytes_each, rel=0.2)


def test_gradient_checkpointing_keeps_less_of_a_deep_tower_and_the_loss_is_the_same(backbone):
    kept = {one: tower_activations(backbone, 1, gradient_checkpointing=one) for one in (False, True)}
    assert kept[True] < 0.8 * kept[False]
    settings, losses, slopes = TUNED, [], []
    for checkpointing in (False, True):
        vision = make_vision(backbone, gradient_checkpointing=checkpointing)
        with repeatable(5, 1, torch.device("cpu")):
            learner = head_learner(make_head(backbone.space, settings), METHOD, settings, vision).train()
            loss, _, _ = learner(*episode(backbone, settings))
            loss.backward()
        losses.append(loss.detach())
        slopes.append({name: one.grad for name, one in learner.named_parameters() if one.grad is not None})
    torch.testing.assert_close(*losses)
    torch.testing.assert_close(*slopes)
    assert any(name.startswith("vision.") and bool(one.abs().max() > 0) for name, one in slopes[0].items())


def test_frozen_features_count_every_number():
    found = estimate(TRAIN, VALIDATION, TINY, METHOD, FROZEN)
    assert found.parameters == sum(one.numel() for one in make_head(TINY.space, FROZEN).parameters())
    assert found.weights == 4 * 4 * found.parameters
    assert found.features == 4 * 20 * METHOD.frames * TINY.space.dim
    assert found.activations == head_activations(TINY.space, 3, METHOD, FROZEN)
    assert found.memory == found.weights + found.features + found.activations


def test_fine_tuning_counts_the_tower_twice_and_the_validation_clips_alone(backbone):
    found = estimate(TRAIN, VALIDATION, backbone, METHOD, TUNED)
    tower = sum(one.numel() for one in backbone.vision.parameters())
    head = sum(one.numel() for one in make_head(backbone.space, TUNED).parameters())
    assert found.parameters == tower + head
    assert found.weights == 4 * (4 * (tower + head) + tower)
    assert found.features == 4 * len(VALIDATION) * METHOD.frames * backbone.space.dim


def test_features_are_read_of_a_frozen_backbone_or_to_narrow_them():
    sight = TINY.space.visual.stop - TINY.space.visual.start
    for width, rate, read in ((0, 0.0, True), (0, 1e-4, False), (sight, 1e-4, False), (sight - 1, 1e-4, True)):
        settings = TrainConfig(width=width, heads=1, backbone_rate=rate)
        assert reads_features(TINY.space, settings) == read


def test_a_storage_counts_once_and_weights_not_at_all():
    weight, given = torch.ones(3, requires_grad=True), torch.arange(6.0)
    first, second = given[:3], given[3:]  # two views of one storage of 24 bytes
    assert saved_bytes(lambda: (weight * first).sum() + (weight * second).sum(), [weight]) == 24
    assert saved_bytes(lambda: (weight * weight).sum(), [weight]) == 0
    assert saved_bytes(lambda: (weight * weight).sum(), []) == 12


def test_the_estimate_draws_nothing_from_the_global_generator():
    before = torch.get_rng_state()
    estimate(TRAIN, VALIDATION, TINY, METHOD, FROZEN)
    assert torch.equal(torch.get_rng_state(), before)


def test_what_cannot_be_trained_is_refused():
    with pytest.raises(BackboneError, match="cannot be fine-tuned"):
        estimate(TRAIN, VALIDATION, TINY, METHOD, TUNED)
    with pytest.raises(CheckpointError, match="cannot share"):
        estimate(TRAIN, VALIDATION, TINY, METHOD, FROZEN.model_copy(update={"heads": 5}))
