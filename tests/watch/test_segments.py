import pytest
from hypothesis import given
from hypothesis import strategies as st

from lga.watch.segments import PATIENCE, Hit, Segmenter

GAP = 0.4


def textbook(hits):
    """Greedy non-maximum suppression over all hits at once, then neighbours of one label put together."""
    stand, fallen = [], []
    for hit in sorted(hits, key=lambda one: one.rank):
        (fallen if any(hit.crowds(one) for one in stand) else stand).append(hit)
    groups = []
    for hit in sorted(stand, key=lambda one: (one.start, one.end, one.label)):
        if groups and groups[-1][-1].label == hit.label:
            end = max(one.end for one in groups[-1])
            bridged = any(o.label == hit.label and o.start <= end and hit.start <= o.end for o in fallen)
            if hit.start - end <= GAP or bridged:
                groups[-1].append(hit)
                continue
        groups.append([hit])
    found = []
    for group in groups:
        length = sum(one.end - one.start for one in group)
        mean = sum((one.end - one.start) * one.score for one in group) / length
        found.append((group[0].start, max(one.end for one in group), group[0].label, pytest.approx(mean)))
    return found


def plain(segments):
    return [(one.start, one.end, one.label, one.confidence) for one in segments]


def stream(hits, longest=4.0):
    """Feed hits in the order in which their windows end; what is given, and when."""
    segmenter, given_ = Segmenter(longest, GAP), []
    for moment in sorted({hit.end for hit in hits}):
        some = segmenter.add([hit for hit in hits if hit.end == moment], moment)
        given_ += [(moment, one) for one in some]
    return given_ + [(float("inf"), one) for one in segmenter.finish()]


@st.composite
def many_hits(draw, most=25):
    hits = []
    for _ in range(draw(st.integers(0, most))):
        start = draw(st.integers(0, 150)) / 5
        length = draw(st.sampled_from([1.0, 1.4, 2.0, 4.0]))
        hits.append(Hit(start, start + length, draw(st.sampled_from("abc")), draw(st.integers(1, 20)) / 20))
    return hits


@given(many_hits())
def test_a_stream_gives_what_the_textbook_gives_for_the_whole(hits):
    patient = Segmenter(4.0, GAP)
    assert plain(patient.add(hits, float("-inf")) + patient.finish()) == textbook(hits)


@given(many_hits(most=10))
def test_hits_that_come_one_by_one_make_the_same_segments(hits):
    found = [one for _, one in stream(hits, longest=100.0)]
    assert plain(found) == textbook(hits)


@given(many_hits(most=60))
def test_no_segment_is_given_later_than_promised_and_segments_do_not_crowd(hits):
    found = stream(hits)
    for moment, one in found:
        if moment != float("inf"):
            ends = [other.end for other in hits if other.end < moment]
            before = max(ends, default=0.0)
            assert before - one.end <= (PATIENCE + 2) * 4.0 + GAP
    labels = {hit.label for hit in hits}
    assert {one.label for _, one in found} <= labels
    assert all(0 < one.confidence <= 1 and one.start < one.end for _, one in found)


def test_the_best_of_crowding_hits_stands_and_its_neighbour_of_the_same_label_joins():
    hits = [Hit(0.0, 2.0, "a", 0.9), Hit(0.4, 2.4, "b", 0.8), Hit(2.2, 4.2, "a", 0.5), Hit(8.0, 10.0, "a", 0.6)]
    found = [one for _, one in stream(hits)]
    assert plain(found) == [(0.0, 4.2, "a", pytest.approx(0.7)), (8.0, 10.0, "a", pytest.approx(0.6))]


def test_a_weaker_hit_of_the_label_bridges_two_that_stand():
    apart = [Hit(0.0, 2.0, "a", 0.9), Hit(3.0, 5.0, "a", 0.9)]
    assert len(stream(apart)) == 2
    assert [(one.start, one.end) for _, one in stream([*apart, Hit(1.5, 3.5, "a", 0.5)])] == [(0.0, 5.0)]
    assert len(stream([*apart, Hit(1.0, 4.0, "b", 0.5)])) == 2


def test_hits_without_an_end_to_them_are_decided_and_what_is_held_does_not_grow():
    segmenter, most = Segmenter(4.0, GAP), 0
    for number in range(300):  # every hit is better than the last: none is ever certain
        start = number * 0.4
        segmenter.add([Hit(start, start + 4.0, "ab"[number % 2], (number + 1) / 301)], start + 4.0)
        held = segmenter.waiting, segmenter.standing, segmenter.settled, segmenter.fallen
        most = max(most, sum(map(len, held)))
    assert most < 100


def test_an_action_without_an_end_to_it_is_one_segment_and_held_in_constant_memory():
    segmenter, most, found = Segmenter(2.0, GAP), 0, []
    for number in range(600):
        start = number * 0.4
        found += segmenter.add([Hit(start, start + 2.0, "a", 0.5 + 0.1 * (number % 3))], start + 2.0)
        most = max(most, len(segmenter.waiting) + len(segmenter.standing) + len(segmenter.settled))
    assert not found
    assert most < 50
    assert [(one.start, one.end) for one in segmenter.finish()] == [
        (pytest.approx(0.0, abs=2), pytest.approx(241.6, abs=2))
    ]


def test_nothing_gives_nothing():
    assert Segmenter(4.0, GAP).add([], 100.0) == []
    assert Segmenter(4.0, GAP).finish() == []
