import numpy as np
import pytest
import torch

from lga.backbone.protocol import Space
from lga.config import MethodConfig, TrainConfig
from lga.errors import ManifestError
from lga.methods.lga import Matrix
from lga.model.task import Compared
from lga.training.select import (
    TEMPERATURES,
    TEXT_SHOTS,
    choice_episodes,
    choose_head_weight,
    choose_text,
    mixed,
    try_out,
    validation_result,
)

pytestmark = pytest.mark.usefixtures("one_thread")

CLASSES, PER_CLASS = 5, 7
LABEL = np.arange(CLASSES * PER_CLASS) % CLASSES
OWN = torch.from_numpy(LABEL)
METHOD = MethodConfig(hub_correction=0.0, alpha="shots", head="none")
SETTINGS = TrainConfig(validation_episodes=300, ways=3)


def table(distance, similarity, scale=7.5):
    """Clips that compare like this, each looking like itself alone."""
    space = Space(2, slice(0, 1), slice(1, 2), scale)
    return Matrix(Compared(distance, None, torch.eye(len(distance)).double(), None, similarity), space)


def matrix(*, video, text=0.0, seed=0, scale=7.5):
    """Random distances and similarities that know the class by so much."""
    random = torch.Generator().manual_seed(seed)
    same = (OWN[:, None] == OWN).double()
    near = torch.rand(len(LABEL), len(LABEL), generator=random, dtype=torch.float64)
    like = torch.rand(len(LABEL), CLASSES, generator=random, dtype=torch.float64)
    return table(near - video * same, like + text * (OWN[:, None] == torch.arange(CLASSES)).double(), scale)


def episodes():
    return choice_episodes(LABEL, None, SETTINGS, count=300)


def test_a_choice_has_to_suit_one_and_five_examples_where_there_are_enough():
    found = episodes()
    assert {shots: one.support.shape for shots, one in found.items()} == {1: (300, 3, 1), 5: (300, 3, 5)}
    few = np.arange(6) % 2
    assert list(choice_episodes(few, None, SETTINGS, count=100)) == [1]
    assert choice_episodes(few, None, SETTINGS, count=100)[1].classes.shape == (100, 2)


@pytest.mark.parametrize("label", [[0, 1, 2], [0, 0, 0, 0]], ids=["one clip a class", "one class"])
def test_classes_that_fill_no_episode_are_refused(label):
    with pytest.raises(ManifestError):
        choice_episodes(np.array(label), None, SETTINGS, count=100)


def test_the_episodes_are_the_same_every_time():
    for shots, one in episodes().items():
        assert np.array_equal(one.query, episodes()[shots].query)


def test_the_mean_is_over_the_numbers_of_examples():
    trial = try_out(matrix(video=0.2), episodes(), METHOD)
    assert trial.mean == pytest.approx((trial.accuracy[1] + trial.accuracy[5]) / 2)
    found = validation_result(7, 0.5, trial)
    assert (found.task, found.head_weight, found.mean, found.accuracy) == (7, 0.5, trial.mean, trial.accuracy)


def test_better_is_only_clear_beyond_the_interval():
    poor, rich = (try_out(matrix(video=much), episodes(), METHOD) for much in (0.1, 0.6))
    assert rich.clearly_beats(poor)
    assert not poor.clearly_beats(rich)
    assert not rich.clearly_beats(rich)
    nearly = try_out(matrix(video=0.601), episodes(), METHOD)
    assert not nearly.clearly_beats(rich)


def test_what_was_learned_weighs_as_much_as_it_helps():
    good, bad = matrix(video=0.6), matrix(video=0.0, seed=1)
    head_weight, trial = choose_head_weight(bad, good, episodes(), METHOD)
    assert head_weight == 1.0
    assert trial.mean == try_out(good, episodes(), METHOD).mean
    assert choose_head_weight(good, bad, episodes(), METHOD)[0] == 0.25
    assert choose_head_weight(good, good, episodes(), METHOD)[0] == 0.25, "the smaller one of equals"


def test_two_that_know_different_halves_weigh_in_part():
    one, other = matrix(video=0.4), matrix(video=0.4, seed=1)
    assert choose_head_weight(one, other, episodes(), METHOD)[0] in (0.5, 0.75)


def test_a_mixture_is_linear_and_leaves_the_text_alone():
    own, learned = matrix(video=0.1), matrix(video=0.5, seed=2)
    half = mixed(own, learned, 0.5)
    torch.testing.assert_close(half.table.distance, (own.table.distance + learned.table.distance) / 2)
    assert torch.equal(half.table.similarity, own.table.similarity)
    assert torch.equal(half.table.appearance, own.table.appearance)
    assert torch.equal(mixed(own, learned, 0.0).table.distance, own.table.distance)


def test_a_text_whose_cosines_lie_16_times_closer_counts_16_times_as_much():
    """As CLIP's do beside those of `offline`."""
    whole = matrix(video=0.2, text=0.7)
    narrow = table(whole.table.distance, 0.25 + whole.table.similarity / 16)
    found = choose_text(narrow, episodes(), METHOD).text_shots
    assert found == 16 * choose_text(whole, episodes(), METHOD).text_shots
    assert 16 < found < max(TEXT_SHOTS)


def test_scores_that_lie_4_times_closer_want_about_a_quarter_of_the_temperature():
    text_alone = METHOD.model_copy(update={"alpha": 0.0})
    whole = matrix(video=0.0, text=0.4)
    narrow = table(whole.table.distance, whole.table.similarity / 4)
    usual, found = (choose_text(one, episodes(), text_alone).temperature for one in (whole, narrow))
    assert usual / 6 < found < usual / 2.5
    assert min(TEMPERATURES) < found < 0.1


def test_the_text_counts_as_far_as_it_helps():
    by_video = choose_text(matrix(video=1.0), episodes(), METHOD)
    by_text = choose_text(matrix(video=0.0, text=1.0), episodes(), METHOD)
    assert by_video.text_shots == min(TEXT_SHOTS)
    assert by_text.text_shots > by_video.text_shots
    assert by_video.temperature in TEMPERATURES
    fixed = METHOD.model_copy(update={"alpha": 0.3})
    assert choose_text(matrix(video=1.0), episodes(), fixed).text_shots == fixed.text_shots


FITTED = METHOD.model_copy(update={"alpha": "fitted"})


def test_what_the_examples_say_stays_where_nothing_else_is_clearly_better():
    assert choose_text(matrix(video=1.0, text=1.0, scale=30.0), episodes(), FITTED) == FITTED


def test_a_text_that_knows_more_than_its_scale_claims_is_weighed_by_hand():
    """At its word it hardly counts, and fitting never takes it for more."""
    shy = matrix(video=0.1, text=1.0, scale=0.01)
    found = choose_text(shy, episodes(), FITTED)
    assert found.alpha == "shots"
    assert try_out(shy, episodes(), found, match="combined").clearly_beats(
        try_out(shy, episodes(), FITTED, match="combined")
    )
