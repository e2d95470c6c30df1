"""`lga.store.merge`: what both sides have changed is in the result."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lga.anatomy.lexicon import anatomize
from lga.errors import ActionsError
from lga.store.merge import merge

LABELS = ("jump into pool", "žába, 跳", "wave", "Brush_Hair")


def paths(actions, label):
    return [one.path for one in actions.examples if one.label == label]


def test_both_sides_add_and_remove(taught):
    base = taught.make()
    mine = taught.added(base.without("žába, 跳"), "wave", 1)
    theirs = taught.added(base.without_example("/clips/jump into pool 1.mp4"), "wave", 2).with_action(
        anatomize("clap", stages=2), base.text[0]
    )
    found = merge(base, mine, theirs)
    assert found.labels == ("jump into pool", "wave", "Brush_Hair", "clap")
    assert paths(found, "wave") == ["/more/2.mp4", "/more/1.mp4"]
    assert paths(found, "jump into pool") == ["/clips/jump into pool 0.mp4", "/clips/jump into pool 2.mp4"]


def test_my_sentences_replace_others_and_what_i_did_not_touch_is_theirs(taught):
    base = taught.make()
    mine = base.with_anatomy("wave", anatomize("wave", stages=2).model_copy(update={"detail": "mine"}), -base.text[2])
    theirs = base.with_anatomy("Brush_Hair", anatomize("brush hair", stages=2), 2 * base.text[3])
    found = merge(base, mine, theirs)
    assert found.labels == ("jump into pool", "žába, 跳", "wave", "brush hair")
    assert found.anatomies[2].detail == "mine"
    assert found.text[2].equal(-base.text[2])
    assert found.text[3].equal(2 * base.text[3])
    assert [one.label for one in found.examples][-2:] == ["brush hair"] * 2


def test_an_action_that_is_gone_is_taught_anew_only_if_i_added_to_it(taught):
    base = taught.make()
    theirs = base.without("jump into pool").without("Brush_Hair")
    found = merge(base, taught.added(base, "jump into pool", 1), theirs)
    assert found.labels == ("žába, 跳", "wave", "jump into pool")
    assert paths(found, "jump into pool") == ["/more/1.mp4"]


def test_the_same_clip_is_added_once(taught):
    base = taught.make()
    found = merge(base, taught.added(base, "wave", 1), taught.added(base, "wave", 1))
    assert taught.same(found, taught.added(base, "wave", 1))


def test_without_a_base_everything_of_mine_is_added(taught):
    theirs, mine = taught.make({"wave": 1, "clap": 1}), taught.make({"WAVE": 2, "jump": 1}, seed=5)
    found = merge(None, mine, theirs)
    assert found.labels == ("wave", "clap", "jump")
    assert [one.label for one in found.examples] == ["wave", "clap", "wave", "wave", "jump"]
    assert found.anatomies[0] == theirs.anatomies[0]
    assert taught.same(merge(None, mine, None), mine)


def test_nothing_may_be_left(taught):
    base = taught.make({"wave": 1, "clap": 1})
    assert merge(base, base.without("clap"), base.without("wave")) is None


def test_other_backbones_and_settings_do_not_go_together(taught):
    base = taught.make()
    for other in (replace(base, identity="other"), taught.make(stages=3)):
        with pytest.raises(ActionsError, match="do not go with"):
            merge(base, taught.added(base, "wave", 1), other)


@given(st.lists(st.tuples(st.sampled_from(LABELS), st.integers(0, 5)), max_size=5), st.sets(st.sampled_from(LABELS)))
def test_merging_with_what_nobody_changed_gives_mine(taught, more, gone):
    base = mine = taught.make()
    for label in sorted(gone)[: len(LABELS) - 1]:
        mine = mine.without(label)
    for label, number in dict.fromkeys(more):
        if label in mine.labels:
            mine = taught.added(mine, label, number + 10 * LABELS.index(label))
    assert taught.same(merge(base, mine, taught.make()), mine)
