import pytest

from lga.config import MethodConfig
from lga.core.segment import SEGMENTERS
from lga.errors import SettingsError
from lga.evaluation import tables as rows
from lga.evaluation.tables import ablation, chosen_methods, compare, metric, order, segmentation, stages
from lga.methods.catalogue import METHODS

BASE = MethodConfig(frames=6, temperature=0.7)
PLANS = {"ablation": ablation, "segmentation": segmentation, "stages": stages, "metric": metric, "order": order}
plans = pytest.mark.parametrize("make", [*PLANS.values(), lambda base, *, train: compare(base, None, train=train)])


@plans
@pytest.mark.parametrize("train", [False, True])
def test_names_are_unique_and_each_row_is_compared_with_another_or_itself(make, train):
    plan = make(BASE, train=train)
    names = [row.name for row in plan.rows]
    assert len(set(names)) == len(names)
    assert {plan.rival(row) for row in plan.rows} <= set(names)
    assert any(row.trained for row in plan.rows) == train


@plans
def test_rows_keep_the_settings_that_they_do_not_switch(make):
    for row in make(BASE, train=True).rows:
        assert (row.method.frames, row.method.temperature) == (6, 0.7)


def test_the_ablation_has_the_papers_rows_and_figures():
    rows = ablation(BASE, train=False).rows
    found, then = rows[:6], BASE.updated({"motion": "none", "head": "none"})
    assert [row.published[1] for row in found] == [75.8, 79.9, 79.6, 80.8, 83.1, 86.8]
    assert [row.published[5] for row in found] == [87.7, 86.0, 87.2, 88.2, 86.2, 89.3]
    assert [row.match for row in found] == ["video"] * 4 + ["text", "combined"]
    assert (found[0].method.stages, found[0].method.wording) == (1, "label")
    assert found[1].method == then.model_copy(update={"wording": "label"})
    assert found[2].method.wording == found[3].method.wording == "label+stages"
    assert found[3].method == found[4].method == found[5].method == then
    assert not any(row.published for row in rows[6:])


def test_the_ablation_ends_with_what_motion_and_the_support_head_add_up_to_the_method_as_set():
    plan = ablation(BASE, train=False)
    added = [row.method for row in plan.rows[6:]]
    assert [(one.motion, one.head) for one in added] == [
        ("none", "support"),
        ("flow", "none"),
        ("flow+pose", "none"),
        ("flow", "support"),
        ("flow+pose", "support"),
    ]
    assert added[-1] == BASE
    assert plan.against == plan.rows[5].name


def test_what_is_trained_has_no_published_figure_and_the_text_match_is_not_trained():
    trained = [row for row in ablation(BASE, train=True).rows if row.trained]
    assert [row.match for row in trained] == ["video"] * 4 + ["combined"]
    assert not any(row.published for row in trained)


def test_every_segmenter_and_every_number_of_stages_has_a_row():
    assert {row.method.segmenter for row in segmentation(BASE, train=False).rows} == set(SEGMENTERS)
    assert {row.method.stages for row in stages(BASE, train=False).rows} == {1, 2, 3, 4, 5, "auto"}


def test_a_metric_by_itself_reads_no_text_and_corrects_nothing():
    plain = metric(BASE, train=False).rows[1:3]
    assert all(
        (row.method.text_injection, row.method.hub_correction, row.method.pooling) == (0, 0, "mean") for row in plain
    )
    assert all(row.method.text_injection == 0 for row in metric(BASE, train=False).rows if row.peer is None)


def test_without_training_every_method_that_needs_none_is_compared():
    found = {row.name for row in compare(BASE, None, train=False).rows}
    assert found == {name for name, entry in METHODS.items() if not entry.trainable}


def test_with_training_every_method_is_compared_and_those_that_can_learn_are_trained():
    found = compare(BASE, None, train=True).rows
    assert {row.name for row in found if not row.trained} == set(METHODS)
    trained = {row.name.removesuffix(", trained") for row in found if row.trained}
    assert trained == {*rows.TRAINED, "lga", "lga_video"}


def test_trained_peers_are_compared_with_trained_lga_and_that_with_itself_untrained():
    plan = compare(BASE, ["lga_video", "otam", "protonet"], train=True)
    assert {row.name: plan.rival(row) for row in plan.rows} == {
        "lga_video": "lga_video",
        "lga_video, trained": "lga_video",
        "protonet": "lga_video",
        "protonet, trained": "lga_video, trained",
        "otam": "lga_video",
        "otam, trained": "lga_video, trained",
    }


def test_lga_is_compared_with_the_settings_of_the_command():
    lga, text = compare(BASE, ["lga", "lga_text"], train=False).rows
    assert (lga.peer, lga.match, lga.method) == (None, "combined", BASE)
    assert text.match == "text"
    assert compare(BASE, ["otam", "protonet"], train=False).against == "otam"


def test_methods_are_named_with_commas_in_the_order_of_the_catalogue():
    assert chosen_methods(" otam,lga , otam") == ["lga", "otam"]
    assert chosen_methods(None) is None
    with pytest.raises(SettingsError, match="there is no method 'dtw'; there are lga, "):
        chosen_methods("lga,dtw")
