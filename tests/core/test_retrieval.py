import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lga.core.retrieval import best_classes, fit_line, nearest_of_each_class, random_axes, short_products

pytestmark = pytest.mark.usefixtures("one_thread")
seeds = st.integers(0, 2**31)
labels = st.lists(st.integers(0, 4), min_size=1, max_size=12)


def random_of(seed):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("block", [1, 3, 100])
def test_products_are_those_of_the_narrow_rows_whatever_the_block(block):
    query, rows = torch.randn(2, 6, generator=random_of(0)), torch.randn(7, 6, generator=random_of(1)).half()
    found = short_products(query, rows, block=block)
    wanted = [[sum(float(a) * float(b) for a, b in zip(one, row, strict=True)) for row in rows] for one in query]
    torch.testing.assert_close(found, torch.tensor(wanted))
    alone = torch.cat([short_products(one, rows) for one in query.split(1)])
    torch.testing.assert_close(alone, found, rtol=0, atol=0.02)


def test_random_axes_keep_distances_and_depend_on_their_sizes_alone():
    rows = torch.randn(20, 300, generator=random_of(0))
    short = rows @ random_axes(300, 4096)
    torch.testing.assert_close(torch.cdist(short, short), torch.cdist(rows, rows), rtol=0.1, atol=1e-3)
    assert torch.equal(random_axes(300, 5), random_axes(300, 5))


@given(st.floats(0, 5), st.floats(-5, 5), seeds)
def test_a_line_is_found_again(slope, level, seed):
    given_ = torch.randn(9, generator=random_of(seed), dtype=torch.float64)
    assert fit_line(given_, slope * given_ + level) == pytest.approx((slope, level), abs=1e-6)


def test_a_line_never_falls_and_without_spread_is_the_mean():
    rising, falling = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([6.0, 4.0, 2.0])
    assert fit_line(rising, falling) == pytest.approx((0.0, 4.0))
    assert fit_line(torch.ones(3), falling) == pytest.approx((0.0, 4.0))
    with pytest.raises(ValueError, match="none"):
        fit_line(torch.zeros(0), torch.zeros(0))


@given(labels, st.integers(1, 7), seeds)
def test_the_best_classes_are_those_that_have_examples_and_the_highest_scores(label, keep, seed):
    score = torch.randint(0, 3, (3, 5), generator=random_of(seed)).float()
    found = best_classes(score, torch.tensor(label), keep)
    for row, mine in zip(score.tolist(), found.tolist(), strict=True):
        order = sorted(set(label), key=lambda one: (-row[one], one))
        assert [one for one in range(5) if mine[one]] == sorted(order[:keep])


@given(labels, st.integers(1, 4), seeds)
def test_of_each_class_the_nearest_are_taken(label, most, seed):
    distance = torch.randint(0, 4, (len(label),), generator=random_of(seed)).float()
    wanted = []
    for own in set(label):
        places = [place for place, one in enumerate(label) if one == own]
        wanted += sorted(places, key=lambda place: (distance[place], place))[:most]
    assert nearest_of_each_class(distance, torch.tensor(label), most).tolist() == sorted(wanted)


@settings(max_examples=10)
@given(seeds)
def test_no_example_is_nearest_of_none(seed):
    assert nearest_of_each_class(torch.zeros(0), torch.zeros(0, dtype=torch.long), seed % 5).tolist() == []
