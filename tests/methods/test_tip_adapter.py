from math import exp

import pytest
import torch
from torch import cosine_similarity

from lga.methods.text_only import text_only
from lga.methods.tip_adapter import tip_adapter

pytestmark = pytest.mark.usefixtures("one_thread")


def test_it_matches_the_textbook_loop(make_dataset, make_tasks):
    dataset = make_dataset(1)
    tasks = make_tasks(dataset, 2, episodes=2)
    found = tip_adapter(dataset, alpha=2.0, beta=3.0, scale=5.0)(tasks)
    sight, meaning, names = dataset.frames[..., :11].mean(1), dataset.frames[..., 11:].mean(1), dataset.names[:, 11:]
    for episode in range(2):
        for place, query in enumerate(tasks.query[episode].flatten().tolist()):
            for way, label in enumerate(tasks.classes[episode].tolist()):
                near = [
                    exp(-3.0 * (1 - cosine_similarity(sight[query], sight[one], dim=0).item()))
                    for one in tasks.support[episode, way].tolist()
                ]
                told = 5.0 * cosine_similarity(meaning[query], names[label], dim=0).item()
                assert found[episode, place, way].item() == pytest.approx(2.0 * sum(near) + told)


def test_without_the_cache_it_is_zero_shot(make_dataset, make_tasks):
    dataset = make_dataset(3)
    tasks = make_tasks(dataset, 4)
    torch.testing.assert_close(tip_adapter(dataset, alpha=0.0)(tasks), text_only(dataset, scale=100.0)(tasks))
