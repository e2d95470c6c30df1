import numpy as np
import pytest

from lga.config import MethodConfig, ProtocolConfig
from lga.errors import ManifestError, SettingsError
from lga.evaluation.compare import by_pairs, by_shots, part_of, read_pairs
from lga.evaluation.outcome import Outcome

METHOD, PROTOCOL = MethodConfig(frames=5), ProtocolConfig(ways=3, episodes=23, seed=2, source_disjoint=True)


def test_there_is_a_question_for_each_number_of_examples(load):
    found = by_shots(load(METHOD), PROTOCOL, (1, 2))
    assert [one.protocol.shots for one in found] == [1, 2]
    assert [one.episodes.support.shape for one in found] == [(23, 3, 1), (23, 3, 2)]
    assert [list(one.parts) for one in found] == [["3-way 1-shot"], ["3-way 2-shot"]]


def test_clips_that_cannot_fill_an_episode_are_refused(load):
    with pytest.raises(ManifestError, match="3-way episode needs"):
        by_shots(load(METHOD), PROTOCOL, (6,))


def test_episodes_of_a_pair_hold_its_two_classes_only_and_keep_sources_apart(load):
    loaded = load(METHOD)
    pairs = [("class 5", "class 1"), ("class 0", "class 6")]
    (found,) = by_pairs(loaded, PROTOCOL, (2,), pairs)
    assert found.protocol.ways == 2
    titles = ["all 2 pairs, 2-shot", "class 5 / class 1, 2-shot", "class 0 / class 6, 2-shot"]
    assert list(found.parts) == titles
    label, group = loaded.label, loaded.group
    for title, wanted in zip(titles[1:], ({1, 5}, {0, 6}), strict=True):
        part = found.parts[title]
        classes, query, support = (
            one[part] for one in (found.episodes.classes, found.episodes.query, found.episodes.support)
        )
        assert len(classes) == 23
        assert set(classes.ravel().tolist()) == wanted
        assert (label[query] == classes[..., None]).all()
        assert (label[support] == classes[..., None]).all()
        asked, shown = group[query].reshape(23, -1), group[support].reshape(23, -1)
        assert not (asked[:, :, None] == shown[:, None, :]).any()


def test_one_pair_needs_no_summary(load):
    (found,) = by_pairs(load(METHOD), PROTOCOL, (1,), [("class 2", "class 3")])
    assert list(found.parts) == ["class 2 / class 3, 1-shot"]


def test_an_unknown_class_is_refused_and_the_known_are_named(load):
    with pytest.raises(SettingsError, match="no clip is of class 'fly'; there are class 0, "):
        by_pairs(load(METHOD), PROTOCOL, (1,), [("class 1", "fly")])


def test_pairs_are_read():
    assert read_pairs("a b:c, d : e") == [("a b", "c"), ("d", "e")]


@pytest.mark.parametrize("text", ["", "a", "a:b:c", "a:", "a:a", "a:b,"])
def test_what_is_no_pair_is_refused(text):
    with pytest.raises(SettingsError, match="--pairs wants two classes a pair"):
        read_pairs(text)


def test_a_part_of_an_outcome_is_that_of_its_episodes():
    query = np.arange(10).reshape(5, 2)
    posterior = np.arange(20.0).reshape(5, 2, 2)
    found = part_of(Outcome(query, query + 1, query + 2, posterior), slice(1, 3))
    assert found.query.tolist() == [[2, 3], [4, 5]]
    assert found.truth.tolist() == [[3, 4], [5, 6]]
    assert found.predicted.tolist() == [[4, 5], [6, 7]]
    assert found.log_posterior.tolist() == posterior[1:3].tolist()
