from types import SimpleNamespace

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric

from lga.backbone.protocol import Space
from lga.config import MethodConfig, ProtocolConfig, TrainConfig
from lga.datasets.episodes import plan_episodes
from lga.errors import CheckpointError, ManifestError, TrainingError
from lga.evaluation.outcome import run_episodes
from lga.methods.catalogue import METHODS
from lga.methods.lga import lga_scorer, pairwise_matrix
from lga.methods.protocol import Dataset
from lga.model.task import MATCHES
from lga.training import fit as fitting
from lga.training.fit import Resumed, Run, fit_head, fit_method
from lga.training.loop import TrainStep
from lga.training.select import ValidationResult

pytestmark = pytest.mark.usefixtures("one_thread")

SPACE = Space(16, slice(0, 12), slice(12, 16))
FRAMES, LOUD = 4, 6
METHOD = MethodConfig(frames=FRAMES)
SETTINGS = TrainConfig(
    tasks=90,
    queries=2,
    learning_rate=1e-2,
    warmup=5,
    schedule="constant",
    width=0,
    heads=4,
    validate_every=30,
    validation_episodes=300,
    source_disjoint=False,
)


def disturbed(classes, *, seed, noise=4.0, quiet=2.0):
    """Clips whose class shows in the quiet numbers of a frame; the loud ones are another disturbance in every clip."""
    random = torch.Generator().manual_seed(seed)
    label = torch.arange(8 * classes) % classes
    frames = 0.3 * torch.randn(len(label), FRAMES, SPACE.dim, generator=random)
    frames[..., :LOUD] += noise * torch.randn(len(label), 1, LOUD, generator=random)
    frames[..., LOUD:12] += quiet * torch.randn(classes, 1, 12 - LOUD, generator=random)[label]
    text = torch.zeros(classes, 3, SPACE.dim)
    text[..., SPACE.semantic] = torch.randn(classes, 3, 4, generator=random)
    return Dataset(frames, label, text, text[:, 0], SPACE)


@pytest.fixture(scope="module")
def sets(random_datasets):
    """Clips to train on, to choose with and to test on; `easy` ones have no disturbance."""
    return SimpleNamespace(
        train=random_datasets.as_loaded(disturbed(12, seed=1)),
        validation=random_datasets.as_loaded(disturbed(6, seed=2), first=100),
        test=random_datasets.as_loaded(disturbed(6, seed=3), first=200),
        easy=random_datasets.as_loaded(disturbed(6, seed=2, noise=0.0, quiet=5.0), first=100),
    )


def accuracy(dataset, head, method=METHOD, match="video"):
    plan = plan_episodes(dataset.label.numpy(), None, ProtocolConfig(episodes=300, seed=9))
    scorer = lga_scorer(pairwise_matrix(dataset, method, head=head), method, match=match)
    return run_episodes({match: scorer}, plan)[match].hits.mean()


@pytest.fixture(scope="module")
def told():
    return []


@pytest.fixture(scope="module")
def fitted(sets, told):
    return fit_head(sets.train, sets.validation, METHOD, Run(SETTINGS, tell=told.append))


def test_training_removes_a_disturbance_for_classes_that_it_has_never_seen(sets, fitted):
    assert fitted.chosen.head_weight > 0
    assert fitted.chosen.mean > fitted.untrained.mean + 0.1
    assert accuracy(sets.test.dataset, fitted.part) > accuracy(sets.test.dataset, None) + 0.1


def test_the_head_that_is_handed_over_is_the_one_that_was_chosen(sets, fitted):
    assert not fitted.part.training
    assert fitted.part.head_weight == fitted.chosen.head_weight
    episodes = fitting._episodes(sets.validation, SETTINGS)
    found = fitting.try_out(pairwise_matrix(sets.validation.dataset, METHOD, head=fitted.part), episodes, METHOD)
    assert found.mean == pytest.approx(fitted.chosen.mean, abs=2e-3)  # distances are mixed in another order


def test_everything_that_happens_is_told(fitted, told):
    steps = [one for one in told if isinstance(one, TrainStep)]
    results = [one for one in told if isinstance(one, ValidationResult)]
    assert [one.task for one in steps] == [*range(1, 91)]
    assert [one.task for one in results] == [30, 60, 90]
    assert fitted.chosen == max(results, key=lambda one: one.mean)


def test_where_nothing_can_be_gained_the_training_free_method_stays(sets):
    found = fit_head(sets.train, sets.easy, METHOD, Run(SETTINGS.model_copy(update={"tasks": 20})))
    assert (found.chosen, found.part.head_weight) == (found.untrained, 0.0)
    for dataset in (sets.easy.dataset, sets.test.dataset):
        ours = pairwise_matrix(dataset, found.method, head=found.part)
        plain = pairwise_matrix(dataset, METHOD)
        assert torch.equal(ours.table.distance, plain.table.distance)
        assert torch.equal(ours.table.similarity, plain.table.similarity)
    for match in MATCHES:
        assert accuracy(sets.test.dataset, found.part, found.method, match) == accuracy(
            sets.test.dataset, None, found.method, match
        )


def weights(found):
    return torch.cat([one.flatten() for one in found.part.state_dict().values()])


def test_the_same_seed_fits_the_same_head_and_another_seed_another(sets):
    few = SETTINGS.model_copy(update={"tasks": 20})
    one, same, other = (
        fit_head(sets.train, sets.validation, METHOD, Run(few.model_copy(update={"seed": seed}))) for seed in (0, 0, 1)
    )
    assert torch.equal(weights(one), weights(same))
    assert not torch.equal(weights(one), weights(other))


class Cut(Exception):  # noqa: N818 - it is no error
    """The run is cut off."""


@pytest.mark.parametrize("moment", [5, 40, 90])
def test_a_run_that_is_cut_off_goes_on_and_ends_the_same(sets, fitted, tmp_path, moment):
    def cut(event):
        if isinstance(event, TrainStep) and event.task == moment:
            raise Cut

    with pytest.raises(Cut):
        fit_head(sets.train, sets.validation, METHOD, Run(SETTINGS, state=tmp_path / "state", tell=cut))
    told = []
    found = fit_head(sets.train, sets.validation, METHOD, Run(SETTINGS, state=tmp_path / "state", tell=told.append))
    assert isinstance(told[0], Resumed) == (moment > 30)
    assert torch.equal(weights(found), weights(fitted))
    assert (found.chosen, found.method) == (fitted.chosen, fitted.method)


@pytest.mark.parametrize(
    ("other", "method"),
    [({"seed": 5}, {}), ({"learning_rate": 1e-4}, {}), ({}, {"overlap": 0})],
    ids=str,
)
def test_the_state_of_another_run_is_refused(sets, tmp_path, other, method):
    few = SETTINGS.model_copy(update={"tasks": 20})
    fit_head(sets.train, sets.validation, METHOD, Run(few, state=tmp_path / "state"))
    run = Run(few.model_copy(update=other), state=tmp_path / "state")
    with pytest.raises(TrainingError, match="left by a run with other settings"):
        fit_head(sets.train, sets.validation, METHOD.model_copy(update=method), run)


def test_the_state_of_other_clips_is_refused(sets, tmp_path):
    few = Run(SETTINGS.model_copy(update={"tasks": 20}), state=tmp_path / "state")
    fit_head(sets.train, sets.validation, METHOD, few)
    with pytest.raises(TrainingError, match="clips"):
        fit_head(sets.train, sets.test, METHOD, few)


def test_clips_that_were_not_encoded_are_told_apart_by_their_content(sets, random_datasets):
    whole = sets.train.dataset
    bare = Dataset(whole.frames[:, :0], whole.label, whole.sentences, whole.names, SPACE)
    one, other = (random_datasets.as_loaded(bare, first=first) for first in (0, 500))
    keys = [fitting._key(training, sets.validation, SETTINGS, METHOD) for training in (one, one, other)]
    assert keys[0] == keys[1] != keys[2]


def test_a_loss_that_is_no_number_keeps_the_last_state(sets, tmp_path):
    run = Run(SETTINGS.model_copy(update={"learning_rate": 1e30, "clip_norm": 0.0}), state=tmp_path / "state")
    with pytest.raises((TrainingError, CheckpointError)):
        fit_head(sets.train, sets.validation, METHOD, run)


@pytest.mark.parametrize("name", ["otam", "clip_fsar", "emp_net"])
def test_a_peer_is_trained_behind_an_adapter_of_its_own(sets, name):
    few = SETTINGS.model_copy(update={"tasks": 20, "width": 8})
    found = fit_method(METHODS[name].build, sets.train, sets.validation, Run(few))
    assert found.chosen.mean >= found.untrained.mean
    plan = plan_episodes(sets.test.dataset.label.numpy(), None, ProtocolConfig(episodes=20, seed=9))
    assert run_episodes({name: found.part(sets.test.dataset)}, plan)[name].hits.mean() > 0.2


@pytest.mark.skipif(not torch.accelerator.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("name", ["otam", "clip_fsar"])
def test_a_peer_is_trained_on_a_gpu_and_comes_back(sets, name):
    fabric = Fabric(accelerator=torch.accelerator.current_accelerator().type, devices=1)
    few = SETTINGS.model_copy(update={"tasks": 20, "width": 8})
    found = fit_method(METHODS[name].build, sets.train, sets.validation, Run(few, fabric=fabric))
    assert found.chosen.mean >= found.untrained.mean
    assert {one.device.type for one in found.part.parameters()} == {"cpu"}


def test_clips_that_fill_no_episode_are_refused(sets, random_datasets):
    with pytest.raises(ManifestError):
        fit_head(sets.train, sets.validation, METHOD, Run(SETTINGS.model_copy(update={"ways": 20})))
    whole = sets.train.dataset
    few = random_datasets.as_loaded(Dataset(whole.frames[:2], whole.label[:2], whole.sentences, whole.names, SPACE))
    with pytest.raises(TrainingError, match="--width 11 needs as many training frames, there are 8"):
        fit_head(few, sets.validation, METHOD, Run(SETTINGS.model_copy(update={"width": 11, "heads": 1})))


def test_groups_are_kept_apart_where_they_are_known(sets, random_datasets):
    group = np.arange(len(sets.train.dataset.label)) // 12
    grouped = random_datasets.as_loaded(sets.train.dataset, groups=[f"g{one}" for one in group])
    tasks = fitting._tasks(grouped, SETTINGS.model_copy(update={"source_disjoint": True}))
    for query, support in zip(tasks.query, tasks.support, strict=True):
        assert not set(group[query.flatten()]) & set(group[support.flatten()])
