from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lga.backbone.protocol import Space
from lga.config import MethodConfig
from lga.model.head import Adapter, Head, StageFusion
from lga.model.matching import LGA

pytestmark = pytest.mark.usefixtures("one_thread")

DIM, FRAMES, CLIPS, STAGES = 13, 7, 5, 3
SPACE = Space(DIM, slice(0, 8), slice(8, DIM))
JOINT = Space(DIM, slice(0, DIM), slice(0, DIM))
PLAIN = MethodConfig(frames=FRAMES)
seeds = st.integers(0, 2**31)


def random_set(seed, *, stages=STAGES):
    """Features of clips and, for each, the texts of its stages."""
    random = torch.Generator().manual_seed(seed)
    frames = torch.randn(CLIPS, FRAMES, DIM, generator=random, dtype=torch.float64)
    return frames, torch.randn(CLIPS, stages, DIM, generator=random, dtype=torch.float64)


def distances(frames, text, space=SPACE, **switched):
    method = PLAIN.model_copy(update=switched)
    cut = LGA(method, space).cut(frames)
    query, support = (LGA(method, space).fuse(frames, cut, words) for words in (None, text))
    return LGA(method, space).distances(query, support)


def inside(one, part):
    """A tensor of random numbers in `part` of the token and of zeros elsewhere."""
    noise = torch.zeros_like(one)
    noise[..., part] = torch.randn(noise[..., part].shape, generator=torch.Generator().manual_seed(7)).double()
    return noise


def make_head(space=JOINT, *, width=0, head_weight=1.0):
    adapter = Adapter(space, width)
    return Head(adapter, StageFusion(adapter.width, heads=1), head_weight=head_weight).double().eval()


def learnt_head(space=SPACE, *, head_weight=1.0):
    """A head that no longer is what it started as."""
    head, random = make_head(space, head_weight=head_weight), torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in head.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=random, dtype=torch.float64)
    return head


def matched(frames, text, head, space=SPACE):
    cut = LGA(PLAIN, space).cut(frames)
    query, support = (LGA(PLAIN, space, head).fuse(frames, cut, words) for words in (None, text))
    return LGA(PLAIN, space, head).distances(query, support)


@settings(max_examples=20)
@given(seeds, st.sampled_from([0.0, 0.5, 1.0, 3.0]))
def test_an_untrained_head_in_a_shared_space_is_text_injection(seed, strength):
    frames, text = random_set(seed)
    method, head = PLAIN.model_copy(update={"text_injection": strength}), make_head()
    cut = LGA(method, JOINT).cut(frames)
    for words in (text, None):
        found = LGA(method, JOINT, head).fuse(frames, cut, words)
        plain = LGA(method, JOINT).fuse(frames, cut, words)
        torch.testing.assert_close(found.learned, plain.tokens)
        assert torch.equal(found.tokens, plain.tokens)
        assert torch.equal(found.stage, plain.stage)


def test_an_untrained_head_changes_no_distance_where_sight_and_meaning_are_apart():
    frames, text = random_set(4)
    seen_alone = text.clone()
    seen_alone[..., SPACE.visual] = 0  # as every backbone's sentences are
    torch.testing.assert_close(matched(frames, seen_alone, make_head(SPACE)), matched(frames, seen_alone, None))


def test_a_block_that_learnt_something_is_used():
    frames, text = random_set(3)
    head = make_head()
    head.fusion.attend.out_proj.bias.data += 0.25
    cut = LGA(PLAIN, JOINT).cut(frames)
    found = LGA(PLAIN, JOINT, head).fuse(frames, cut, text)
    torch.testing.assert_close(found.learned, found.tokens + 0.25)


@settings(max_examples=20)
@given(seeds, st.floats(0, 1))
def test_the_head_weight_mixes_the_two_distances(seed, head_weight):
    frames, text = random_set(seed)
    head = learnt_head()
    own, learned = matched(frames, text, None), matched(frames, text, head)
    assert not torch.allclose(own, learned)
    head.head_weight = head_weight
    torch.testing.assert_close(matched(frames, text, head), head_weight * learned + (1 - head_weight) * own)


def test_without_weight_a_head_is_not_even_asked():
    frames, text = random_set(6)
    head = learnt_head(head_weight=0.0)
    assert torch.equal(matched(frames, text, head), matched(frames, text, None))
    cut = LGA(PLAIN, SPACE).cut(frames)
    assert LGA(PLAIN, SPACE, head).fuse(frames, cut, text).learned is None


@settings(max_examples=20)
@given(seeds, st.floats(0, 10))
def test_the_text_injection_scales_the_text_that_an_example_takes_up(seed, strength):
    frames, text = random_set(seed)
    cut = LGA(PLAIN, SPACE).cut(frames)
    by = {
        much: LGA(PLAIN.model_copy(update={"text_injection": much}), SPACE).fuse(frames, cut, text).tokens
        for much in (0.0, 1.0, strength)
    }
    torch.testing.assert_close(by[strength] - by[0.0], strength * (by[1.0] - by[0.0]))
    assert torch.equal(by[0.0], LGA(PLAIN, SPACE).fuse(frames, cut, None).tokens)


@settings(max_examples=20)
@given(seeds)
def test_every_token_is_a_frame_of_its_stage_plus_that_stages_sentence(seed):
    frames, text = random_set(seed)
    cut = LGA(PLAIN, SPACE).cut(frames)
    found = LGA(PLAIN, SPACE).fuse(frames, cut, text)
    for clip in range(CLIPS):
        seen = [(stage, at) for stage in range(STAGES) for at in range(FRAMES) if cut.mask[clip, stage, at]]
        assert [stage for stage in found.stage[clip].tolist() if stage >= 0] == [stage for stage, _ in seen]
        for token, (stage, at) in zip(found.tokens[clip], seen, strict=False):
            torch.testing.assert_close(
                token, (frames[clip, at] + PLAIN.text_injection * text[clip, stage])[SPACE.visual]
            )


@settings(max_examples=20)
@given(seeds)
def test_bi_mhm_does_not_look_at_the_stages_but_ab_mhm_does(seed):
    frames, _ = random_set(seed)
    cut = LGA(PLAIN, SPACE).cut(frames)
    query = LGA(PLAIN, SPACE).fuse(frames, cut, None)
    support = LGA(PLAIN, SPACE).fuse(frames.flip(0), LGA(PLAIN, SPACE).cut(frames.flip(0)), None)
    renamed = replace(query, stage=(2 - query.stage).where(query.stage >= 0, -1))
    whole, staged = PLAIN.model_copy(update={"matcher": "bi_mhm"}), PLAIN
    assert torch.equal(LGA(whole, SPACE).distances(query, support), LGA(whole, SPACE).distances(renamed, support))
    assert not torch.allclose(
        LGA(staged, SPACE).distances(query, support), LGA(staged, SPACE).distances(renamed, support)
    )


@settings(max_examples=20)
@given(seeds, st.integers(0, 2), st.sampled_from(["cluster", "hard"]), st.sampled_from(["sum", "mean"]))
def test_with_a_single_stage_both_metrics_are_one(seed, overlap, segmenter, reduction):
    frames, text = random_set(seed, stages=1)
    settled = {"stages": 1, "overlap": overlap, "segmenter": segmenter, "reduction": reduction}
    staged = distances(frames, text, matcher="ab_mhm", **settled)
    assert torch.equal(staged, distances(frames, text, matcher="bi_mhm", **settled))


@settings(max_examples=20)
@given(seeds)
def test_only_the_visual_part_decides_between_videos(seed):
    frames, text = random_set(seed)
    wanted = distances(frames, text)
    shifted = distances(frames + inside(frames, SPACE.semantic), text + inside(text, SPACE.semantic))
    torch.testing.assert_close(shifted, wanted)
    assert not torch.allclose(distances(frames + inside(frames, SPACE.visual), text), wanted)


@settings(max_examples=20)
@given(seeds)
def test_only_the_semantic_part_is_compared_with_text(seed):
    frames, text = random_set(seed)
    lga = LGA(PLAIN, SPACE)
    cut = lga.cut(frames)
    wanted = lga.similarities(frames, cut, lga.sentences(text))
    elsewhere = lga.sentences(text + inside(text, SPACE.visual))
    shifted = lga.similarities(frames + inside(frames, SPACE.visual), cut, elsewhere)
    torch.testing.assert_close(shifted, wanted)
    others = lga.sentences(text + inside(text, SPACE.semantic))
    assert not torch.allclose(lga.similarities(frames, cut, others), wanted)


def test_where_the_parts_are_the_same_everything_is_compared():
    frames, text = random_set(3)
    assert not torch.allclose(
        distances(frames, text, JOINT), distances(frames + inside(frames, slice(8, 13)), text, JOINT)
    )


@settings(max_examples=20)
@given(seeds)
def test_the_text_score_of_a_stage_is_the_cosine_of_its_mean_frame(seed):
    frames, text = random_set(seed)
    lga = LGA(PLAIN, SPACE)
    cut = lga.cut(frames)
    found = lga.similarities(frames, cut, lga.sentences(text[:2]))
    assert found.shape == (CLIPS, 2, STAGES)
    for clip in range(CLIPS):
        for label in range(2):
            for stage in range(STAGES):
                mean = frames[clip, cut.mask[clip, stage], SPACE.semantic].mean(0)
                wanted = torch.cosine_similarity(mean, text[label, stage, SPACE.semantic], dim=0)
                torch.testing.assert_close(found[clip, label, stage], wanted)


def test_a_clip_is_cut_where_its_picture_changes_not_where_its_meaning_does():
    frames = torch.zeros(1, FRAMES, DIM)
    frames[0, torch.arange(FRAMES), torch.tensor([0, 0, 1, 1, 1, 1, 2])] = 1.0
    frames[0, torch.arange(FRAMES), torch.tensor([8, 9, 9, 9, 10, 11, 11])] = 5.0
    assert LGA(PLAIN, SPACE).cut(frames).label.tolist() == [[0, 0, 1, 1, 1, 1, 2]]


def test_a_clip_is_no_distance_from_itself_while_no_text_is_taken_up():
    frames, text = random_set(5)
    itself = distances(frames, torch.zeros_like(text)).diagonal()
    torch.testing.assert_close(itself, torch.zeros_like(itself))


@pytest.mark.parametrize("segmenter", ["centred", "cluster", "hard"])
def test_fewer_frames_than_stages_are_refused(segmenter):
    frames, _ = random_set(0)
    method = MethodConfig(stages=3, segmenter=segmenter)
    with pytest.raises(ValueError, match="2 frames can be cut into 1 to 2 stages, not 3"):
        LGA(method, SPACE).cut(frames[:, :2])


@pytest.mark.parametrize("stages", [1, 2, 5])
def test_any_number_of_stages_up_to_the_frames_works(stages):
    frames, text = random_set(0, stages=stages)
    assert distances(frames, text, stages=stages).isfinite().all()


@pytest.mark.parametrize(
    "switched",
    [
        {"stages": 2},
        {"segmenter": "hard"},
        {"overlap": 0},
        {"matcher": "bi_mhm"},
        {"reduction": "mean"},
        {"text_injection": 0.0},
    ],
    ids=str,
)
def test_every_setting_of_the_matching_changes_the_distances(switched):
    frames, text = random_set(11)
    other = distances(frames, text[:, : switched.get("stages", STAGES)], **switched)
    assert not torch.allclose(other, distances(frames, text))


@pytest.mark.parametrize("text", [False, True])
def test_no_clips_have_empty_prototypes(text):
    frames, words = (one[:0] for one in random_set(0))
    cut = LGA(PLAIN, SPACE).cut(frames)
    empty = LGA(PLAIN, SPACE).fuse(frames, cut, words if text else None)
    full_frames, full_text = random_set(0)
    full = LGA(PLAIN, SPACE).fuse(full_frames, LGA(PLAIN, SPACE).cut(full_frames), full_text)
    assert LGA(PLAIN, SPACE).distances(full, empty).shape == (CLIPS, 0)
    assert [len(one) for one in (cut.label, cut.mask, cut.frame, cut.stage)] == [0] * 4
