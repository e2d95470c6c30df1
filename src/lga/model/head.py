"""What training learns on top of a backbone: an adapter and one fusion block."""

from jaxtyping import Float, Int
from torch import Tensor, nn

from lga.model.adapter import Adapter
from lga.model.fusion import StageFusion


class Head(nn.Module):
    """g~ = StageFusion(look(f), read(t)): tokens of the space in which a trained model matches clips.

    `trust`, 0 to 1, is the share of the clip distance that is taken from those tokens; the rest comes from the
    backbone's own features. 0 is the training-free method, 1 the paper's. It is chosen on validation classes, never
    trained.

    Source: LGA (arXiv:2507.16287), "Fine-grained multimodal fusion"; adapter and trust are our choice.
    """

    def __init__(self, adapter: Adapter, fusion: StageFusion, *, trust: float = 1.0):
        super().__init__()
        self.adapter, self.fusion, self.trust = adapter, fusion, trust

    def forward(
        self,
        tokens: Float[Tensor, "clips tokens dim"],
        stage: Int[Tensor, "clips tokens"],
        text: Float[Tensor, "clips stages dim"] | None,
    ) -> Float[Tensor, "clips tokens width"]:
        """Fuse packed tokens (stage -1 is padding) with their stages' text; `text` None is the query role."""
        return self.fusion(self.adapter.look(tokens), stage, None if text is None else self.adapter.read(text))
