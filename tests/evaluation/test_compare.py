from dataclasses import replace
from functools import partial

import pytest
import torch

from lga.config import MethodConfig, ProtocolConfig
from lga.errors import ManifestError
from lga.evaluation.compare import TrainedRow, by_pairs, by_shots, compare_rows
from lga.evaluation.outcome import run_episodes
from lga.evaluation.statistics import accuracy, paired_difference
from lga.evaluation.tables import Plan, Row, compare, segmentation, stages
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
    assert seen == [1, 2, 3, 4, 5]
    assert steps == [(done, 10) for done in range(1, 11)]
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


def test_trained_rows_are_handed_to_the_trainer_with_the_bench_of_the_test(load):
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
