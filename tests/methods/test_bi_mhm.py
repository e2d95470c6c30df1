import numpy as np
import pytest
import torch

from lga.backbone.protocol import Space
from lga.methods.bi_mhm import bi_mhm
from lga.methods.protocol import Dataset, Tasks

pytestmark = pytest.mark.usefixtures("one_thread")


def test_it_matches_the_textbook_loop_averaged_over_examples(make_dataset, make_tasks):
    dataset = make_dataset(1)
    tasks = make_tasks(dataset, 2, episodes=2)
    found = bi_mhm(dataset)(tasks)

    def apart(one, other):
        table = [
            [1 - torch.cosine_similarity(a, b, dim=0).item() for b in dataset.frames[other, :, :11]]
            for a in dataset.frames[one, :, :11]
        ]
        return sum(map(min, table)) + sum(map(min, zip(*table, strict=True)))

    for episode in range(2):
        for place, query in enumerate(tasks.query[episode].flatten().tolist()):
            for way in range(3):
                costs = [apart(query, example) for example in tasks.support[episode, way].tolist()]
                assert found[episode, place, way].item() == pytest.approx(-sum(costs) / len(costs))


def test_the_order_of_frames_does_not_matter(make_dataset, make_tasks):
    dataset = make_dataset(3)
    tasks = make_tasks(dataset, 4)
    mixed = dataset.frames.clone()
    mixed[::2] = mixed[::2].flip(1)
    other = Dataset(mixed, dataset.label, dataset.sentences, dataset.names, dataset.space)
    torch.testing.assert_close(bi_mhm(other)(tasks), bi_mhm(dataset)(tasks))


@pytest.mark.shared
def test_it_is_the_official_distance(shared):
    reference = np.load(shared / "reference/reference_bimhm.npz")
    frames = torch.from_numpy(np.concatenate([reference["support"], reference["query"]]))
    space = Space(512, slice(0, 512), slice(0, 512))
    dataset = Dataset(frames, torch.zeros(26, dtype=torch.long), torch.zeros(10, 3, 512), torch.zeros(10, 512), space)
    tasks = Tasks(torch.arange(10)[None], torch.arange(10, 20)[None, :, None], torch.arange(10)[None, :, None])
    wanted = torch.from_numpy(reference["distance"][:10])
    torch.testing.assert_close(-bi_mhm(dataset)(tasks)[0], wanted, rtol=1e-4, atol=1e-3)  # theirs adds 0.01 to |x||y|
