from math import sqrt

import pytest
import torch

from lga.methods.protonet import protonet

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("shots", [1, 3])
def test_it_matches_the_textbook_loop(metric, shots, make_dataset, make_tasks):
    dataset = make_dataset(1)
    tasks = make_tasks(dataset, 2, episodes=3, shots=shots)
    found = protonet(dataset, metric=metric)(tasks)
    clips = dataset.frames[..., :11].mean(1)
    for episode in range(3):
        for place, query in enumerate(tasks.query[episode].flatten().tolist()):
            for way in range(3):
                prototype = sum(clips[one] for one in tasks.support[episode, way].tolist()) / shots
                if metric == "cosine":
                    dot = sum(a * b for a, b in zip(clips[query].tolist(), prototype.tolist(), strict=True))
                    wanted = 10 * dot / sqrt(sum(a * a for a in clips[query]) * sum(b * b for b in prototype))
                else:
                    wanted = -sum((a - b) ** 2 for a, b in zip(clips[query].tolist(), prototype.tolist(), strict=True))
                assert found[episode, place, way].item() == pytest.approx(float(wanted))


def test_a_clip_of_zeros_is_like_nothing(make_dataset, make_tasks):
    dataset = make_dataset(3)
    dataset.frames[:] = 0.0
    assert torch.equal(protonet(dataset)(make_tasks(dataset, 4)), torch.zeros(11, 6, 3, dtype=torch.float64))
