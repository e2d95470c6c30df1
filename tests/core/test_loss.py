import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from lga.core.loss import contrastive_loss


def draw(clips: int, classes: int, dim: int, seed: int):
    generator = torch.Generator().manual_seed(seed)
    label = torch.randint(classes, (clips,), generator=generator)
    return (
        torch.randn(clips, dim, generator=generator).double(),
        torch.randn(classes, dim, generator=generator).double(),
        label,
    )


@given(st.integers(1, 7), st.integers(1, 5), st.integers(0, 2**31))
def test_matches_the_textbook_loop(clips, classes, seed):
    frames, text, label = draw(clips, classes, 11, seed)
    total = torch.zeros((), dtype=torch.double)
    for clip, right in zip(frames, label.tolist(), strict=True):
        scores = torch.stack([7.0 * torch.dot(clip, one) / clip.norm() / one.norm() for one in text])
        total -= scores[right] - scores.logsumexp(0)
    torch.testing.assert_close(contrastive_loss(frames, text, label, scale=7.0), total / clips)


@given(st.integers(0, 2**31), st.floats(0.1, 100))
def test_the_length_of_features_is_irrelevant(seed, factor):
    frames, text, label = draw(5, 3, 7, seed)
    torch.testing.assert_close(
        contrastive_loss(frames * factor, text, label, scale=3.0),
        contrastive_loss(frames, text * factor, label, scale=3.0),
    )


def test_clips_that_point_at_their_own_text_cost_nearly_nothing_and_at_anothers_much():
    text = F.one_hot(torch.arange(3), 5).double()
    label = torch.tensor([0, 1, 2])
    assert contrastive_loss(text, text, label, scale=50.0) < 1e-6
    assert contrastive_loss(text.roll(1, 0), text, label, scale=50.0) > 10


def test_one_class_alone_costs_nothing():
    frames, text, label = draw(4, 1, 3, 0)
    torch.testing.assert_close(contrastive_loss(frames, text, label, scale=9.0), torch.zeros((), dtype=torch.double))


def test_no_clips_are_refused():
    with pytest.raises(ValueError, match="at least one clip"):
        contrastive_loss(torch.zeros(0, 3), torch.zeros(2, 3), torch.zeros(0, dtype=torch.long), scale=1.0)
