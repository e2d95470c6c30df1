from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lga.backbone.protocol import Space
from lga.config import MethodConfig
from lga.methods.lga import fuse_dataset, lga_method, match_dataset, pairwise_matrix
from lga.methods.protocol import Dataset, Tasks
from lga.model.head import Adapter, Head, StageFusion
from lga.model.matching import LGA
from lga.model.staged import StagedLGA
from lga.motion.descriptor import NUMBERS

pytestmark = pytest.mark.usefixtures("one_thread")

FRAMES, CLIPS, MIXED = 7, 23, (1, 4, 2, 4, 5)
APART, JOINT = Space(12, slice(0, 7), slice(7, 12)), Space(11, slice(0, 11), slice(0, 11))
METHOD = MethodConfig(frames=FRAMES, stages="auto")
seeds = st.integers(0, 2**31)
counts = st.lists(st.integers(1, 5), min_size=4, max_size=4).map(tuple)


def random_dataset(seed, stages, space=JOINT, *, motion=True):
    """Clips of as many classes as there are `stages`; sentences beyond a class's own number are noise."""
    random = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(*shape, generator=random, dtype=torch.float64)

    label = torch.arange(CLIPS) % len(stages)
    text = draw(len(stages), max(stages), space.dim)
    described = draw(CLIPS, NUMBERS).abs() if motion else None
    return Dataset(draw(CLIPS, FRAMES, space.dim), label, text, text[:, 0], space, described, stages)


def tables(matrix):
    table = matrix.table
    parts = (table.distance, table.motion, table.appearance, table.moving, table.similarity)
    return [one for one in parts if one is not None]


def some_tasks(dataset, seed, ways=3):
    random = torch.Generator().manual_seed(seed)
    classes = torch.stack([torch.randperm(len(dataset.names), generator=random)[:ways] for _ in range(5)])
    clips = torch.stack([torch.stack([(dataset.label == one).nonzero()[:4, 0] for one in row]) for row in classes])
    return Tasks(classes, clips[..., :2], clips[..., 2:])


# --- laws -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stages", [1, 3, 5])
@pytest.mark.parametrize("space", [APART, JOINT], ids=["apart", "joint"])
@pytest.mark.parametrize(
    "changed", [{}, {"segmenter": "hard"}, {"matcher": "bi_mhm", "motion": "none"}, {"reduction": "mean", "alpha": 0.4}]
)
def test_one_number_for_all_classes_is_that_number_to_the_bit(stages, space, changed):
    dataset = random_dataset(3, (stages,) * 5, space)
    own, fixed = METHOD.updated(changed), METHOD.updated({"stages": stages, **changed})
    plain = replace(dataset, stages=None)
    for one, other in zip(tables(pairwise_matrix(dataset, own)), tables(pairwise_matrix(plain, fixed)), strict=True):
        assert torch.equal(one, other)
    tasks = some_tasks(dataset, 5)
    for match in ("video", "text", "combined"):
        found, wanted = (lga_method(*given, match=match) for given in ((own,), (fixed,)))
        assert torch.equal(found(dataset)(tasks), wanted(plain)(tasks))


def test_one_number_is_the_method_itself_to_the_bit():
    dataset = random_dataset(4, (3,) * 5)
    lga = LGA(METHOD.updated({"stages": 3, "motion": "flow"}), JOINT)
    cut, whole = lga.cut(dataset.frames, dataset.motion), lga.as_a_whole(dataset.frames, dataset.motion)
    query = lga.fuse(dataset.frames, cut, None, whole)
    support = lga.fuse(dataset.frames, cut, dataset.sentences[dataset.label], whole)
    wanted = lga.compare(query, support, lga.similarities(dataset.frames, cut, lga.sentences(dataset.sentences)))
    fused = fuse_dataset(dataset, METHOD.updated({"motion": "flow"}))
    found = fused.lga.compare(fused.query, fused.support, fused.similarity)
    for name in ("distance", "motion", "appearance", "moving", "similarity"):
        assert torch.equal(getattr(found, name), getattr(wanted, name))


@settings(max_examples=15)
@given(counts, seeds)
def test_the_order_of_the_classes_does_not_matter(stages, seed):
    dataset = random_dataset(seed, stages, motion=False)
    order = torch.randperm(4, generator=torch.Generator().manual_seed(seed))
    place = order.argsort()
    moved = replace(
        dataset,
        label=place[dataset.label],
        sentences=dataset.sentences[order],
        names=dataset.names[order],
        stages=tuple(stages[one] for one in order.tolist()),
    )
    one, other = (pairwise_matrix(given, METHOD).table for given in (dataset, moved))
    torch.testing.assert_close(one.distance, other.distance)
    torch.testing.assert_close(one.similarity[:, order], other.similarity)
    tasks = some_tasks(dataset, seed)
    again = Tasks(place[tasks.classes], tasks.query, tasks.support)
    torch.testing.assert_close(lga_method(METHOD)(dataset)(tasks), lga_method(METHOD)(moved)(again))


@settings(max_examples=15)
@given(counts, seeds, st.integers(0, CLIPS - 1), st.integers(0, 3))
def test_the_label_of_a_query_does_not_matter(stages, seed, query, label):
    dataset = random_dataset(seed, stages, motion=False)
    other = dataset.label.clone()
    other[query] = label
    one, two = (pairwise_matrix(given, METHOD).table for given in (dataset, replace(dataset, label=other)))
    rest = torch.arange(CLIPS) != query
    torch.testing.assert_close(one.distance[query, rest], two.distance[query, rest])
    torch.testing.assert_close(one.similarity[query], two.similarity[query])


@settings(max_examples=15)
@given(counts, seeds)
def test_padding_does_not_matter(stages, seed):
    dataset = random_dataset(seed, stages, motion=False)
    mine = torch.arange(max(stages)) < torch.tensor(stages)[:, None]
    bare = replace(dataset, sentences=dataset.sentences * mine[..., None])
    for one, other in zip(tables(pairwise_matrix(dataset, METHOD)), tables(pairwise_matrix(bare, METHOD)), strict=True):
        assert torch.equal(one, other)


# --- oracle -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("head_weight", [0.0, 0.7])
@pytest.mark.parametrize("motion", [False, True])
def test_each_class_is_matched_at_its_own_number(head_weight, motion):
    dataset = random_dataset(6, MIXED, motion=motion)
    dataset = replace(dataset, frames=dataset.frames.float(), sentences=dataset.sentences.float())
    torch.manual_seed(0)
    head = Head(Adapter(JOINT, 6), StageFusion(6, heads=2, stage_bias=1.0), head_weight=head_weight).eval()
    method = METHOD.updated({"motion": "flow" if motion else "none"})
    with torch.no_grad():
        found = pairwise_matrix(dataset, method, head=head)
        assert found.stages == sum(MIXED) / len(MIXED)
        terms = [2 * (FRAMES + 2 * (count - 1)) for count in MIXED]
        for label, count in enumerate(MIXED):
            fixed = replace(dataset, sentences=dataset.sentences[:, :count], stages=None)
            alone = pairwise_matrix(fixed, method.updated({"stages": count}), head=head).table
            mine = dataset.label == label
            scale = sum(terms) / len(terms) / terms[label]
            torch.testing.assert_close(found.table.distance[:, mine], scale * alone.distance[:, mine])
            more = found.stages / count
            torch.testing.assert_close(found.table.similarity[:, label], more * alone.similarity[:, label])
            torch.testing.assert_close(found.table.appearance[:, mine], alone.appearance[:, mine])


# --- by hand ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "terms"),
    [
        ({"stages": 1}, 16),
        ({"stages": 3}, 24),
        ({"stages": 3, "overlap": 0}, 16),
        ({"stages": 3, "segmenter": "hard"}, 24),
        ({"stages": 4, "reduction": "mean"}, 8),
        ({"stages": 4, "reduction": "mean", "matcher": "bi_mhm"}, 2),
    ],
    ids=str,
)
def test_as_many_terms_are_added_up_as_the_tokens_say(changed, terms):
    method = MethodConfig(**changed)
    assert LGA(method, JOINT).terms == terms
    if method.reduction == "sum":
        lga = LGA(method, JOINT)
        alike = torch.eye(11)[None, :1].repeat(1, 8, 1)
        query, support = (lga.fuse(one, lga.cut(one), None) for one in (alike, alike.flip(2)))
        assert float(lga.distances(query, support)) == terms  # at right angles, so that every term is 1


def test_clips_at_right_angles_are_equally_far_from_every_class():
    """Every nearest distance is 1, so that only the number of terms could favour a class."""
    stages, label = (1, 3, 5), torch.tensor([0, 1, 2, 0])
    frames = torch.zeros(4, 8, 11)
    frames[:3, :, 0], frames[3, :, 1] = 1.0, 1.0
    dataset = Dataset(frames, label, torch.ones(3, 5, 11), torch.ones(3, 11), JOINT, stages=stages)
    table = pairwise_matrix(dataset, MethodConfig(stages="auto", text_injection=0.0)).table
    torch.testing.assert_close(table.distance[3, :3], torch.full((3,), 2 * (8 + 2 * 2.0)))
    torch.testing.assert_close(table.similarity[0], table.similarity[0, :1].expand(3))


def test_the_method_names_its_numbers():
    assert repr(StagedLGA(LGA(MethodConfig(), JOINT), (4, 1, 4))).endswith("stages=1/4)")


# --- refusals ---------------------------------------------------------------------------------------------------------


def test_without_a_number_no_clip_is_cut():
    with pytest.raises(ValueError, match="each class has its own number"):
        LGA(MethodConfig(stages="auto"), JOINT).cut(torch.zeros(1, 8, 11))


def test_a_stage_that_some_class_lacks_is_refused():
    fused = fuse_dataset(random_dataset(8, MIXED, motion=False), METHOD)
    assert match_dataset(fused, stage=0).table.distance.isfinite().all()
    with pytest.raises(ValueError, match="1 stages alone; there is no stage 2"):
        match_dataset(fused, stage=1)
