from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lga.config import ProtocolConfig
from lga.datasets.episodes import CHUNK, plan_episodes
from lga.errors import ManifestError

LABEL = np.repeat(np.arange(7), [5, 3, 4, 1, 6, 4, 5])
GROUP = np.arange(len(LABEL)) % 11


def planned(label=LABEL, group=None, **protocol):
    return plan_episodes(label, group, ProtocolConfig(**{"ways": 3, "episodes": 50, **protocol}))


@st.composite
def corpora(draw):
    """Labels in any order, some classes missing, and a protocol that they can fill."""
    shots, queries, ways = draw(st.integers(0, 3)), draw(st.integers(1, 3)), draw(st.integers(2, 4))
    sizes = draw(st.lists(st.integers(0, 8), min_size=ways, max_size=9))
    sizes += [shots + queries] * max(0, ways - sum(size >= shots + queries for size in sizes))
    label = np.repeat(np.arange(len(sizes)), sizes)
    seed = draw(st.integers(0, 2**31))
    np.random.default_rng(seed).shuffle(label)
    return label, {"shots": shots, "queries": queries, "ways": ways, "seed": seed}


@settings(max_examples=40)
@given(corpora())
def test_every_episode_is_valid(corpus):
    label, protocol = corpus
    plan = planned(label, episodes=30, **protocol)
    ways, queries, shots = protocol["ways"], protocol["queries"], protocol["shots"]
    assert plan.classes.shape == (30, ways)
    assert plan.query.shape == (30, ways, queries)
    assert plan.support.shape == (30, ways, shots)
    for classes, query, support in zip(plan.classes, plan.query, plan.support, strict=True):
        clips = [*query.flat, *support.flat]
        assert len(set(classes.tolist())) == ways
        assert len(set(clips)) == len(clips) == ways * (queries + shots)
        assert all(0 <= clip < len(label) for clip in clips)
        assert (label[query] == classes[:, None]).all()
        assert (label[support] == classes[:, None]).all()


@pytest.mark.parametrize("source_disjoint", [False, True])
def test_the_same_seed_draws_the_same_episodes(source_disjoint):
    first, again, other = (planned(group=GROUP, source_disjoint=source_disjoint, seed=seed) for seed in (3, 3, 4))
    for name in ("classes", "query", "support"):
        assert np.array_equal(getattr(first, name), getattr(again, name))
        assert not np.array_equal(getattr(first, name), getattr(other, name))


@pytest.mark.parametrize("source_disjoint", [False, True])
def test_an_episode_does_not_depend_on_how_many_are_asked_for(source_disjoint):
    plans = [
        planned(group=GROUP, source_disjoint=source_disjoint, episodes=episodes)
        for episodes in (2, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK + 500)
    ]
    for few, many in pairwise(plans):
        for name in ("classes", "query", "support"):
            assert np.array_equal(getattr(few, name), getattr(many, name)[: len(few.classes)])


def test_chunks_do_not_repeat_each_other():
    plan = planned(episodes=2 * CHUNK)
    assert not np.array_equal(plan.query[:CHUNK], plan.query[CHUNK:])


def test_classes_with_too_few_clips_never_take_part():
    assert set(planned(shots=3, queries=1, episodes=500).classes.flat) == {0, 2, 4, 5, 6}
    assert set(planned(shots=1, queries=1, episodes=500).classes.flat) == {0, 1, 2, 4, 5, 6}


def within_six_deviations(count, draws, chance):
    return abs(count - draws * chance) < 6 * (draws * chance * (1 - chance)) ** 0.5


def test_classes_come_equally_often_in_every_place():
    plan = planned(np.repeat(np.arange(10), 4), ways=5, episodes=5000)
    for place in range(5):
        counts = np.bincount(plan.classes[:, place], minlength=10)
        assert all(within_six_deviations(count, 5000, 1 / 10) for count in counts)


def test_clips_come_equally_often_as_query_and_as_example():
    plan = planned(np.repeat([0, 1], [3, 7]), ways=2, shots=2, queries=1, episodes=5000)
    queries, examples = np.bincount(plan.query.flat), np.bincount(plan.support.flat)
    for clip in range(10):
        size = 3 if clip < 3 else 7
        assert within_six_deviations(queries[clip], 5000, 1 / size)
        assert within_six_deviations(examples[clip], 5000, 2 / size)


@pytest.mark.parametrize(("shots", "queries"), [(1, 1), (2, 1), (1, 2)])
def test_no_example_of_any_class_shares_a_source_with_any_query(shots, queries):
    plan = planned(group=GROUP, source_disjoint=True, shots=shots, queries=queries, episodes=1500)
    for query, support in zip(plan.query, plan.support, strict=True):
        assert not set(GROUP[query].flat) & set(GROUP[support].flat)


def test_without_the_setting_sources_do_share():
    plan = planned(group=GROUP, episodes=500)
    shared = [set(GROUP[q].flat) & set(GROUP[s].flat) for q, s in zip(plan.query, plan.support, strict=True)]
    assert any(shared)
    assert np.array_equal(plan.query, planned(episodes=500).query)  # nor does the column change the draw


def test_the_only_two_possible_episodes_are_drawn_equally_often():
    label, group = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    plan = planned(label, group, ways=2, source_disjoint=True, episodes=2000)
    order = plan.classes.argsort(1)
    query = np.take_along_axis(plan.query[:, :, 0], order, 1)
    support = np.take_along_axis(plan.support[:, :, 0], order, 1)
    first = (query == [0, 2]).all(1) & (support == [1, 3]).all(1)
    second = (query == [1, 3]).all(1) & (support == [0, 2]).all(1)
    assert (first | second).all()
    assert within_six_deviations(first.sum(), 2000, 1 / 2)


def test_sources_do_not_matter_without_examples():
    plan = planned(group=np.zeros_like(LABEL), source_disjoint=True, shots=0)
    assert plan.support.shape == (50, 3, 0)
    assert (LABEL[plan.query] == plan.classes[:, :, None]).all()


@pytest.mark.parametrize(("label", "usable", "classes"), [(LABEL, 6, 7), (np.zeros(0, dtype=int), 0, 0)])
def test_too_few_classes_are_refused(label, usable, classes):
    wanted = rf"7-way .* 7 classes with 1\+1 clips each, only {usable} of {classes} .*--ways, --shots or --queries"
    with pytest.raises(ManifestError, match=wanted):
        planned(label, ways=7)


def test_too_few_clips_are_refused():
    with pytest.raises(ManifestError, match=r"3 classes with 5\+1 clips each, only 1 of 7"):
        planned(shots=5)


def test_disjoint_sources_without_a_group_column_are_refused():
    with pytest.raises(ManifestError, match="column `group`"):
        planned(source_disjoint=True)


@pytest.mark.parametrize("shots", [1, 2])
def test_impossible_disjoint_episodes_are_refused(shots):
    with pytest.raises(ManifestError, match=f"no source-disjoint 3-way {shots}-shot episode"):
        planned(group=LABEL, source_disjoint=True, shots=shots)
