"""The researcher's face: `from lga import evaluation`."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from lga import evaluation
from lga.backbone.tiny import TinyBackbone
from lga.config import BackboneConfig, MethodConfig
from lga.errors import LGAError, ManifestError, SettingsError
from lga.evaluation.statistics import accuracy
from lga.methods.lga import lga_method

pytestmark = pytest.mark.usefixtures("one_thread")

METHOD = MethodConfig(frames=5)


@pytest.fixture(scope="module")
def manifest(tmp_path_factory, video_files):
    """Four clips of each of two actions, one that cannot be read, and one of another split."""
    folder = tmp_path_factory.mktemp("clips")
    rows = ["path,label,group,split"]
    for number in range(8):
        video_files.write_video(folder / f"{number}.mp4", video_files.numbered(20 - number), fps=10)
        rows.append(f"{number}.mp4,{('wave', 'jump')[number % 2]},g{number},test")
    (folder / "broken.mp4").write_bytes(b"no video")
    rows += ["broken.mp4,wave,g9,test", "0.mp4,walk,g0,train"]
    (folder / "manifest.csv").write_text("\n".join(rows))
    return folder / "manifest.csv"


@pytest.fixture
def cached(manifest, monkeypatch):
    monkeypatch.setenv("LGA_CACHE", str(manifest.parent / "cache"))


def nearest_mean(dataset):
    """A method as a researcher writes it: prototypes of mean frames, compared by distance."""
    clips = dataset.frames[..., dataset.space.visual].mean(1)

    def score(tasks):
        query, prototype = clips[tasks.query.flatten(1)], clips[tasks.support].mean(2)
        return -torch.cdist(query, prototype)

    return score


@pytest.mark.usefixtures("cached")
def test_ones_own_method_on_ones_own_manifest_in_ten_lines(manifest):
    dataset = evaluation.load(str(manifest), split="test", backbone="tiny")
    episodes = evaluation.episodes(dataset, ways=2, shots=1, episodes=50, seed=3)
    outcomes = evaluation.run({"mine": nearest_mean, "lga": evaluation.METHODS["lga"]}, dataset, episodes)
    shown = [f"{name} {evaluation.accuracy(outcome)}" for name, outcome in outcomes.items()]
    assert [one.split()[0] for one in shown] == ["mine", "lga"]
    assert repr(dataset) == "LoadedDataset(8 clips of 2 classes, 1 skipped)"
    assert repr(episodes) == "Episodes(50 x 2-way 1-shot, 1 queries of each class)"


@pytest.mark.usefixtures("cached")
@pytest.mark.parametrize("backbone", [BackboneConfig(backbone="tiny"), TinyBackbone()], ids=["settings", "object"])
def test_a_dataset_is_encoded_as_the_settings_say(manifest, backbone):
    dataset = evaluation.load(manifest, split="test", backbone=backbone, frames=4, stages=2, wording="label")
    assert dataset.dataset.frames.shape[:2] == (8, 4)
    assert dataset.dataset.sentences.shape[:2] == (2, 2)
    assert evaluation.episodes(dataset, ways=2, episodes=4, source_disjoint=True).classes.shape == (4, 2)


def test_every_method_answers_as_it_does_by_itself(load):
    dataset = load(METHOD)
    episodes = evaluation.episodes(dataset, ways=3, shots=2, episodes=40)
    same = {"entry": evaluation.METHODS["lga"], "name": "lga", "method": lga_method(MethodConfig())}
    outcomes = evaluation.run(same, dataset, episodes)
    for outcome in outcomes.values():
        np.testing.assert_array_equal(outcome.log_posterior, outcomes["name"].log_posterior)
    assert evaluation.accuracy(outcomes["name"]) == accuracy(outcomes["name"])


def test_a_module_answers_without_dropout_and_keeps_no_gradients(load):
    class Learnable(nn.Module):
        def __init__(self):
            super().__init__()
            self.drop, self.turn = nn.Dropout(0.9), nn.Linear(11, 11)

        def forward(self, dataset):
            clips = self.drop(self.turn(dataset.frames[..., dataset.space.visual].mean(1)))
            return lambda tasks: -torch.cdist(clips[tasks.query.flatten(1)], clips[tasks.support].mean(2))

    dataset, module = load(METHOD), Learnable()
    episodes = evaluation.episodes(dataset, ways=3, episodes=20)
    one, same = (evaluation.run({"it": module}, dataset, episodes)["it"] for _ in range(2))
    np.testing.assert_array_equal(one.log_posterior, same.log_posterior)


def test_what_is_printed_of_a_value_is_one_line(load):
    dataset = load(METHOD)
    episodes = evaluation.episodes(dataset, ways=3, episodes=40)
    outcome = evaluation.run({"mine": nearest_mean}, dataset, episodes)["mine"]
    interval = evaluation.accuracy(outcome)
    for value in (dataset, dataset.dataset, episodes, outcome, interval, evaluation.METHODS["lga"]):
        assert "\n" not in repr(value)
        assert len(repr(value)) < 120
        assert str(value) == repr(value)
    text = f"{100 * interval.mean:.1f} ± {100 * interval.ci95:.1f} % (95 %: other clips {100 * interval.clips[0]:.1f}"
    assert repr(interval).startswith(text)


WRONG = """
import sys
sys.path.insert(0, "tests")
from random_datasets import random_loaded
from lga import evaluation
from lga.config import MethodConfig
from lga.errors import SettingsError
dataset = random_loaded(MethodConfig(frames=5))
episodes = evaluation.episodes(dataset, ways=3, episodes=20)
for call in (
    lambda: evaluation.load(["a.csv"]),
    lambda: evaluation.episodes("clips.csv"),
    lambda: evaluation.run(print, dataset, episodes),
    lambda: evaluation.run("lga", dataset, episodes),
    lambda: evaluation.run({"mine": print}, "clips.csv", episodes),
    lambda: evaluation.run({"mine": print}, dataset, 5),
    lambda: evaluation.run({"mine": 3}, dataset, episodes),
    lambda: evaluation.run({"mine": lambda _: None}, dataset, episodes),
    lambda: evaluation.accuracy({"mine": 1}),
):
    try:
        call()
    except SettingsError as error:
        print(error)
"""
REFUSED = """
evaluation.load wants the path of a manifest, not ['a.csv']
evaluation.episodes wants a dataset, as evaluation.load gives it, not 'clips.csv'
evaluation.run wants methods by name, as in {"mine": my_method}, not <built-in function print>
evaluation.run wants methods by name, as in {"mine": my_method}, not 'lga'
evaluation.run wants a dataset, as evaluation.load gives it, not 'clips.csv'
evaluation.run wants episodes, as evaluation.episodes draws them, not 5
evaluation.run wants a function of a dataset as the method 'mine', not 3
evaluation.run wants a function of tasks from the method 'mine', not None
evaluation.accuracy wants the outcome of one method, as in evaluation.run(...)[name], not {'mine': 1}
"""


def test_what_is_something_else_is_refused_in_one_line():
    """In a process of its own: in this one jaxtyping refuses it first."""
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", WRONG], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == REFUSED.strip().splitlines()


def test_methods_that_are_none_are_refused_by_name(load):
    dataset = load(METHOD)
    episodes = evaluation.episodes(dataset, ways=3, episodes=20)

    def refused(method, said, error=SettingsError):
        with pytest.raises(error, match=said):
            evaluation.run({"mine": method}, dataset, episodes)

    refused("dtw", "there is no method 'dtw'; there are lga, ")
    shape = r"method mine: its scores must be a tensor of shape \(20, 3, 3\), episodes x queries x classes, not "
    refused(lambda _: lambda _: torch.zeros(20, 3), shape + r"a tensor of shape \(20, 3\)", LGAError)
    refused(lambda _: lambda _: [1.0], f"{shape}list", LGAError)


@pytest.mark.usefixtures("cached")
def test_what_cannot_be_loaded_is_refused(manifest, tmp_path):
    with pytest.raises(ManifestError, match="cannot be read"):
        evaluation.load(tmp_path / "gone.csv", backbone="tiny")
    with pytest.raises(SettingsError, match="there is no such backbone"):
        evaluation.load(manifest, backbone="mien")
    with pytest.raises(SettingsError, match="--frames 0"):
        evaluation.load(manifest, backbone="tiny", frames=0)
    with pytest.raises(SettingsError, match="--ways 1"):
        evaluation.episodes(evaluation.load(manifest, split="test", backbone="tiny"), ways=1)


def test_the_front_door_does_not_wait_for_it():
    code = "import lga, sys; assert not [one for one in sys.modules if one.startswith('lga.evaluation')]"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
