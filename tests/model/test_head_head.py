import pytest
import torch

from lga.backbone.protocol import Space
from lga.model.head import Adapter, Head, StageFusion

pytestmark = pytest.mark.usefixtures("one_thread")

JOINT = Space(12, slice(0, 12), slice(0, 12))


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_a_head_is_its_fusion_of_what_its_adapter_sees_and_reads():
    adapter = Adapter(JOINT, 8)
    head = Head(adapter, StageFusion(8, heads=2)).eval()
    torch.nn.init.normal_(head.fusion.attend.out_proj.weight, generator=torch.Generator().manual_seed(1))
    tokens, text, stage = noise(5, 3, 12), noise(5, 2, 12, seed=1), torch.tensor([[0, 1, -1]] * 5)
    wanted = head.fusion(adapter.project(tokens), stage, adapter.read(text))
    assert torch.equal(head(tokens, stage, text), wanted)
    assert torch.equal(head(tokens, stage, None), head.fusion(adapter.project(tokens), stage, None))


def test_the_head_weight_is_not_trained():
    head = Head(Adapter(JOINT, 0), StageFusion(12, heads=2), head_weight=0.3)
    assert head.head_weight == 0.3
    assert not [name for name in head.state_dict() if "trust" in name]
