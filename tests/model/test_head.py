from math import sqrt

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import gelu

from lga.backbone.protocol import Space
from lga.errors import TrainingError
from lga.model.head import Adapter, Head, StageFusion, inject_text, principal_axes

pytestmark = pytest.mark.usefixtures("one_thread")

DIM, HEADS, STAGES = 12, 3, 3
seeds = st.integers(0, 2**31)


def random_block(seed, *, stage_bias=1.0):
    block = StageFusion(DIM, heads=HEADS, stage_bias=stage_bias).double().eval()
    random = torch.Generator().manual_seed(seed)
    for parameter in block.parameters():
        parameter.data = 0.5 * torch.randn(parameter.shape, generator=random, dtype=torch.float64)
    return block


def random_clips(seed, *, batch=2, tokens=7):
    """Tokens, their stages with padding here and there (never everywhere), and a text for every stage."""
    random = torch.Generator().manual_seed(seed)
    stage = torch.randint(-1, STAGES, (batch, tokens), generator=random)
    stage[:, 2] = 1
    features = torch.randn(batch, tokens, DIM, generator=random, dtype=torch.float64)
    return features, stage, torch.randn(batch, STAGES, DIM, generator=random, dtype=torch.float64)


def layer_norm(x, norm):
    centred = x - x.mean(-1, keepdim=True)
    return norm.weight * centred / (centred.square().mean(-1, keepdim=True) + norm.eps).sqrt() + norm.bias


def fuse_by_hand(block, tokens, stage, text):
    """One clip: pre-LN cross-attention and feed-forward, written out."""
    query = torch.stack(
        [f if text is None or s < 0 else f + text[s] for f, s in zip(tokens, stage.tolist(), strict=True)]
    )
    weight, bias = block.attend.in_proj_weight, block.attend.in_proj_bias
    inputs = layer_norm(query, block.norm), layer_norm(tokens, block.norm), layer_norm(tokens, block.norm)
    q, k, v = (
        (torch.einsum("nd,ed->ne", x, w) + b).unflatten(1, (HEADS, -1))
        for x, w, b in zip(inputs, weight.split(DIM), bias.split(DIM), strict=True)
    )
    logit = torch.einsum("ihe,jhe->hij", q, k) / sqrt(DIM / HEADS)
    for i, j in torch.cartesian_prod(torch.arange(len(tokens)), torch.arange(len(tokens))).tolist():
        logit[:, i, j] += block.stage_bias if stage[i] == stage[j] else 0.0
        if stage[j] < 0:
            logit[:, i, j] = -torch.inf
    mixed = torch.einsum("hij,jhe->ihe", logit.softmax(-1), v).flatten(1)
    fused = query + mixed @ block.attend.out_proj.weight.T + block.attend.out_proj.bias
    norm, widen, _, _, narrow, _ = block.feed
    wide = gelu(layer_norm(fused, norm) @ widen.weight.T + widen.bias)
    return fused + wide @ narrow.weight.T + narrow.bias


@pytest.mark.parametrize("role", ["support", "query"])
@pytest.mark.parametrize("stage_bias", [0.0, 1.0, 2.5])
@pytest.mark.parametrize("seed", range(5))
def test_the_block_matches_attention_written_out(role, stage_bias, seed):
    block = random_block(seed, stage_bias=stage_bias)
    tokens, stage, text = random_clips(seed + 1)
    fused = block(tokens, stage, text if role == "support" else None)
    for clip in range(len(tokens)):
        wanted = fuse_by_hand(block, tokens[clip], stage[clip], text[clip] if role == "support" else None)
        torch.testing.assert_close(fused[clip], wanted)


def test_the_bias_of_the_same_stage_is_one_unless_told():
    assert StageFusion(8).stage_bias == 1.0
    tokens, stage, _ = random_clips(0)
    biased, plain = random_block(0)(tokens, stage, None), random_block(0, stage_bias=0.0)(tokens, stage, None)
    assert not torch.allclose(biased, plain)


@pytest.mark.parametrize("training", [False, True])
def test_a_new_block_is_the_identity_plus_the_text(training):
    block = StageFusion(DIM, heads=HEADS).double().train(training)
    tokens, stage, text = random_clips(0)
    assert torch.equal(block(tokens, stage, None), tokens)
    assert torch.equal(block(tokens, stage, text), inject_text(tokens, stage, text))


def test_a_new_block_can_learn():
    block = StageFusion(DIM, heads=HEADS).double().eval()
    tokens, stage, text = random_clips(0)
    block(tokens, stage, text).square().sum().backward()
    assert block.attend.out_proj.weight.grad.abs().max() > 0
    assert block.feed[4].weight.grad.abs().max() > 0


def test_drawing_a_block_again_needs_a_seed_only_from_its_caller():
    def draw(seed):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return StageFusion(DIM, heads=HEADS).state_dict()

    one, same, other = draw(0), draw(0), draw(1)
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert any(not torch.equal(one[name], other[name]) for name in one)


def test_dropout_acts_only_in_training():
    block, (tokens, stage, text) = random_block(0), random_clips(0)
    assert torch.equal(block(tokens, stage, text), block(tokens, stage, text))
    block.train()
    assert not torch.equal(block(tokens, stage, text), block(tokens, stage, text))


@settings(max_examples=30)
@given(seeds)
def test_padding_tokens_cannot_change_the_others(seed):
    block, (tokens, stage, text) = random_block(seed), random_clips(seed)
    wanted = block(tokens, stage, text)
    tokens[stage < 0] = 1e3
    fused = block(tokens, stage, text)
    torch.testing.assert_close(fused[stage >= 0], wanted[stage >= 0])
    assert fused.isfinite().all()
    real = stage[0] >= 0
    torch.testing.assert_close(block(tokens[:1, real], stage[:1, real], text[:1]), wanted[:1, real])


@settings(max_examples=30)
@given(seeds)
def test_the_order_of_the_tokens_does_not_matter(seed):
    block, (tokens, stage, text) = random_block(seed), random_clips(seed)
    order = torch.randperm(tokens.shape[1], generator=torch.Generator().manual_seed(seed))
    mixed = block(tokens[:, order], stage[:, order], text)
    torch.testing.assert_close(mixed, block(tokens, stage, text)[:, order])


@settings(max_examples=30)
@given(seeds)
def test_the_batch_a_clip_is_in_does_not_matter(seed):
    block, (tokens, stage, text) = random_block(seed), random_clips(seed, batch=3)
    alone = [block(tokens[i : i + 1], stage[i : i + 1], text[i : i + 1]) for i in range(3)]
    torch.testing.assert_close(block(tokens, stage, text), torch.cat(alone))


@settings(max_examples=30)
@given(seeds, st.integers(0, STAGES - 1))
def test_the_text_of_a_stage_touches_only_its_own_tokens(seed, touched):
    block, (tokens, stage, text) = random_block(seed), random_clips(seed)
    other = text.clone()
    other[:, touched] += 1.0
    before, after = block(tokens, stage, text), block(tokens, stage, other)
    assert torch.equal(before[stage != touched], after[stage != touched])
    assert (before[stage == touched] != after[stage == touched]).any(-1).all()


@settings(max_examples=30)
@given(seeds)
def test_a_text_of_zeros_is_the_query_role(seed):
    block, (tokens, stage, text) = random_block(seed), random_clips(seed)
    torch.testing.assert_close(block(tokens, stage, torch.zeros_like(text)), block(tokens, stage, None))


def test_text_is_added_to_the_tokens_of_its_stage():
    tokens, text = torch.tensor([[[1.0], [2.0], [3.0], [4.0]]]), torch.tensor([[[10.0], [20.0]]])
    assert inject_text(tokens, torch.tensor([[1, 0, -1, 1]]), text).tolist() == [[[21.0], [12.0], [3.0], [24.0]]]


def test_a_stage_without_text_is_refused():
    with pytest.raises(RuntimeError, match="out of bounds"):
        inject_text(torch.zeros(1, 3, 2), torch.tensor([[0, 1, 2]]), torch.zeros(1, 2, 2))


def test_features_that_the_heads_cannot_share_are_refused():
    with pytest.raises(AssertionError, match="divisible"):
        StageFusion(10, heads=4)


SPLIT = Space(17, slice(0, 11), slice(11, 17))
JOINT = Space(13, slice(0, 13), slice(0, 13))


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@settings(max_examples=10)
@given(st.integers(1, 7), st.integers(0, 2**31))
def test_the_axes_are_those_of_the_full_decomposition(count, seed):
    strength = 2.0 ** -torch.arange(11).double()
    rows = noise(101, 11, seed=seed) * strength
    wanted = torch.linalg.svd(rows, full_matrices=False).Vh[:count].T
    found = principal_axes(rows, count, seed=3)
    torch.testing.assert_close(found.T @ found, torch.eye(count).double())
    torch.testing.assert_close((found * wanted).sum(0).abs(), torch.ones(count).double())


def test_the_axes_of_many_numbers_keep_what_the_full_decomposition_keeps():
    rows = noise(199, 97) @ noise(97, 97, seed=1)
    best = torch.linalg.svd(rows, full_matrices=False).Vh[:13].T
    kept, most = ((rows @ axes).square().sum() for axes in (principal_axes(rows, 13, seed=5), best))
    assert 0.999 * most < kept <= most * (1 + 1e-9)


def test_the_same_seed_finds_the_same_axes_and_leaves_other_chance_alone():
    rows = noise(31, 11).float()
    before = torch.get_rng_state()
    assert torch.equal(principal_axes(rows, 4, seed=7), principal_axes(rows, 4, seed=7))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("space", [SPLIT, JOINT], ids=["split", "joint"])
@pytest.mark.parametrize("width", [0, 97])
def test_an_untrained_adapter_that_narrows_nothing_changes_nothing(space, width):
    adapter, frames = Adapter(space, width).double(), noise(5, 7, space.dim)
    assert adapter.axes is None
    assert torch.equal(adapter.project(frames), frames[..., space.visual])
    told = adapter.read(frames)
    assert torch.equal(told, frames if space is JOINT else torch.zeros_like(told))


def test_an_untrained_adapter_keeps_the_distances_of_clips_that_lie_in_its_axes():
    inside = noise(5, 7, 3) @ noise(3, 11, seed=1)
    frames = torch.cat([inside, noise(5, 7, 6)], -1)
    adapter = Adapter(SPLIT, 3)
    adapter.fit_axes(frames.float(), seed=0)
    seen, plain = adapter.project(frames.float()).flatten(0, 1), inside.float().flatten(0, 1)
    torch.testing.assert_close(torch.cdist(seen, seen), torch.cdist(plain, plain), rtol=1e-3, atol=1e-2)


def test_where_the_space_is_shared_sentences_are_narrowed_like_frames():
    frames = noise(5, 7, 13).float()
    adapter = Adapter(JOINT, 4)
    adapter.fit_axes(frames, seed=0)
    torch.testing.assert_close(adapter.read(frames), adapter.project(frames))


def test_the_space_beside_meaning_has_both_parts():
    assert Adapter(SPLIT, 4).beside_meaning == Space(10, slice(0, 4), slice(4, 10))


def test_fewer_frames_than_axes_are_refused_in_words():
    with pytest.raises(TrainingError, match="--width 5 needs as many training frames, there are 4"):
        Adapter(SPLIT, 5).fit_axes(noise(2, 2, 17), seed=0)


WHOLE_JOINT = Space(12, slice(0, 12), slice(0, 12))


def whole_noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_a_head_is_its_fusion_of_what_its_adapter_sees_and_reads():
    adapter = Adapter(WHOLE_JOINT, 8)
    head = Head(adapter, StageFusion(8, heads=2)).eval()
    torch.nn.init.normal_(head.fusion.attend.out_proj.weight, generator=torch.Generator().manual_seed(1))
    tokens, text, stage = whole_noise(5, 3, 12), whole_noise(5, 2, 12, seed=1), torch.tensor([[0, 1, -1]] * 5)
    wanted = head.fusion(adapter.project(tokens), stage, adapter.read(text))
    assert torch.equal(head(tokens, stage, text), wanted)
    assert torch.equal(head(tokens, stage, None), head.fusion(adapter.project(tokens), stage, None))


def test_the_head_weight_is_not_trained():
    head = Head(Adapter(WHOLE_JOINT, 0), StageFusion(12, heads=2), head_weight=0.3)
    assert head.head_weight == 0.3
    assert not [name for name in head.state_dict() if "trust" in name]
