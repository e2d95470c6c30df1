import numpy as np
import pytest
import torch

from lga.backbone.protocol import Space
from lga.core.alignment import align_frames, cosine_distances
from lga.methods import otam as module
from lga.methods.otam import otam
from lga.methods.protocol import Dataset, Tasks

pytestmark = pytest.mark.usefixtures("one_thread")


def cost(one, other, smoothing=0.1):
    return sum(
        align_frames(cosine_distances(a[None], b[None])[0, 0], smoothing=smoothing).item()
        for a, b in ((one, other), (other, one))
    )


@pytest.mark.parametrize("merge", ["frames", "distances"])
@pytest.mark.parametrize("shots", [1, 3])
def test_it_matches_the_loop_over_pairs(merge, shots, make_dataset, make_tasks):
    dataset = make_dataset(1)
    tasks = make_tasks(dataset, 2, episodes=2, shots=shots)
    found = otam(dataset, merge=merge)(tasks)
    seen = dataset.frames[..., :11]
    for episode in range(2):
        for place, query in enumerate(tasks.query[episode].flatten().tolist()):
            for way in range(3):
                examples = seen[tasks.support[episode, way]]
                if merge == "frames":
                    wanted = cost(seen[query], examples.mean(0))
                else:
                    wanted = sum(cost(seen[query], one) for one in examples) / shots
                assert found[episode, place, way].item() == pytest.approx(-wanted)


def test_with_one_example_there_is_nothing_to_merge(make_dataset, make_tasks):
    dataset = make_dataset(3)
    tasks = make_tasks(dataset, 4, shots=1)
    torch.testing.assert_close(otam(dataset, merge="frames")(tasks), otam(dataset, merge="distances")(tasks))


def test_the_matrix_may_be_made_in_blocks_of_any_size(make_dataset, make_tasks, monkeypatch):
    dataset = make_dataset(5)
    tasks = make_tasks(dataset, 6)
    wanted = otam(dataset, merge="distances")(tasks)
    monkeypatch.setattr(module, "PAIRS_AT_ONCE", 1)
    torch.testing.assert_close(otam(dataset, merge="distances")(tasks), wanted)


@pytest.mark.shared
@pytest.mark.parametrize(("smoothing", "name"), [(0.5, "distance_float64"), (0.1, "distance_lbda01_float64")])
def test_it_is_the_official_distance(smoothing, name, shared):
    reference = np.load(shared / "reference/reference_otam.npz")
    frames = torch.from_numpy(np.concatenate([reference["support"], reference["query"]])).double()
    space = Space(512, slice(0, 512), slice(0, 512))
    dataset = Dataset(frames, torch.zeros(26, dtype=torch.long), torch.zeros(10, 3, 512), torch.zeros(10, 512), space)
    tasks = Tasks(torch.arange(10)[None], torch.arange(10, 20)[None, :, None], torch.arange(10)[None, :, None])
    wanted = torch.from_numpy(reference[name][:10])
    found = -otam(dataset, smoothing=smoothing)(tasks)[0]
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-3)  # theirs adds 0.01 to |x||y|
