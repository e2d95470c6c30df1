from math import comb

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lga.anatomy.schema import Anatomy, Stage
from lga.backbone.protocol import Preprocessing, Space
from lga.backbone.tiny import TinyBackbone
from lga.config import MethodConfig
from lga.datasets.manifest import LabelledClip
from lga.errors import AnatomyError, ManifestError
from lga.evaluation.sentences import (
    TextCheck,
    VisualCheck,
    check_against_clips,
    check_against_labels,
    label_shares,
    own_shares,
    sign_test,
    weigh_checks,
)
from lga.features.cache import FeatureCache

pytestmark = pytest.mark.usefixtures("one_thread")

NOWHERE = FeatureCache(None)


def anatomy(label, *sentences):
    return Anatomy(label=label, stages=tuple(Stage(sentence=one) for one in sentences), origin="file")


def random_similarity(seed, items=11, classes=5, stages=3):
    """Whole numbers, so that ties happen."""
    generator = torch.Generator().manual_seed(seed)
    similarity = torch.randint(-3, 4, (items, classes, stages), generator=generator).double()
    return similarity, torch.randint(classes, (items,), generator=generator)


# --- shares of less alike classes -------------------------------------------------------------------------------------


@given(st.integers(0, 2**31))
def test_own_shares_count_the_others_as_a_loop_does(seed):
    similarity, label = random_similarity(seed)
    for item, row in enumerate(own_shares(similarity, label).tolist()):
        for stage, share in enumerate(row):
            values = similarity[item, :, stage].tolist()
            own = values.pop(int(label[item]))
            assert share == pytest.approx(sum((own > one) + (own == one) / 2 for one in values) / len(values))


@given(st.integers(0, 2**31))
def test_own_shares_know_no_scale_and_no_order_of_classes(seed):
    similarity, label = random_similarity(seed)
    shares = own_shares(similarity, label)
    order = torch.randperm(5, generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(own_shares(3 * similarity[:, order] - 7, order.argsort()[label]), shares)


def test_one_class_alone_cannot_be_told_from_others():
    with pytest.raises(ValueError, match="one class alone"):
        own_shares(torch.zeros(2, 1, 3), torch.zeros(2, dtype=torch.long))


def test_a_sentence_among_its_labels_words_has_all_others_behind_it_and_a_swapped_one_has_not():
    labels = torch.eye(5)
    stages = labels[:, None] + torch.tensor([0.0, 0.1, 0.2])[None, :, None]
    assert label_shares(stages, labels).eq(1).all()
    swapped = stages.clone()
    swapped[[0, 1], 1] = stages[[1, 0], 1]
    shares = label_shares(swapped, labels)
    assert shares[:2, 1].tolist() == pytest.approx([0.375, 0.375])  # behind one, level with three of four
    assert shares[2:].eq(1).all()


# --- sense: the text encoder alone ------------------------------------------------------------------------------------

PLAIN = [
    anatomy("drink tea", "Tea to drink.", "Drink tea.", "All tea drink."),
    anatomy("open door", "The door to open.", "Open door.", "An open door."),
    anatomy("ride bike", "The bike to ride.", "Ride bike.", "Ride a bike."),
    anatomy("wash hair", "The hair to wash.", "Wash hair.", "Hair wash."),
]


def test_planted_nonsense_is_doubtful_and_comes_first():
    spoilt = [*PLAIN[:3], anatomy("wash hair", "The bike to ride.", "Open door.", "Drink tea.")]
    found = check_against_labels(spoilt, TinyBackbone(), NOWHERE)
    assert [one.label for one in found if one.doubtful] == ["wash hair"]
    assert found[0].label == "wash hair"
    assert not any(one.doubtful for one in check_against_labels(PLAIN, TinyBackbone(), NOWHERE))


@pytest.mark.parametrize(
    ("shares", "doubtful"),
    [((0.5, 1.0, 1.0), False), ((0.49, 1.0, 1.0), True), ((0.7, 0.7, 0.7), True), ((0.75, 0.75, 0.75), False)],
)
def test_a_stage_below_half_or_a_mean_below_three_quarters_is_doubtful(shares, doubtful):
    assert TextCheck("wave", shares).doubtful is doubtful


def test_sense_needs_labels_of_one_number_of_stages():
    with pytest.raises(AnatomyError, match="at least two labels"):
        check_against_labels(PLAIN[:1], TinyBackbone(), NOWHERE)
    with pytest.raises(AnatomyError, match="different numbers of stages"):
        check_against_labels([*PLAIN, anatomy("hop", "Hop.")], TinyBackbone(), NOWHERE)


# --- checks against example clips -------------------------------------------------------------------------------------


@given(st.integers(0, 12), st.integers(0, 12))
def test_the_sign_test_is_the_binomials_two_tails(gained, lost):
    total, few = gained + lost, min(gained, lost)
    tails = sum(comb(total, one) / 2**total for one in range(total + 1) if one <= few or one >= total - few)
    assert sign_test(gained, lost) == pytest.approx(min(1, tails) if gained != lost else 1)
    assert sign_test(gained, lost) == sign_test(lost, gained)


def test_the_sign_test_of_a_known_split():
    assert sign_test(0, 5) == pytest.approx(2 / 32)
    assert sign_test(0, 0) == 1


def test_planted_sentences_that_hurt_and_that_help_are_named():
    """Labels know a and b; the sentences take one of three clips from a, and give the only clip of c."""
    label = torch.tensor([0, 0, 0, 1, 2])
    named = torch.full((5, 3, 2), 0.1)
    named[torch.arange(5), torch.tensor([0, 0, 0, 1, 0])] = 0.9
    by_sentences = torch.full((5, 3, 2), 0.1)
    by_sentences[torch.arange(5), torch.tensor([0, 0, 1, 1, 2])] = 0.9
    found = weigh_checks(by_sentences, named, label, [anatomy(name, "x", "y") for name in "abc"])
    a, b, c = found
    assert [one.label for one in found] == ["a", "b", "c"]
    assert (a.right, a.right_by_label, a.gained, a.lost, a.rival, a.hurts) == (2, 3, 0, 1, "b", True)
    assert (b.right, b.right_by_label, b.gained, b.lost, b.rival, b.hurts) == (1, 1, 0, 0, None, False)
    assert (c.right, c.right_by_label, c.gained, c.lost, c.rival, c.hurts) == (1, 0, 1, 0, None, False)
    assert c.shares == (1.0, 1.0)
    assert a.shares == pytest.approx((0.75, 0.75))  # two clips before all others, one behind b and level with c
    assert a.chance == 1


def test_a_label_without_clips_is_a_rival_only():
    by_sentences = torch.tensor([[[0.1], [0.9]]])
    (only,) = weigh_checks(by_sentences, by_sentences, torch.tensor([0]), [anatomy("a", "x"), anatomy("b", "y")])
    assert only == VisualCheck("a", "file", 1, (0.0,), 0, 0, 0, 0, "b")


class Colours:
    """Sees how red, green and blue a frame is, and reads the same from the words."""

    identity = "colours"
    space = Space(3, slice(0, 3), slice(0, 3))
    preprocessing = Preprocessing(8, 8, "bilinear")
    motion_gap = 0.0
    scale = None

    def encode_frames(self, clips):
        return clips[:, :, 0].float().mean((2, 3))

    def encode_text(self, sentences):
        return torch.tensor(
            [[float(name in one.lower()) for name in ("reddish", "greenish", "blueish")] for one in sentences]
        )


@pytest.fixture
def clips(tmp_path, write_video):
    """Three clips that turn from the first colour to the second, and a file that is none."""
    found = []
    for number, (label, first, last) in enumerate([("sunset", 0, 2), ("sunset", 0, 2), ("leaf fall", 1, 0)]):
        pictures = torch.zeros(10, 32, 32, 3, dtype=torch.uint8)
        pictures[:5, ..., first] = 220
        pictures[5:, ..., last] = 220
        found.append(LabelledClip(write_video(tmp_path / f"{number}.avi", pictures.numpy()), label))
    broken = tmp_path / "broken.avi"
    broken.write_bytes(b"no video")
    return [*found, LabelledClip(broken, "leaf fall")]


def test_clips_tell_which_sentences_fit_them(clips):
    method = MethodConfig(frames=4, stages=2, wording="stages", overlap=0)
    fit = [anatomy("sunset", "A reddish sky.", "A blueish sky."), anatomy("leaf fall", "A greenish leaf.", "Reddish.")]
    seen = []
    found = check_against_clips(clips, fit, Colours(), method, cache=NOWHERE, progress=lambda *done: seen.append(done))
    assert {one.label: (one.clips, one.right, one.shares) for one in found.checks} == {
        "sunset": (2, 2, (1.0, 1.0)),
        "leaf fall": (1, 1, (1.0, 1.0)),
    }
    assert [one.path.name for one in found.skipped] == ["broken.avi"]
    assert seen[-1] == (4, 4)
    turned = [anatomy("sunset", "A greenish sky.", "A reddish sky."), anatomy("leaf fall", "Reddish.", "Blueish.")]
    found = check_against_clips(clips, turned, Colours(), method, cache=NOWHERE)
    assert {one.label: (one.right, one.shares, one.rival) for one in found.checks} == {
        "sunset": (0, (0.0, 0.0), "leaf fall"),
        "leaf fall": (0, (0.0, 0.0), "sunset"),
    }


def test_a_check_against_clips_needs_two_labels_and_a_clip_that_can_be_read(clips):
    both = [anatomy("sunset", "a", "b", "c"), anatomy("leaf fall", "d", "e", "f")]
    with pytest.raises(ManifestError, match="at least two actions"):
        check_against_clips(clips, both[:1], Colours(), MethodConfig(), cache=NOWHERE)
    with pytest.raises(ManifestError, match=r"none of the 1 clips can be read; the first: .*broken\.avi"):
        check_against_clips(clips[3:], both, Colours(), MethodConfig(), cache=NOWHERE)
    with pytest.raises(ManifestError, match="none of the 0 clips"):
        check_against_clips([], both, Colours(), MethodConfig(), cache=NOWHERE)
