from functools import partial

import pytest

from lga.config import MethodConfig, ProtocolConfig, TrainConfig
from lga.errors import ManifestError
from lga.evaluation.compare import by_shots, compare_rows
from lga.evaluation.main_table import Column, main_table
from lga.evaluation.tables import ablation, compare
from lga.training.rows import RowTrainer

pytestmark = pytest.mark.usefixtures("one_thread")

METHOD = MethodConfig(frames=5)
SETTINGS = TrainConfig(
    tasks=2, ways=3, queries=1, width=8, heads=2, warmup=0, validate_every=1, validation_episodes=100
)
ask = partial(by_shots, protocol=ProtocolConfig(ways=3, episodes=40, seed=2), shots=(1,))
FIRST = {"train": 100, "val": 200}


@pytest.fixture
def teach(load):
    """`teach(**first)`: a teacher, what was read for it, and the episodes it told of."""

    def teach(**first):
        reads, told = [], []

        def read(method, split):
            reads.append((method.stages, split))
            return load(method, seed=len(split), first={**FIRST, **first}[split], classes=3, each=3)

        return RowTrainer(read, load(METHOD), SETTINGS, lambda *now: told.append(now)), reads, told

    return teach


def test_rows_of_lga_that_differ_in_their_match_share_a_head(load, teach):
    teacher, reads, told = teach()
    comparison = compare_rows(compare(METHOD, ["lga", "lga_video"], train=True), load, ask, train=teacher.train)
    assert reads == [(3, "train"), (3, "val")]
    assert told == [(1, 2), (2, 2)]
    both, video = comparison.training["lga, trained"], comparison.training["lga_video, trained"]
    assert both == video
    assert both["chosen_on"] == "val"
    assert both["chosen"]["mean"] >= both["untrained"]["mean"]
    assert set(both) == {"chosen_on", "chosen", "untrained", "text_shots", "temperature"}


def test_a_peer_is_trained_behind_an_adapter(load, teach):
    teacher, _, told = teach()
    comparison = compare_rows(compare(METHOD, ["protonet", "clip_fsar"], train=True), load, ask, train=teacher.train)
    assert set(comparison.training) == {"protonet, trained", "clip_fsar, trained"}
    assert len(told) == 4
    assert all(0 <= one.mean <= 1 for one in comparison.sections[0].accuracy.values())


def test_the_main_table_trains_each_published_method_once(load, teach):
    teacher, _, told = teach()
    plan = main_table(METHOD, Column(None, "elsewhere"), train=True)
    comparison = compare_rows(plan, load, ask, train=teacher.train)
    assert list(comparison.training) == ["LGA, trained here", "CLIP-FSAR, trained here", "EMP-Net, trained here"]
    assert len(told) == 6
    assert set(comparison.sections[0].accuracy) == {row.name for row in plan.rows}


def test_each_setting_is_read_and_trained_by_itself(load, teach):
    teacher, reads, _ = teach()
    compare_rows(ablation(METHOD, train=True), load, ask, train=teacher.train)
    assert [stages for stages, split in reads if split == "train"] == [1, 3, 3, 3]


@pytest.mark.parametrize("first", [{"train": 0}, {"val": 0}, {"val": 100}])
def test_a_class_in_two_splits_is_refused(load, teach, first):
    teacher, _, _ = teach(**first)
    with pytest.raises(ManifestError, match="two of the splits"):
        compare_rows(compare(METHOD, ["protonet"], train=True), load, ask, train=teacher.train)
