import numpy as np
import pytest
import torch
from einops import rearrange

from lga.backbone.protocol import Space
from lga.methods.clip_fsar import ClipFSAR
from lga.methods.otam import otam
from lga.methods.protocol import Dataset, Tasks

pytestmark = pytest.mark.usefixtures("one_thread")

WEIGHTS = {
    "norm": "0.norm",
    "query": "0.fn.to_q",
    "key": "0.fn.to_k",
    "value": "0.fn.to_v",
    "out": "0.fn.to_out.0",
    "feed.0": "1.net.0",
    "feed.3": "1.net.3",
}


@pytest.mark.shared
@pytest.mark.parametrize("shots", [1, 5])
@pytest.mark.parametrize("combine", [False, True])
def test_it_is_the_official_head(shots, combine, shared):
    stored = np.load(shared / f"reference/reference_clipfsar_head_{shots}shot.npz")
    reference = {key: torch.from_numpy(value) for key, value in stored.items()}
    head = ClipFSAR(512, combine=combine).eval()
    head.context.load_state_dict(
        {
            name: reference[f"w.context2.layers.0.{WEIGHTS[name.rpartition('.')[0]]}.{name.rpartition('.')[2]}"]
            for name in head.context.state_dict()
        }
    )
    clips = [rearrange(reference[name], "(n t) d -> n t d", t=8) for name in ("support_set", "target_set")]
    frames, shown = torch.cat(clips), len(clips[0])
    support_label = reference["support_labels"].long()
    support = torch.stack([(support_label == one).nonzero()[:, 0] for one in range(5)])
    tasks = Tasks(
        reference["real_support_labels"].long()[support[:, 0]][None],
        rearrange(torch.arange(shown, shown + 25), "(w q) -> 1 w q", w=5),
        support[None],
    )
    words = reference["text_features_test"]
    space = Space(512, slice(0, 512), slice(0, 512))
    dataset = Dataset(frames, torch.zeros(len(frames), dtype=torch.long), torch.zeros(24, 3, 512), words, space)
    found = head(dataset)(tasks)[0]
    if combine:
        torch.testing.assert_close(found.exp(), reference["logits_clipfsar_combine"])
    else:
        torch.testing.assert_close(found, reference["logits_clipfsar"], rtol=1e-5, atol=1e-5)
    logits = head.name_logits(frames, reference["text_features_train"])
    torch.testing.assert_close(logits, reference["class_logits_clipfsar"])


def test_a_new_head_is_otam(space, make_dataset, make_tasks):
    dataset = make_dataset(1, space=space)
    tasks = make_tasks(dataset, 2)
    far = Dataset(1e4 * dataset.frames, *(getattr(dataset, one) for one in ("label", "sentences", "names", "space")))
    visual, text = len(range(*space.visual.indices(space.dim))), len(range(*space.semantic.indices(space.dim)))
    head = ClipFSAR(visual, text_dim=None if visual == text else text).double().eval()
    torch.testing.assert_close(head(far)(tasks), otam(dataset, smoothing=0.5)(tasks))


def test_the_name_joins_the_examples_once_the_block_has_learnt_something(make_dataset, make_tasks):
    dataset = make_dataset(3)
    tasks = make_tasks(dataset, 4)
    head = ClipFSAR(11, text_dim=6).double().eval()
    renamed = Dataset(dataset.frames, dataset.label, dataset.sentences, dataset.names.flip(0), dataset.space)
    assert torch.equal(head(renamed)(tasks), head(dataset)(tasks))
    torch.nn.init.eye_(head.context.out.weight)
    assert not torch.allclose(head(renamed)(tasks), head(dataset)(tasks))


def test_nothing_is_dropped_outside_training(make_dataset, make_tasks):
    dataset = make_dataset(5)
    tasks = make_tasks(dataset, 6)
    head = ClipFSAR(11, text_dim=6).double()
    torch.nn.init.eye_(head.context.out.weight)
    assert not torch.equal(head(dataset)(tasks), head(dataset)(tasks))
    head.eval()
    assert torch.equal(head(dataset)(tasks), head(dataset)(tasks))
