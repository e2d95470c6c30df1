import csv
from dataclasses import replace

import pytest

from lga.backbone.tiny import TinyBackbone
from lga.config import MethodConfig, ProtocolConfig
from lga.datasets.episodes import plan_episodes
from lga.datasets.manifest import read_manifest
from lga.evaluation.benchmark import evaluate_dataset
from lga.evaluation.dataset import load_dataset
from lga.explain.report import report_page
from lga.features.cache import FeatureCache
from lga.methods.lga import pairwise_matrix
from lga.synthetic.render import render_clip, write_clip

HOSTILE = "<b>wave & 'run'"


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    with (folder / "manifest.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["path", "label"])
        for label, name, seeds in ((HOSTILE, "wave", (1, 2, 3)), ("pull up", "pull up", (4, 5, 6))):
            for seed in seeds:
                write_clip(render_clip(name, seed=seed), folder / f"{seed}.mp4")
                rows.writerow([f"{seed}.mp4", label])
    method, protocol = MethodConfig(), ProtocolConfig(ways=2, episodes=30)
    clips = read_manifest(folder / "manifest.csv", split=None)
    loaded = load_dataset(clips, TinyBackbone(), method, cache=FeatureCache(None))
    matrix = pairwise_matrix(loaded.dataset, method)
    episodes = plan_episodes(loaded.label, loaded.group, protocol)
    return evaluate_dataset(matrix, method, episodes, protocol), loaded, matrix, method


def blamed(report, swapped):
    """The same report, every answer the other class."""
    outcome = report.outcome["combined"]
    other = replace(outcome, predicted=1 - outcome.truth, log_posterior=outcome.log_posterior[..., ::swapped])
    return replace(report, outcome={**report.outcome, "combined": other})


def test_labels_are_only_ever_text(evaluated):
    found = report_page(blamed(evaluated[0], -1), *evaluated[1:])
    assert "<b>wave" not in found
    assert "&lt;b&gt;wave" in found


def test_each_mistake_stands_beside_the_nearest_clip_of_the_wrong_class(evaluated):
    report, loaded, matrix, method = evaluated
    found = report_page(blamed(report, -1), loaded, matrix, method)
    assert found.count("Nearest clip of") == 6
    assert "wrong " in found
    for row, clip in enumerate(loaded.clips):
        foreign = matrix.table.apart()[row].masked_fill(loaded.dataset.label == loaded.dataset.label[row], float("inf"))
        assert str(clip.path) in found
        assert str(loaded.clips[int(foreign.argmin())].path) in found


def test_without_a_mistake_it_says_so(evaluated):
    report, *rest = evaluated
    outcome = report.outcome["combined"]
    right = {**report.outcome, "combined": replace(outcome, predicted=outcome.truth)}
    assert "Every answer was right." in report_page(replace(report, outcome=right), *rest)


def test_a_clip_that_is_gone_is_named_and_the_page_is_written(evaluated, tmp_path):
    report, loaded, matrix, method = evaluated
    moved = tuple(replace(one, path=tmp_path / one.path.name) for one in loaded.clips)
    found = report_page(blamed(report, -1), replace(loaded, clips=moved), matrix, method)
    assert "no such file" in found
