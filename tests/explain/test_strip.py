from hypothesis import given
from hypothesis import strategies as st

from lga.explain.strip import choose_frames, stage_color


@given(st.lists(st.integers(1, 61), min_size=1, max_size=8))
def test_the_chosen_frames_are_few_ordered_and_of_every_stage(lengths):
    frame_stage = [stage for stage, length in enumerate(lengths) for _ in range(length)]
    chosen = choose_frames(frame_stage, 12)
    assert list(chosen) == sorted(set(chosen))
    assert {frame_stage[one] for one in chosen} == set(frame_stage)
    assert len(chosen) <= 12 + len(lengths)
    assert len(chosen) == len(frame_stage) or len(frame_stage) > 12


def test_long_clips_by_hand():
    assert choose_frames([0] * 20 + [1] * 20, 4) == (5, 15, 25, 35)
    assert choose_frames([0] * 39 + [1], 4) == (4, 14, 24, 34, 39)


def test_neighbouring_stages_differ_in_colour():
    assert len({stage_color(stage) for stage in range(8)}) == 8
