"""Laws that every method keeps."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from lga.errors import SettingsError
from lga.methods.catalogue import METHODS, find_method
from lga.methods.protocol import Tasks
from lga.methods.scoring import in_blocks

pytestmark = pytest.mark.usefixtures("one_thread")

names = pytest.mark.parametrize("name", METHODS)
SEEING = [name for name, entry in METHODS.items() if entry.examples and name != "lga_text"]
FUSING = ("lga", "lga_video")
"""These add sentences to frames, in whatever space and scale both have."""
GUARDED = ("clip_fsar", "emp_net")
"""These add a constant to the lengths that their cosines are divided by."""
HEARING = ("lga_text",)
"""How much these make of their scores is fitted to the examples, and in that what is seen has a say."""
TRAINABLE = [name for name, entry in METHODS.items() if entry.trainable]


def build(name, space):
    """The method, ready to be used; a trainable one with random weights everywhere."""
    method = METHODS[name].build(space)
    if isinstance(method, nn.Module):
        method.double().eval()
        random = torch.Generator().manual_seed(1)
        with torch.no_grad():
            for parameter in method.parameters():
                parameter += 0.05 * torch.randn(parameter.shape, generator=random, dtype=torch.float64)
    return method


def assert_same(name, found, wanted):
    """The same logits, or, where a method's confidence hears from more, the same up to a factor for each episode."""
    if name in HEARING:
        found, wanted = (one / one.abs().amax((1, 2), keepdim=True) for one in (found, wanted))
    torch.testing.assert_close(found, wanted)


def test_a_method_is_found_by_its_name_and_an_unknown_name_is_refused_with_the_list():
    assert find_method("otam") is METHODS["otam"]
    with pytest.raises(SettingsError, match=r"there is no method 'dtw'; there are lga, lga_video, .*text_thirds$"):
        find_method("dtw")


@names
def test_there_is_one_finite_logit_for_every_query_and_class(name, space, make_dataset, make_tasks):
    dataset = make_dataset(0, space=space)
    for shots in (1, 3):
        logits = build(name, space)(dataset)(make_tasks(dataset, 1, shots=shots))
        assert logits.shape == (11, 6, 3)
        assert logits.dtype == torch.float64
        assert logits.isfinite().all()


@names
def test_no_episodes_have_no_logits(name, space, make_dataset, make_tasks):
    dataset = make_dataset(0, space=space)
    tasks = make_tasks(dataset, 1)
    none = Tasks(tasks.classes[:0], tasks.query[:0], tasks.support[:0])
    assert build(name, space)(dataset)(none).shape == (0, 6, 3)


@names
@pytest.mark.parametrize("shots", [1, 3])
def test_the_order_of_the_classes_is_the_order_of_the_columns(name, shots, space, make_dataset, make_tasks):
    dataset = make_dataset(2, space=space)
    tasks = make_tasks(dataset, 3, shots=shots, queries=1)
    order = torch.tensor([2, 0, 1])
    turned = Tasks(tasks.classes[:, order], tasks.query[:, order], tasks.support[:, order])
    score = build(name, space)(dataset)
    torch.testing.assert_close(score(turned), score(tasks)[:, order][:, :, order])


@names
def test_the_order_of_the_examples_does_not_matter(name, space, make_dataset, make_tasks):
    dataset = make_dataset(2, space=space)
    tasks = make_tasks(dataset, 3, shots=3)
    score = build(name, space)(dataset)
    torch.testing.assert_close(score(replace(tasks, support=tasks.support.flip(2))), score(tasks))


@names
def test_the_labels_of_the_queries_are_not_used(name, space, make_dataset, make_tasks):
    dataset = make_dataset(4, space=space)
    tasks = make_tasks(dataset, 5, episodes=1)
    label = dataset.label.clone()
    label[tasks.query] = (label[tasks.query] + 1) % 7
    method = build(name, space)
    assert torch.equal(method(replace(dataset, label=label))(tasks), method(dataset)(tasks))


@names
def test_the_size_of_the_blocks_does_not_matter(name, space, make_dataset, make_tasks, monkeypatch):
    dataset = make_dataset(6, space=space)
    tasks = make_tasks(dataset, 7)
    method = build(name, space)
    wanted = method(dataset)(tasks)
    sizes = []

    def one_by_one(score, numbers, **_):
        def seen(some):
            sizes.append(len(some.classes))
            return score(some)

        return in_blocks(seen, numbers, most=1)

    for module in ("clip_fsar", "emp_net", "lga", "linear", "otam", "protonet", "scoring", "text_only", "tip_adapter"):
        monkeypatch.setattr(f"lga.methods.{module}.in_blocks", one_by_one)
    monkeypatch.setattr("lga.methods.trx.in_blocks", one_by_one)
    torch.testing.assert_close(method(dataset)(tasks), wanted)
    assert sizes == [1] * 11


@pytest.mark.parametrize("name", SEEING)
def test_a_query_that_is_an_example_is_recognised(name, space, make_dataset, make_tasks):
    dataset = make_dataset(8, space=space)
    tasks = make_tasks(dataset, 9, shots=1, queries=1)
    itself = replace(tasks, query=tasks.support)
    method = METHODS[name].build(space)
    if isinstance(method, nn.Module):
        method.double().eval()
    if METHODS[name].text:  # the texts say nothing
        dataset = replace(dataset, names=torch.ones_like(dataset.names), sentences=torch.ones_like(dataset.sentences))
    assert (method(dataset)(itself).argmax(-1) == torch.arange(3)).all()


@pytest.mark.parametrize("name", [name for name in METHODS if not name.startswith(GUARDED) and name not in FUSING])
def test_the_scale_of_the_features_does_not_matter(name, space, make_dataset, make_tasks):
    dataset = make_dataset(10, space=space)
    tasks = make_tasks(dataset, 11)
    method = build(name, space)
    assert_same(name, method(replace(dataset, frames=37.0 * dataset.frames))(tasks), method(dataset)(tasks))


@names
def test_only_the_visual_part_is_seen_and_only_the_semantic_part_is_read(name, make_dataset, make_tasks):
    dataset = make_dataset(12)
    tasks = make_tasks(dataset, 13)
    frames, words, told = dataset.frames.clone(), dataset.names.clone(), dataset.sentences.clone()
    if not METHODS[name].text:
        frames[..., dataset.space.semantic] += 1.0
    if not METHODS[name].examples:
        frames[..., dataset.space.visual] += 1.0
    words[..., dataset.space.visual] += 1.0
    if name not in FUSING:
        told[..., dataset.space.visual] += 1.0
    method = build(name, dataset.space)
    other = method(replace(dataset, frames=frames, names=words, sentences=told))(tasks)
    assert_same(name, other, method(dataset)(tasks))


@names
def test_gradients_reach_the_features(name, space, make_dataset, make_tasks):
    dataset = make_dataset(14, space=space)
    frames = dataset.frames.clone().requires_grad_()
    logits = build(name, space)(replace(dataset, frames=frames))(make_tasks(dataset, 15))
    logits.log_softmax(-1)[..., 0].sum().backward()
    assert frames.grad is not None
    assert frames.grad.isfinite().all()
    assert frames.grad.abs().sum() > 0


@pytest.mark.parametrize("name", TRAINABLE)
def test_gradients_reach_every_weight(name, space, make_dataset, make_tasks):
    dataset = make_dataset(16, space=space)
    method = build(name, space)
    method.train()
    method(dataset)(make_tasks(dataset, 17)).log_softmax(-1)[..., 0].sum().backward()
    idle = {"scale"} if name == "clip_fsar" else set()
    moved = {
        key for key, weight in method.named_parameters() if weight.grad is not None and weight.grad.abs().sum() > 0
    }
    assert moved == {key for key, _ in method.named_parameters()} - idle
