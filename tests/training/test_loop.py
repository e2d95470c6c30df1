from dataclasses import dataclass, field
from math import cos, pi

import pytest
import torch
from lightning_fabric import Fabric
from torch import nn

from lga.backbone.protocol import Space
from lga.config import TrainConfig
from lga.errors import TrainingError
from lga.methods.protocol import Dataset, Tasks
from lga.training.loop import make_optimizer, rate_at, repeatable, train

pytestmark = pytest.mark.usefixtures("one_thread")

CLIPS, DIM, CLASSES = 24, 5, 4
PLAIN = TrainConfig(tasks=12, accumulate=4, validate_every=4, warmup=0, schedule="constant", clip_norm=0.0)


class Toy(nn.Module):
    """A learner as small as can be, with dropout; `episodes` counts what it is asked."""

    def __init__(self, dropout=0.0):
        super().__init__()
        self.turn, self.drop, self.asked = nn.Linear(DIM, DIM), nn.Dropout(dropout), []

    def forward(self, clips, label, sentences, names, classes, query, support):
        self.asked.append((len(clips), label.tolist()))
        logits = self.drop(self.turn(clips)[query.flatten()]) @ names.T
        loss = nn.functional.cross_entropy(logits, label[query.flatten()])
        return loss, loss.new_tensor(0.5), loss.new_tensor(0.25)


@dataclass
class Setting:
    """Random clips, the tasks among them, and a toy with weights that are the same every time."""

    settings: TrainConfig
    dropout: float = 0.0
    frames: torch.Tensor = field(
        default_factory=lambda: torch.randn(CLIPS, DIM, generator=torch.Generator().manual_seed(0))
    )

    def __post_init__(self):
        with repeatable(5, 0, torch.device("cpu")):
            self.toy = Toy(self.dropout)
        self.optimizer = make_optimizer(self.toy, self.settings)
        random = torch.Generator().manual_seed(self.settings.seed)
        rows = torch.stack([torch.randperm(CLIPS, generator=random)[:6] for _ in range(self.settings.tasks)])
        self.tasks = Tasks(torch.zeros(len(rows), 2).long(), rows[:, :4].unflatten(1, (2, 2)), rows[:, 4:, None])
        names = torch.randn(CLASSES, DIM, generator=torch.Generator().manual_seed(1))
        space = Space(DIM, slice(0, DIM), slice(0, DIM))
        self.dataset = Dataset(self.frames[:, None], torch.arange(CLIPS) % CLASSES, names[:, None], names, space)

    def supply(self, plan):
        return (self.frames[clips] for _, clips in plan)

    def run(self, start=0, stop=None):
        fabric = Fabric(accelerator="cpu", devices=1)
        wrapped, stepping = fabric.setup(self.toy, self.optimizer)
        steps = []
        for step in train(
            wrapped.train(), stepping, self.tasks, self.supply, self.dataset, self.settings, fabric, start=start
        ):
            steps.append(step)
            if step.task == stop:
                break
        return steps

    @property
    def weights(self):
        return torch.cat([one.detach().flatten().clone() for one in self.toy.parameters()])

    def mean_loss(self, numbers):
        """The mean loss of some episodes, written out."""
        losses = []
        for number in numbers:
            query = self.tasks.query[number].flatten()
            logits = self.toy.turn(self.frames[query]) @ self.dataset.names.T
            losses.append(nn.functional.cross_entropy(logits, self.dataset.label[query]))
        return torch.stack(losses).mean()


@pytest.mark.parametrize("family", ["adam", "adamw"])
def test_accumulated_gradients_are_those_of_the_mean_loss(family):
    settings = PLAIN.model_copy(update={"optimizer": family, "weight_decay": 0.1})
    found, wanted = Setting(settings), Setting(settings)
    found.run()
    by_hand = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[family](
        wanted.toy.parameters(), lr=settings.learning_rate, weight_decay=0.1
    )
    for start in (0, 4, 8):
        by_hand.zero_grad()
        wanted.mean_loss(range(start, start + 4)).backward()
        by_hand.step()
    torch.testing.assert_close(found.weights, wanted.weights)


def test_the_norm_of_a_step_is_limited_after_accumulation():
    settings = PLAIN.model_copy(update={"tasks": 4, "clip_norm": 1e-3})
    found, wanted = Setting(settings), Setting(settings)
    found.optimizer, by_hand = (torch.optim.SGD(one.toy.parameters(), lr=1.0) for one in (found, wanted))
    found.run()
    wanted.mean_loss(range(4)).backward()
    nn.utils.clip_grad_norm_(wanted.toy.parameters(), 1e-3)
    by_hand.param_groups[0]["lr"] = settings.learning_rate
    by_hand.step()
    torch.testing.assert_close(found.weights, wanted.weights)


def test_the_learning_rate_rises_and_falls():
    settings = TrainConfig(tasks=400, accumulate=4, validate_every=4, warmup=10)
    assert rate_at(0, settings) == pytest.approx(0.1)
    assert rate_at(4, settings) == pytest.approx(0.5 * 0.5 * (1 + cos(pi * 0.04)))
    assert rate_at(50, settings) == pytest.approx(0.5)
    assert rate_at(99, settings) == pytest.approx(0, abs=1e-3)
    rates = [rate_at(step, settings) for step in range(10, 100)]
    assert rates == sorted(rates, reverse=True)
    level = settings.model_copy(update={"schedule": "constant", "warmup": 0})
    assert {rate_at(step, level) for step in range(100)} == {1.0}


def test_both_groups_of_weights_have_their_own_rate():
    class Seeing(Toy):
        def __init__(self):
            super().__init__()
            self.vision = nn.Linear(DIM, DIM)

        def forward(self, clips, *rest):
            return super().forward(self.vision(clips), *rest)

    settings = PLAIN.model_copy(update={"tasks": 4, "learning_rate": 1e-2, "backbone_rate": 1e-4, "warmup": 2})
    setting = Setting(settings)
    setting.toy = Seeing()
    setting.optimizer = make_optimizer(setting.toy, settings)
    assert setting.run()[-1].rate == pytest.approx(0.5e-2)
    assert [one["lr"] for one in setting.optimizer.param_groups] == pytest.approx([0.5e-2, 0.5e-4])


def test_frozen_weights_are_not_trained():
    setting = Setting(PLAIN)
    setting.toy.turn.bias.requires_grad_(False)
    assert [len(one["params"]) for one in make_optimizer(setting.toy, PLAIN).param_groups] == [1]


def test_the_same_seed_trains_the_same_weights_and_another_seed_others():
    one, same, other = (Setting(PLAIN.model_copy(update={"seed": seed}), dropout=0.5) for seed in (3, 3, 4))
    torch.manual_seed(1)
    one.run()
    torch.manual_seed(2)
    same.run()
    other.run()
    assert torch.equal(one.weights, same.weights)
    assert not torch.equal(one.weights, other.weights)


def test_training_leaves_other_chance_alone():
    before = torch.get_rng_state()
    Setting(PLAIN, dropout=0.5).run()
    assert torch.equal(torch.get_rng_state(), before)


def test_a_run_that_goes_on_ends_where_an_unbroken_one_ends():
    whole, cut = Setting(PLAIN, dropout=0.5), Setting(PLAIN, dropout=0.5)
    steps = whole.run()
    assert cut.run(stop=8) == steps[:8]
    assert cut.run(start=8) == steps[8:]
    assert torch.equal(whole.weights, cut.weights)


def test_episodes_that_fill_no_step_are_left_out():
    short, long = (Setting(PLAIN.model_copy(update={"tasks": tasks})) for tasks in (8, 11))
    long.tasks = short.tasks
    assert [step.task for step in long.run()] == [*range(1, 9)]
    short.run()
    torch.testing.assert_close(short.weights, long.weights)


def test_no_episodes_train_nothing():
    setting = Setting(PLAIN.model_copy(update={"tasks": 3}))
    before = setting.weights
    assert setting.run() == []
    assert torch.equal(setting.weights, before)


def test_every_clip_of_an_episode_is_read_once():
    setting = Setting(PLAIN)
    setting.tasks.support[0] = setting.tasks.query[0, :, :1]
    setting.run()
    assert [many for many, _ in setting.toy.asked][:2] == [4, 6]


def test_a_loss_that_is_no_number_stops_before_it_spoils_the_weights():
    setting = Setting(PLAIN)
    setting.frames[setting.tasks.query[6, 0, 0]] = torch.nan
    spoilt = next(n for n in range(12) if setting.frames[setting.tasks.query[n].flatten()].isnan().any())
    with pytest.raises(TrainingError, match=f"the loss of episode {spoilt} is not a finite number; lower"):
        setting.run()
    assert setting.weights.isfinite().all()
