import pytest
import torch

from lga.methods.frame_cosine import frame_cosine

pytestmark = pytest.mark.usefixtures("one_thread")


def test_it_matches_the_textbook_loop(make_dataset, make_tasks):
    dataset = make_dataset(1)
    tasks = make_tasks(dataset, 2, episodes=2)
    found = frame_cosine(dataset)(tasks)
    seen = dataset.frames[..., :11]
    for episode in range(2):
        for place, query in enumerate(tasks.query[episode].flatten().tolist()):
            for way in range(3):
                examples = tasks.support[episode, way].tolist()
                costs = [
                    sum(1 - torch.cosine_similarity(seen[query, t], seen[one, t], dim=0).item() for t in range(5))
                    for one in examples
                ]
                assert found[episode, place, way].item() == pytest.approx(-sum(costs) / len(costs))


def test_a_clip_played_backwards_is_another_clip(make_dataset, make_tasks):
    dataset = make_dataset(3)
    dataset.frames[7:14] = dataset.frames[:7].flip(1)  # of the same classes
    dataset.frames[14:21] = dataset.frames[:7]
    clips = torch.arange(2)
    score = frame_cosine(dataset)
    tasks = make_tasks(dataset, 4, episodes=1, way=2, shots=1, queries=1)
    for query in clips.tolist():
        asked = torch.full_like(tasks.query, query)
        support = torch.tensor([[[query + 7], [query + 14]]])
        assert score(type(tasks)(tasks.classes, asked, support)).argmax(-1).tolist() == [[1, 1]]
