import pytest
from hypothesis import given
from hypothesis import strategies as st

from lga.anatomy.agree import choose_sample, likeness
from lga.anatomy.replies import Proposal
from lga.anatomy.schema import Stage


def proposal(*sentences):
    return Proposal(tuple(Stage(sentence=sentence) for sentence in sentences))


WORDS = st.lists(st.sampled_from(["throws", "catches", "ball", "cup", "hand"]), min_size=1, max_size=4).map(" ".join)
SAMPLES = st.lists(st.lists(WORDS, min_size=1, max_size=3), min_size=1, max_size=6)


def test_a_sample_alone_is_taken_without_a_score():
    agreed = choose_sample([proposal("throws ball")])
    assert (agreed.proposal, agreed.agreement) == (proposal("throws ball"), None)
    with pytest.raises(ValueError, match="at least one"):
        choose_sample([])


def test_the_odd_one_out_loses_wherever_it_stands():
    near, nearer, odd = proposal("throws red ball"), proposal("throws ball"), proposal("kicks stone")
    for samples in ([near, nearer, odd], [odd, nearer, near], [nearer, odd, near]):
        assert choose_sample(samples).proposal in (near, nearer)
    assert choose_sample([near, nearer, odd]).agreement == pytest.approx(2 / 3 / 2, abs=1e-3)


def test_the_number_of_stages_is_that_of_most_and_the_smaller_of_two_equals():
    one, two = proposal("throws ball"), proposal("throws ball", "catches ball")
    assert choose_sample([one, two, two]).proposal is two
    assert choose_sample([two, one]).proposal is one
    assert choose_sample([two, one]).agreement == 0.0
    assert choose_sample([one, two, two]).agreement == 0.5


def test_among_equals_the_first_is_taken():
    first, second = proposal("throws ball"), proposal("ball throws")
    assert choose_sample([first, second]).proposal is first
    assert choose_sample([first, second]).agreement == 1.0


@given(SAMPLES)
def test_the_choice_is_one_of_the_samples_and_no_other_order_agrees_more(told):
    samples = [proposal(*each) for each in told]
    agreed = choose_sample(samples)
    assert any(agreed.proposal is sample for sample in samples)
    assert agreed.agreement is None or 0 <= agreed.agreement <= 1
    assert choose_sample(samples[::-1]).agreement == agreed.agreement


@given(SAMPLES)
def test_likeness_is_symmetric_and_whole_with_itself(told):
    first, last = proposal(*told[0]), proposal(*told[-1])
    assert likeness(first, last) == likeness(last, first)
    assert likeness(first, first) == 1.0
