import pytest
import torch
from torch import nn

from lga.backbone.protocol import Space
from lga.config import MethodConfig, TrainConfig
from lga.core.loss import contrastive_loss
from lga.errors import SettingsError
from lga.methods.catalogue import METHODS
from lga.methods.lga import lga_scorer, pairwise_matrix
from lga.methods.protocol import Dataset, Tasks
from lga.model.checkpoint import make_head
from lga.model.head import Adapter
from lga.training.learner import Adapted, EpisodicLGA, Learner, head_learner

pytestmark = pytest.mark.usefixtures("one_thread")

FRAMES = 5
AS_TRAINED = MethodConfig(frames=FRAMES, pooling="mean", hub_correction=0.0, head="none")


def learnt_head(space: Space, head_weight=0.6):
    head, random = make_head(space, TrainConfig(width=4, heads=2)).double().eval(), torch.Generator().manual_seed(1)
    with torch.no_grad():
        for one in (*head.parameters(), *head.buffers()):
            one += 0.1 * torch.randn(one.shape, generator=random, dtype=torch.float64)
    head.head_weight = head_weight
    return head


def episode(dataset, tasks, number=0):
    """What the learner is given of one episode: its clips, and where its queries and examples are among them."""
    places = torch.cat([tasks.query[number].flatten(), tasks.support[number].flatten()])
    clips, place = places.unique(return_inverse=True)
    query, support = place.split([tasks.query[number].numel(), tasks.support[number].numel()])
    where = query.unflatten(0, tasks.query[number].shape), support.unflatten(0, tasks.support[number].shape)
    return dataset.frames[clips], dataset.label[clips], dataset.sentences, dataset.names, tasks.classes[number], *where


@pytest.mark.parametrize(("pooling", "shots"), [("mean", 3), ("softmin", 3), ("mean", 1)])
@pytest.mark.parametrize("head_weight", [0.0, 0.6, 1.0])
def test_an_episode_alone_scores_as_the_matrix_of_all_clips_does(
    space, pooling, shots, head_weight, make_dataset, make_tasks
):
    """With a fixed alpha, and with more examples than one up to how sure they say it may be, one factor an episode."""
    dataset, config = make_dataset(0, space=space), AS_TRAINED.model_copy(update={"pooling": pooling})
    tasks, head = make_tasks(dataset, 1, shots=shots), learnt_head(space, head_weight)
    alone = EpisodicLGA(head, config)(dataset)(tasks)
    matrix = pairwise_matrix(dataset, config, head=head)
    whole = lga_scorer(matrix, config.model_copy(update={"temperature": 1.0, "alpha": 0.3}), match="video")(tasks)
    factor = whole[:, :1, :1] / alone[:, :1, :1]
    torch.testing.assert_close(whole, factor * alone)
    assert (factor > 0).all()
    if shots == 1:
        torch.testing.assert_close(whole, alone)


@pytest.mark.parametrize("name", ["otam", "trx", "protonet", "lga_video"])
def test_an_adapter_that_changes_nothing_leaves_a_method_as_it_is(name, make_dataset, make_tasks):
    dataset = make_dataset(2, space=Space(17, slice(0, 11), slice(11, 17)))
    dataset = Dataset(dataset.frames, dataset.label, *_read(dataset), dataset.space)
    tasks, adapter = make_tasks(dataset, 3), Adapter(dataset.space, 0).double()
    torch.manual_seed(0)
    method = METHODS[name].build(dataset.space)
    if isinstance(method, nn.Module):
        method = method.double().eval()
    plain, adapted = method(dataset)(tasks), Adapted(adapter, method)(dataset)(tasks)
    torch.testing.assert_close(adapted, plain)


def _read(dataset):
    """Sentences and names as a backbone gives them: zero outside the semantic part."""
    for one in (dataset.sentences, dataset.names):
        told = torch.zeros_like(one)
        told[..., dataset.space.semantic] = one[..., dataset.space.semantic]
        yield told


@pytest.mark.parametrize("contrast", [0.0, 0.7])
def test_the_loss_is_what_a_loop_over_the_queries_says(contrast, space, make_dataset, make_tasks):
    dataset = make_dataset(4, space=space)
    tasks, head = make_tasks(dataset, 5, shots=2, queries=2), learnt_head(space)
    method = EpisodicLGA(head, AS_TRAINED)
    learner = Learner(method, head.adapter, contrast=contrast, scale=5.0).eval()
    loss, aside, right = learner(*episode(dataset, tasks))
    logits, total, hits = method(dataset)(tasks)[0], torch.zeros(()).double(), 0
    for number, row in enumerate(logits):
        total = total - row.log_softmax(0)[number // 2] / len(logits)
        hits += int(row.argmax() == number // 2) / len(logits)
    if contrast:
        clips = torch.cat([tasks.query[0].flatten(), tasks.support[0].flatten()])
        mean = head.adapter.project(dataset.frames[clips]).mean(1)
        wanted = contrastive_loss(mean, head.adapter.read(dataset.names), dataset.label[clips], scale=5.0)
        torch.testing.assert_close(aside, wanted)
        total = total + contrast * wanted
    else:
        assert aside == 0
    torch.testing.assert_close(loss, total.to(loss.dtype))
    assert right.item() == pytest.approx(hits)


def test_without_the_contrast_names_are_not_even_read(make_dataset, make_tasks):
    dataset = make_dataset(6)
    head = learnt_head(dataset.space)
    clips, label, sentences, names, *rest = episode(dataset, make_tasks(dataset, 5))
    for contrast, finite in ((0.0, True), (0.5, False)):
        learner = Learner(EpisodicLGA(head, AS_TRAINED), head.adapter, contrast=contrast, scale=5.0)
        assert bool(learner(clips, label, sentences, names * torch.nan, *rest)[0].isfinite()) == finite


def test_with_a_tower_the_clips_are_pixels(make_dataset, make_tasks):
    dataset = make_dataset(7)
    head, tower = learnt_head(dataset.space), nn.Linear(dataset.space.dim, dataset.space.dim).double()
    given = episode(dataset, make_tasks(dataset, 8))
    bare = Learner(EpisodicLGA(head, AS_TRAINED), head.adapter, contrast=0.0, scale=1.0).eval()
    seeing = Learner(EpisodicLGA(head, AS_TRAINED), head.adapter, contrast=0.0, scale=1.0, vision=tower).eval()
    loss = seeing(*given)[0]
    torch.testing.assert_close(loss, bare(tower(given[0]), *given[1:])[0])
    loss.backward()
    assert tower.weight.grad.any()


@pytest.mark.parametrize("head_weight", [0.5, 1.0])
def test_gradients_reach_every_weight_of_a_head(space, head_weight, make_dataset, make_tasks):
    dataset = make_dataset(9, space=space)
    head = learnt_head(space, head_weight)
    learner = Learner(EpisodicLGA(head, AS_TRAINED), head.adapter, contrast=1.0, scale=5.0).eval()
    learner(*episode(dataset, make_tasks(dataset, 8)))[0].backward()
    without = [name for name, one in head.named_parameters() if one.grad is None or not one.grad.any()]
    assert not without


def test_episodes_are_scored_one_by_one(make_dataset, make_tasks):
    dataset = make_dataset(10)
    tasks, method = make_tasks(dataset, 8), EpisodicLGA(learnt_head(dataset.space), AS_TRAINED)
    third = Tasks(*(one[2:3] for one in (tasks.classes, tasks.query, tasks.support)))
    torch.testing.assert_close(method(dataset)(third), method(dataset)(tasks)[2:3])


def test_a_number_of_stages_for_each_class_is_not_trained():
    with pytest.raises(SettingsError, match="--stages auto: a head is trained with one number of stages"):
        head_learner(learnt_head(Space(7, slice(0, 7), slice(0, 7))), MethodConfig(stages="auto"), TrainConfig())
