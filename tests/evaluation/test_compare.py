import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from lga.config import MethodConfig, ProtocolConfig
from lga.errors import ManifestError, SettingsError
from lga.evaluation.compare import TrainedRow, by_pairs, by_shots, compare_rows, markdown, part_of, read_pairs, value
from lga.evaluation.outcome import Outcome, run_episodes
from lga.evaluation.statistics import accuracy, paired_difference
from lga.evaluation.tables import Plan, Row, ablation, compare, segmentation, stages
from lga.methods.lga import lga_method
from lga.methods.protonet import protonet
from lga.methods.scoring import matrix_scorer

pytestmark = pytest.mark.usefixtures("one_thread")

METHOD, PROTOCOL = MethodConfig(frames=6), ProtocolConfig(ways=3, episodes=40, seed=2)
ask = partial(by_shots, protocol=PROTOCOL, shots=(1, 2))


def test_every_row_answers_the_same_episodes_as_the_method_itself_would(load):
    plan = compare(METHOD, ["lga", "lga_text", "protonet"], train=False)
    comparison = compare_rows(plan, load, ask)
    loaded = load(METHOD)
    for section, one in zip(comparison.sections, ask(loaded), strict=True):
        methods = {"lga": lga_method(METHOD), "lga_text": lga_method(METHOD, match="text"), "protonet": protonet}
        found = run_episodes({name: one(loaded.dataset) for name, one in methods.items()}, one.episodes)
        assert section.accuracy == {name: accuracy(one) for name, one in found.items()}
        assert section.difference == {
            name: paired_difference(found[name], found["lga"]) for name in ("lga_text", "protonet")
        }
        assert section.accuracy["protonet"].mean > 0.4


def test_rows_are_answered_by_what_has_to_be_read_for_them_and_shown_in_their_own_order(load):
    seen, steps = [], []

    def read(method):
        seen.append(method.stages)
        return load(method)

    plan = stages(METHOD, train=False)
    comparison = compare_rows(plan, read, ask, progress=lambda *now: steps.append(now))
    assert seen == [1, 2, 3, 4, 5, "auto"]
    assert steps == [(done, 12) for done in range(1, 13)]
    names = [row.name for row in plan.rows]
    assert [*comparison.sections[0].accuracy] == names
    assert [*comparison.sections[0].difference] == [one for one in names if not one.startswith("L = 3")]


def test_a_row_that_reads_other_clips_is_refused(load):
    plan = stages(METHOD, train=False)
    with pytest.raises(ManifestError, match="42 clips could be read, now 35"):
        compare_rows(plan, lambda method: load(method, each=6 if method.stages == 1 else 5), ask)


def test_each_pair_has_a_section_and_all_have_one_together(load):
    pairs = [("class 1", "class 2"), ("class 3", "class 4")]
    comparison = compare_rows(
        compare(METHOD, ["protonet"], train=False), load, partial(by_pairs, protocol=PROTOCOL, shots=(1,), pairs=pairs)
    )
    both, *each = [one.accuracy["protonet"].mean for one in comparison.sections]
    assert both == pytest.approx(sum(each) / 2)
    assert [one.episodes for one in comparison.sections] == [80, 40, 40]


def test_trained_rows_are_handed_to_the_trainer_with_the_dataset_of_the_test(load):
    row = Row("lga", "", METHOD)
    plan = Plan("It", (row, replace(row, name="lga, trained", trained=True)), "lga")
    perfect = 1.0 - torch.eye(7)

    def train(asked, dataset):
        assert asked.trained
        return TrainedRow(matrix_scorer(perfect[dataset.label][:, dataset.label]), {"chosen_on": "val"})

    comparison = compare_rows(plan, load, ask, train=train)
    assert comparison.training == {"lga, trained": {"chosen_on": "val"}}
    assert comparison.sections[0].accuracy["lga, trained"].mean == 1.0
    with pytest.raises(ValueError, match="no trainer is given"):
        compare_rows(plan, load, ask)


def test_what_a_reader_must_know_is_noted(load):
    comparison = compare_rows(segmentation(METHOD, train=False), load, ask)
    text, fallen = comparison.notes
    assert "no sentence enters the video match" in text
    assert fallen.startswith("TW-FINCH gave fewer than 3 clusters for ")
    assert " of 42 clips" in fallen


SETS_METHOD, SETS_PROTOCOL = MethodConfig(frames=5), ProtocolConfig(ways=3, episodes=23, seed=2, source_disjoint=True)


def test_there_is_a_question_for_each_number_of_examples(load):
    found = by_shots(load(SETS_METHOD), SETS_PROTOCOL, (1, 2))
    assert [one.protocol.shots for one in found] == [1, 2]
    assert [one.episodes.support.shape for one in found] == [(23, 3, 1), (23, 3, 2)]
    assert [list(one.parts) for one in found] == [["3-way 1-shot"], ["3-way 2-shot"]]


def test_clips_that_cannot_fill_an_episode_are_refused(load):
    with pytest.raises(ManifestError, match="3-way episode needs"):
        by_shots(load(SETS_METHOD), SETS_PROTOCOL, (6,))


def test_episodes_of_a_pair_hold_its_two_classes_only_and_keep_sources_apart(load):
    loaded = load(SETS_METHOD)
    pairs = [("class 5", "class 1"), ("class 0", "class 6")]
    (found,) = by_pairs(loaded, SETS_PROTOCOL, (2,), pairs)
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
    (found,) = by_pairs(load(SETS_METHOD), SETS_PROTOCOL, (1,), [("class 2", "class 3")])
    assert list(found.parts) == ["class 2 / class 3, 1-shot"]


def test_an_unknown_class_is_refused_and_the_known_are_named(load):
    with pytest.raises(SettingsError, match="no clip is of class 'fly'; there are class 0, "):
        by_pairs(load(SETS_METHOD), SETS_PROTOCOL, (1,), [("class 1", "fly")])


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


WRITTEN_PROTOCOL = ProtocolConfig(ways=3, episodes=40, seed=2, source_disjoint=True)


@pytest.fixture(scope="module")
def comparison(load):
    return compare_rows(
        ablation(MethodConfig(frames=6), train=False), load, partial(by_shots, protocol=WRITTEN_PROTOCOL, shots=(1, 2))
    )


def test_markdown_holds_a_table_for_each_section_with_all_rows(comparison):
    text = markdown(comparison)
    lines = text.splitlines()
    assert lines[0] == "## Ablation"
    assert [one for one in lines if one.startswith("### ")] == ["### 3-way 1-shot", "### 3-way 2-shot"]
    tables = [one for one in lines if one.startswith("| ")]
    assert len(tables) == 2 * (2 + 11)
    assert len({len(one) for one in tables[:13]}) == 1  # the columns line up
    first = [one.strip() for one in tables[2].strip("|").split("|")]
    mean = comparison.sections[0].accuracy["no anatomy"].mean
    assert first[:2] == ["no anatomy", f"{100 * mean:.2f}"]
    assert first[-1] == "75.8"
    assert "40 episodes, source-disjoint, seed 2" in lines
    assert "* both, V-T: the same, the text match alone" in lines


def test_a_figure_is_shown_beside_its_own_number_of_examples_only(comparison):
    lines = [one for one in markdown(comparison).splitlines() if one.startswith("| no anatomy")]
    assert [one.rstrip("| ").endswith("75.8") for one in lines] == [True, False]


def test_the_values_hold_every_setting_and_every_interval(comparison):
    found = json.loads(json.dumps(value(comparison)))
    assert [row["name"] for row in found["rows"]] == [row.name for row in comparison.plan.rows]
    assert found["rows"][0]["method"]["matcher"] == "bi_mhm"
    assert found["rows"][5]["published"] == {"1": 86.8, "5": 89.3}
    for section, kept in zip(comparison.sections, found["sections"], strict=True):
        assert kept["protocol"]["shots"] == section.protocol.shots
        for name, one in section.difference.items():
            assert kept["difference"][name]["mean"] == one.mean
            assert kept["difference"][name]["clips"] == list(one.clips)
