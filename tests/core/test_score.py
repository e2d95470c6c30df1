from math import exp, log, sqrt

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lga.core.distance import class_distances
from lga.core.score import class_scores, combine, correct_hubs, video_text_scores, weigh

pytestmark = pytest.mark.usefixtures("one_thread")

seeds = st.integers(0, 2**31)
ways = st.integers(1, 7)
alphas = st.floats(0.0, 1.0)
temperatures = st.floats(0.01, 100.0)


def random_pair(seed, *shape):
    """A distance from 0 to 24 and a similarity from -3 to 3, as eight frames in three stages give them."""
    random = torch.Generator().manual_seed(seed)
    distance, similarity = torch.rand(2, *shape, generator=random, dtype=torch.float64)
    return 24 * distance, 6 * similarity - 3


def softmax_by_hand(scores):
    weights = [exp(score - max(scores)) for score in scores]
    return [weight / sum(weights) for weight in weights]


@given(st.integers(1, 5), seeds)
def test_text_scores_match_the_textbook_loop(stages, seed):
    random = torch.Generator().manual_seed(seed)
    video = torch.randn(3, stages, 7, generator=random, dtype=torch.float64)
    text = torch.randn(2, stages, 7, generator=random, dtype=torch.float64)
    scores = video_text_scores(video, text)
    assert scores.shape == (3, 2, stages)
    for q, c, s in torch.cartesian_prod(torch.arange(3), torch.arange(2), torch.arange(stages)).tolist():
        v, t = video[q, s].tolist(), text[c, s].tolist()
        dot = sum(a * b for a, b in zip(v, t, strict=True))
        cosine = dot / sqrt(sum(a * a for a in v) * sum(b * b for b in t))
        assert scores[q, c, s].item() == pytest.approx(cosine)


def test_text_scores_of_same_opposite_unrelated_and_empty_stages():
    video = torch.tensor([[[3.0, 4.0], [3.0, 4.0], [3.0, 4.0], [0.0, 0.0]]])
    text = torch.tensor([[[6.0, 8.0], [-0.3, -0.4], [4.0, -3.0], [1.0, 0.0]]])
    torch.testing.assert_close(video_text_scores(video, text), torch.tensor([[[1.0, -1.0, 0.0, 0.0]]]))


def test_a_stage_meets_only_its_own_sentence():
    video, text = torch.randn(2, 3, 3, 5, generator=torch.Generator().manual_seed(0))
    other = text.clone()
    other[:, 1] = 7.0
    change = video_text_scores(video, text) != video_text_scores(video, other)
    assert change.any((0, 1)).tolist() == [False, True, False]


def test_different_numbers_of_stages_are_refused():
    with pytest.raises(TypeError):
        video_text_scores(torch.zeros(1, 3, 5), torch.zeros(2, 4, 5))


@given(ways, seeds, alphas, temperatures)
def test_combine_is_the_renormalised_product_of_powers(way, seed, alpha, temperature):
    distance, similarity = random_pair(seed, 3, way)
    posterior = combine(distance, similarity, alpha=alpha, temperature=temperature)
    for far, like, found in zip(distance.tolist(), similarity.tolist(), posterior.tolist(), strict=True):
        if max(far) - min(far) > 500 * temperature:  # the powers would underflow
            continue
        video = softmax_by_hand([-d / temperature for d in far])
        text = softmax_by_hand([s / temperature for s in like])
        product = [v**alpha * t ** (1 - alpha) for v, t in zip(video, text, strict=True)]
        assert found == pytest.approx([log(p / sum(product)) for p in product])


@given(ways, seeds, alphas, temperatures)
def test_the_posterior_is_normalised(way, seed, alpha, temperature):
    posterior = combine(*random_pair(seed, 3, way), alpha=alpha, temperature=temperature)
    torch.testing.assert_close(posterior.exp().sum(1), torch.ones(3, dtype=torch.float64))


@given(ways, seeds, temperatures)
def test_alpha_one_is_the_video_alone_and_zero_the_text_alone(way, seed, temperature):
    distance, similarity = random_pair(seed, 3, way)
    video = combine(distance, similarity, alpha=1.0, temperature=temperature)
    text = combine(distance, similarity, alpha=0.0, temperature=temperature)
    torch.testing.assert_close(video, torch.log_softmax(-distance / temperature, dim=1))
    torch.testing.assert_close(text, torch.log_softmax(similarity / temperature, dim=1))


@given(ways, seeds, alphas, temperatures)
def test_the_temperature_never_changes_the_order(way, seed, alpha, temperature):
    pair = random_pair(seed, 3, way)
    warm, plain = combine(*pair, alpha=alpha, temperature=temperature), combine(*pair, alpha=alpha)
    clear = (plain[:, :, None] - plain[:, None]) > 1e-9
    assert (warm[:, :, None] > warm[:, None])[clear].all()


@given(ways, seeds, alphas)
def test_renaming_the_classes_renames_the_posterior(way, seed, alpha):
    distance, similarity = random_pair(seed, way)
    name = torch.randperm(way, generator=torch.Generator().manual_seed(seed))
    renamed = combine(distance[name], similarity[name], alpha=alpha)
    torch.testing.assert_close(renamed, combine(distance, similarity, alpha=alpha)[name])


def test_a_posterior_worked_out_by_hand():
    distance, similarity = torch.tensor([0.0, log(4.0)]), torch.tensor([log(9.0), 0.0])
    found = combine(distance, similarity, alpha=0.5).exp()  # 4:1 and 9:1, whose geometric mean is 6:1
    torch.testing.assert_close(found, torch.tensor([6 / 7, 1 / 7]))


@pytest.mark.parametrize(
    ("alpha", "temperature"),
    [(-0.1, 1.0), (1.1, 1.0), (float("nan"), 1.0), (0.5, 0.0), (0.5, -1.0), (0.5, float("nan"))],
)
def test_an_alpha_or_a_temperature_out_of_range_is_refused(alpha, temperature):
    with pytest.raises(ValueError, match=f"not {alpha} and {temperature}"):
        combine(torch.zeros(1, 2), torch.zeros(1, 2), alpha=alpha, temperature=temperature)


@given(st.integers(1, 4), st.integers(1, 6), st.integers(1, 5), st.floats(0.0, 1.0), seeds)
def test_the_hub_correction_takes_off_each_columns_mean_over_the_examples_of_other_classes(
    rows, examples, columns, share, seed
):
    random = torch.Generator().manual_seed(seed)
    values = torch.randn(rows, columns, generator=random, dtype=torch.float64)
    among = torch.randn(examples, columns, generator=random, dtype=torch.float64)
    foreign = torch.rand(examples, columns, generator=random) < 0.5
    found = correct_hubs(values, among, foreign, strength=share)
    met = [[among[row, column].item() for row in range(examples) if foreign[row, column]] for column in range(columns)]
    means = [sum(some) / len(some) for some in met if some]
    usual = sum(means) / len(means) if means else 0.0
    for column, some in enumerate(met):
        taken = share * (sum(some) / len(some) if some else usual)
        torch.testing.assert_close(found[:, column], values[:, column] - taken)


def test_the_hub_correction_unmasks_an_example_that_is_near_to_everything():
    distance = torch.tensor([[4.0, 5.0]])
    among = torch.tensor([[0.0, 9.0], [3.0, 0.0]])
    foreign = torch.tensor([[False, True], [True, False]])
    assert distance.argmin() == 0
    assert correct_hubs(distance, among, foreign, strength=1.0).argmin() == 1
    torch.testing.assert_close(correct_hubs(distance, among, foreign, strength=0.0), distance)


@given(seeds, st.sampled_from(["softmin", "mean"]), st.floats(0, 1))
def test_class_scores_are_corrected_for_hubs_before_examples_are_pooled(seed, pooling, correction):
    label = torch.tensor([0, 2, 2, 0, 1])
    distance, _ = random_pair(seed, 3, 5)
    known, _ = random_pair(seed + 1, 5, 5)
    _, similarity = random_pair(seed + 2, 3, 4)
    _, heard = random_pair(seed + 3, 5, 4)
    found = class_scores(
        distance,
        similarity,
        example_distance=known,
        example_similarity=heard,
        support_label=label,
        hub_correction=correction,
        pooling=pooling,
    )
    foreign = label[:, None] != label
    corrected = torch.stack(
        [row - correction * torch.tensor([known[foreign[:, k], k].mean() for k in range(5)]) for row in distance]
    )
    torch.testing.assert_close(found[0], class_distances(corrected, label, 4, pooling=pooling))
    outside = torch.stack([heard[label != one, one].mean() for one in range(4)])
    torch.testing.assert_close(found[1], similarity - correction * outside)


def test_without_examples_only_the_text_tells_classes_apart():
    _, similarity = random_pair(0, 3, 4)
    empty = torch.zeros(0, dtype=torch.float64)
    distance, words = class_scores(
        torch.zeros(3, 0, dtype=torch.float64),
        similarity,
        example_distance=empty[:, None][:, :0],
        example_similarity=torch.zeros(0, 4, dtype=torch.float64),
        support_label=torch.zeros(0, dtype=torch.long),
        hub_correction=0.6,
        pooling="softmin",
    )
    assert not distance.any()
    assert torch.equal(words, similarity)


@pytest.mark.parametrize("alpha", [-0.1, 1.1])
def test_a_weight_outside_zero_and_one_is_refused(alpha):
    with pytest.raises(ValueError, match=f"not {alpha}"):
        weigh(torch.zeros(1, 2), torch.zeros(1, 2), alpha)
