"""`lga.store.changes`: whatever is changed, the rows say the same as the value, and few are written."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lga.anatomy.lexicon import anatomize
from lga.errors import ActionsError
from lga.store.changes import aligned, numbered, plan_change
from lga.store.clips import KeptClips
from lga.store.tables import NOTHING

NAMES = ("wave", "jump", "open door", "clap")


@pytest.fixture
def clips(tmp_path):
    return KeptClips(tmp_path)


@given(st.lists(st.integers(0, 9), unique=True), st.lists(st.integers(0, 9), unique=True))
def test_rows_that_stay_in_order_are_found_again(old, new):
    places = aligned(old, new)
    used = [place for place in places if place is not None]
    assert used == sorted(set(used))
    kept = [one for one in old if one in new]
    if [one for one in new if one in kept] == kept:
        assert all(places[new.index(one)] == old.index(one) for one in kept)


@given(st.lists(st.integers(1, 30), unique=True).map(sorted), st.data())
def test_numbers_rise_and_are_kept_where_nothing_comes_in_between(old, data):
    stays = data.draw(st.lists(st.sampled_from(range(len(old))), unique=True).map(sorted)) if old else []
    places = [*stays, *[None] * data.draw(st.integers(0, 3))]
    numbers = numbered(old, places)
    assert numbers == sorted(set(numbers))
    assert numbers[: len(stays)] == [old[place] for place in stays]


def test_a_row_in_between_moves_those_behind_it():
    assert numbered([1, 2, 5], [0, None, 1, 2]) == [1, 2, 3, 5]


def written(change):
    return sorted((table, row[0]) for table, row in change.fresh)


def test_of_a_change_only_the_rows_that_differ_are_written(taught, clips):
    before = plan_change(NOTHING, taught.make(motion=True), clips, converted="").after
    actions = before.actions

    def planned(after):
        return plan_change(before, after, clips, converted="")

    assert written(planned(taught.added(actions, "wave", 1))) == [("example", 7), ("state", 1)]
    assert written(planned(actions.without_example("/clips/jump into pool 1.mp4"))) == [("state", 1)]
    assert planned(actions.without("žába, 跳")).gone == (("action", 2), ("example", 4))
    renamed = planned(actions.with_anatomy("Brush_Hair", anatomize("comb hair", stages=2), actions.text[3]))
    assert written(renamed) == [("action", 4), ("state", 1)]
    louder = planned(replace(actions, motion=actions.motion * torch.tensor([1, 1, 1, 2, 1, 1])[:, None]))
    assert written(louder) == [("example", 4), ("state", 1)]
    assert written(planned(replace(actions))) == [("state", 1)]
    assert planned(None).after.actions is None


def test_what_does_not_fit_together_is_never_planned(taught, clips):
    actions = taught.make()
    with pytest.raises(ActionsError, match="do not fit together"):
        plan_change(NOTHING, replace(actions, frames=actions.frames[:2]), clips, converted="")
