import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lga.backbone.protocol import Space
from lga.errors import TrainingError
from lga.model.head import Adapter, principal_axes

pytestmark = pytest.mark.usefixtures("one_thread")

SPLIT = Space(17, slice(0, 11), slice(11, 17))
JOINT = Space(13, slice(0, 13), slice(0, 13))


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@settings(max_examples=10)
@given(st.integers(1, 7), st.integers(0, 2**31))
def test_the_axes_are_those_of_the_full_decomposition(count, seed):
    strength = 2.0 ** -torch.arange(11).double()
    rows = noise(101, 11, seed=seed) * strength
    wanted = torch.linalg.svd(rows, full_matrices=False).Vh[:count].T
    found = principal_axes(rows, count, seed=3)
    torch.testing.assert_close(found.T @ found, torch.eye(count).double())
    torch.testing.assert_close((found * wanted).sum(0).abs(), torch.ones(count).double())


def test_the_axes_of_many_numbers_keep_what_the_full_decomposition_keeps():
    rows = noise(199, 97) @ noise(97, 97, seed=1)
    best = torch.linalg.svd(rows, full_matrices=False).Vh[:13].T
    kept, most = ((rows @ axes).square().sum() for axes in (principal_axes(rows, 13, seed=5), best))
    assert 0.999 * most < kept <= most * (1 + 1e-9)


def test_the_same_seed_finds_the_same_axes_and_leaves_other_chance_alone():
    rows = noise(31, 11).float()
    before = torch.get_rng_state()
    assert torch.equal(principal_axes(rows, 4, seed=7), principal_axes(rows, 4, seed=7))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("space", [SPLIT, JOINT], ids=["split", "joint"])
@pytest.mark.parametrize("width", [0, 97])
def test_an_untrained_adapter_that_narrows_nothing_changes_nothing(space, width):
    adapter, frames = Adapter(space, width).double(), noise(5, 7, space.dim)
    assert adapter.axes is None
    assert torch.equal(adapter.project(frames), frames[..., space.visual])
    told = adapter.read(frames)
    assert torch.equal(told, frames if space is JOINT else torch.zeros_like(told))


def test_an_untrained_adapter_keeps_the_distances_of_clips_that_lie_in_its_axes():
    inside = noise(5, 7, 3) @ noise(3, 11, seed=1)
    frames = torch.cat([inside, noise(5, 7, 6)], -1)
    adapter = Adapter(SPLIT, 3)
    adapter.fit_axes(frames.float(), seed=0)
    seen, plain = adapter.project(frames.float()).flatten(0, 1), inside.float().flatten(0, 1)
    torch.testing.assert_close(torch.cdist(seen, seen), torch.cdist(plain, plain), rtol=1e-3, atol=1e-2)


def test_where_the_space_is_shared_sentences_are_narrowed_like_frames():
    frames = noise(5, 7, 13).float()
    adapter = Adapter(JOINT, 4)
    adapter.fit_axes(frames, seed=0)
    torch.testing.assert_close(adapter.read(frames), adapter.project(frames))


def test_the_space_beside_meaning_has_both_parts():
    assert Adapter(SPLIT, 4).beside_meaning == Space(10, slice(0, 4), slice(4, 10))


def test_fewer_frames_than_axes_are_refused_in_words():
    with pytest.raises(TrainingError, match="--width 5 needs as many training frames, there are 4"):
        Adapter(SPLIT, 5).fit_axes(noise(2, 2, 17), seed=0)
