import numpy as np
import pytest
import torch

from lga.backbone.protocol import Space
from lga.core.alignment import align_frames, cosine_distances
from lga.methods import otam as module
from lga.methods.otam import otam
from lga.methods.protocol import Bench, Tasks

pytestmark = pytest.mark.usefixtures("one_thread")


def cost(one, other, smoothing=0.1):
    return sum(
        align_frames(cosine_distances(a[None], b[None])[0, 0], smoothing=smoothing).item()
        for a, b in ((one, other), (other, one))
    )


@pytest.mark.parametrize("merge", ["frames", "distances"])
@pytest.mark.parametrize("shots", [1, 3])
def test_it_matches_the_loop_over_pairs(merge, shots, make_bench, make_tasks):
    bench = make_bench(1)
    tasks = make_tasks(bench, 2, episodes=2, shots=shots)
    found = otam(bench, merge=merge)(tasks)
    seen = bench.frames[..., :11]
    for episode in range(2):
        for place, query in enumerate(tasks.query[episode].flatten().tolist()):
            for way in range(3):
                examples = seen[tasks.support[episode, way]]
                if merge == "frames":
                    wanted = cost(seen[query], examples.mean(0))
                else:
                    wanted = sum(cost(seen[query], one) for one in examples) / shots
                assert found[episode, place, way].item() == pytest.approx(-wanted)


def test_with_one_example_there_is_nothing_to_merge(make_bench, make_tasks):
    bench = make_bench(3)
    tasks = make_tasks(bench, 4, shots=1)
    torch.testing.assert_close(otam(bench, merge="frames")(tasks), otam(bench, merge="distances")(tasks))


def test_the_matrix_may_be_made_in_blocks_of_any_size(make_bench, make_tasks, monkeypatch):
    bench = make_bench(5)
    tasks = make_tasks(bench, 6)
    wanted = otam(bench, merge="distances")(tasks)
    monkeypatch.setattr(module, "PAIRS_AT_ONCE", 1)
    torch.testing.assert_close(otam(bench, merge="distances")(tasks), wanted)


@pytest.mark.shared
@pytest.mark.parametrize(("smoothing", "name"), [(0.5, "distance_float64"), (0.1, "distance_lbda01_float64")])
def test_it_is_the_official_distance(smoothing, name, shared):
    reference = np.load(shared / "reference/reference_otam.npz")
    frames = torch.from_numpy(np.concatenate([reference["support"], reference["query"]])).double()
    space = Space(512, slice(0, 512), slice(0, 512))
    bench = Bench(frames, torch.zeros(26, dtype=torch.long), torch.zeros(10, 3, 512), torch.zeros(10, 512), space)
    tasks = Tasks(torch.arange(10)[None], torch.arange(10, 20)[None, :, None], torch.arange(10)[None, :, None])
    wanted = torch.from_numpy(reference[name][:10])
    found = -otam(bench, smoothing=smoothing)(tasks)[0]
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-3)  # theirs adds 0.01 to |x||y|
