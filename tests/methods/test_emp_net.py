"""The model against loops over frames, heads and levels, written from the official code's formulas."""

from dataclasses import replace
from itertools import pairwise
from math import erf, exp, log, sqrt

import pytest
import torch
from torch import nn

from lga.methods.emp_net import EMPNet
from lga.methods.otam import otam

pytestmark = pytest.mark.usefixtures("one_thread")


def new(space, *, learned=True, seed=None):
    """A model for this layout; with a seed, of random weights everywhere."""
    visual, text = (len(range(*one.indices(space.dim))) for one in (space.visual, space.semantic))
    model = EMPNet(visual, text_dim=None if space.visual == space.semantic else text, learned=learned).double().eval()
    if seed is not None:
        random = torch.Generator().manual_seed(seed)
        for weight in model.parameters():
            nn.init.normal_(weight, std=0.3, generator=random)
    return model


def linear(layer, row):
    return layer.weight @ row + (0.0 if layer.bias is None else layer.bias)


def spread_evenly(norm, row):
    middle = row.mean()
    return (row - middle) / ((row - middle).square().mean() + norm.eps).sqrt() * norm.weight + norm.bias


def feed_forward(block, row):
    widen, narrow = block.feed[0], block.feed[3]
    inside = [x * 0.5 * (1 + erf(x / sqrt(2))) for x in linear(widen, row).tolist()]
    return linear(narrow, torch.tensor(inside, dtype=torch.float64))


def attend(block, asking, told):
    """x + Attn(LN x, LN told), then x + FFN(x), token by token and head by head."""
    answers = []
    for token in asking:
        query = linear(block.query, spread_evenly(block.norm, token))
        keys, values = (
            [linear(layer, spread_evenly(block.norm, one)) for one in told] for layer in (block.key, block.value)
        )
        heads = []
        for start in range(0, len(query), 64):
            part = slice(start, start + 64)
            size = [exp(float(query[part] @ key[part]) / 8) for key in keys]
            heads.append(sum(one / sum(size) * value[part] for one, value in zip(size, values, strict=True)))
        mixed = token + linear(block.out, torch.cat(heads))
        answers.append(mixed + feed_forward(block, mixed))
    return answers


def cosine(one, other):
    return float(one @ other / (one.norm() * other.norm() + 0.01))


def align(distance):
    """The official recursion, with a column of zeros on either side."""
    padded = [[0.0, *row, 0.0] for row in distance]
    reach = [[sum(padded[0][1 : m + 1]) for m in range(len(padded[0]))]]
    for line in padded[1:]:
        above, row = reach[-1], [0.0]
        for m in range(1, len(line)):
            ways = [above[m - 1], row[m - 1]]
            if m in (1, len(line) - 1):
                ways.append(above[m])
            row.append(line[m] - 0.5 * log(sum(exp(-way / 0.5) for way in ways)))
        reach.append(row)
    return reach[-1][-1]


def levels_by_hand(model, frames):
    """Global, patch and frame level of one clip, frame by frame."""
    if model.time is None:
        return [list(frames), list(frames), [2 * one for one in frames]]
    seen = [one + feed_forward(model.time, one) for one in frames]
    token = attend(model.inter[0], *[attend(model.time, frames, frames)] * 2)
    part = [attend(model.inter[1], [one], [g, one])[0] for g, one in zip(token, seen, strict=True)]
    summed = [a + b for a, b in zip(seen, part, strict=True)]
    return [token, part, attend(model.inter[2], summed, summed)]


def joined_by_hand(model, level, frames, name):
    asking = frames if name is None else [one + name for one in frames]
    told = frames if name is None else [*frames, name]
    return asking if model.time is None else attend(model.fuse[level], asking, told)


def posterior_by_hand(scores):
    return [exp(one) / sum(map(exp, scores)) for one in scores]


def score_by_hand(model, dataset, query, classes, support):
    """The logs of the averaged posteriors of one query."""
    space = dataset.space
    seen, meant = dataset.frames[..., space.visual], dataset.frames[..., space.semantic]
    words = dataset.names[..., space.semantic]
    carried = dict.fromkeys(classes) if model.apart else {one: words[one] for one in classes}
    if model.carry is not None:
        carried = {one: linear(model.carry, words[one]) for one in classes}
    asked, every = levels_by_hand(model, seen[query]), []
    for level in range(3):
        costs, alike = [], []
        for one, clips in zip(classes, support, strict=True):
            shown = [levels_by_hand(model, seen[clip])[level] for clip in clips]
            prototype = [sum(frames) / len(frames) for frames in zip(*shown, strict=True)]
            prototype = joined_by_hand(model, level, prototype, carried[one])
            mine = joined_by_hand(model, level, asked[level], None)
            apart = [[1 - cosine(a, b) for b in prototype] for a in mine]
            costs.append(align(apart) + align(list(map(list, zip(*apart, strict=True)))))
            by_frame = [0.0 if carried[one] is None else cosine(frame, carried[one]) for frame in asked[level]]
            if model.apart:
                by_frame = [x + cosine(frame, words[one]) for x, frame in zip(by_frame, meant[query], strict=True)]
            kept = sorted(by_frame)[-max(1, len(by_frame) // 4) :] if level == 2 else by_frame
            alike.append(sum(kept) / len(kept))
        every += [posterior_by_hand([-one for one in costs]), posterior_by_hand(alike)]
    return [log(sum(column) / 6) for column in zip(*every, strict=True)]


@pytest.mark.parametrize("shots", [1, 2])
@pytest.mark.parametrize("learned", [True, False])
@torch.no_grad()
def test_it_matches_the_loop_over_frames_heads_and_levels(learned, shots, space, make_dataset, make_tasks):
    dataset = make_dataset(1, space=space, frames=4 if learned else 9)
    tasks = make_tasks(dataset, 2, episodes=1, shots=shots, queries=1)
    model = new(space, learned=learned, seed=3)
    found = model(dataset)(tasks)[0]
    for place, query in enumerate(tasks.query.flatten().tolist()):
        wanted = score_by_hand(model, dataset, query, tasks.classes[0].tolist(), tasks.support[0].tolist())
        torch.testing.assert_close(found[place], torch.tensor(wanted, dtype=torch.float64))


def test_a_new_model_is_the_training_free_one(space, make_dataset, make_tasks):
    dataset = make_dataset(4, space=space)
    tasks = make_tasks(dataset, 5)
    torch.testing.assert_close(new(space)(dataset)(tasks), new(space, learned=False)(dataset)(tasks))


def test_scores_are_logs_of_posteriors(space, make_dataset, make_tasks):
    dataset = make_dataset(6, space=space)
    total = new(space, seed=7)(dataset)(make_tasks(dataset, 8)).exp().sum(-1)
    torch.testing.assert_close(total, torch.ones_like(total))


def test_names_that_say_nothing_leave_otam_in_charge(make_dataset, make_tasks):
    dataset = make_dataset(9)
    dataset = replace(dataset, names=torch.zeros_like(dataset.names), frames=1e4 * dataset.frames)
    tasks = make_tasks(dataset, 10)
    found = new(dataset.space, learned=False)(dataset)(tasks).exp()
    wanted = otam(dataset, smoothing=0.5)(tasks).softmax(-1)
    torch.testing.assert_close(found, wanted / 2 + 1 / 6)


def test_the_right_name_decides_between_classes_that_look_alike(make_dataset, make_tasks):
    dataset = make_dataset(11)
    tasks = make_tasks(dataset, 12, shots=1, queries=1)
    frames, meaning = dataset.frames[:1].repeat(len(dataset.frames), 1, 1), dataset.space.semantic
    frames[..., meaning] = dataset.names[dataset.label][:, None, meaning]
    said = new(dataset.space, learned=False)(replace(dataset, frames=frames))(tasks)
    assert (said.argmax(-1) == torch.arange(3)).all()


def test_the_order_of_the_frames_counts(make_dataset, make_tasks):
    dataset = make_dataset(13)
    tasks = make_tasks(dataset, 14, shots=1, queries=1)
    turned = dataset.frames.clone()
    turned[tasks.query.flatten()] = turned[tasks.query.flatten()].flip(1)
    model = new(dataset.space, learned=False)
    assert not torch.allclose(model(replace(dataset, frames=turned))(tasks), model(dataset)(tasks))


def test_longer_clips_have_more_frames_that_speak_for_the_frame_level(make_dataset, make_tasks):
    """One frame alone shows the name: the fewer speak, the more it counts."""
    sure = []
    for length in (3, 7, 8, 16):
        dataset = make_dataset(15, frames=length)
        tasks = make_tasks(dataset, 16, episodes=1, shots=1, queries=1)
        frames, meaning = torch.ones_like(dataset.frames), dataset.space.semantic
        frames[..., meaning] = 0.0
        frames[:, 0, meaning] = dataset.names[dataset.label][:, meaning]
        said = new(dataset.space, learned=False)(replace(dataset, frames=frames))(tasks)[0]
        sure.append(float(said.diagonal().mean()))
    assert all(one > other for one, other in pairwise(sure))
