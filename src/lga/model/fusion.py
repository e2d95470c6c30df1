"""Fine-grained multimodal fusion: stage sentences meet stage frames in one cross-attention block."""

import torch
from einops import repeat
from jaxtyping import Float, Int
from torch import Tensor, nn


class StageFusion(nn.Module):
    """One pre-LN transformer block without positions: x = Q + Attn(Q, K=V=f); f~ = x + FFN(x).

    A support token of stage s has Q = f + t_s; a query clip, whose label is unknown, has Q = f. Pairs of the same
    stage get `stage_bias` added to their attention logit. The two output projections start at zero, so that a new
    block is the identity plus the text in Q: the model works before any training and training starts from there.

    Source: LGA (arXiv:2507.16287), "Fine-grained multimodal fusion"; the bias, sizes and dropouts as in third-party
    research code; the zero start is our choice.
    """

    def __init__(self, dim: int, *, heads: int = 8, stage_bias: float = 1.0):
        super().__init__()
        self.heads, self.stage_bias = heads, stage_bias
        self.norm = nn.LayerNorm(dim)
        self.attend = nn.MultiheadAttention(dim, heads, dropout=0.2, batch_first=True)
        widen, narrow = nn.Linear(dim, 4 * dim), nn.Linear(4 * dim, dim)
        self.feed = nn.Sequential(nn.LayerNorm(dim), widen, nn.GELU(), nn.Dropout(0.05), narrow, nn.Dropout(0.05))
        for parameter in (*self.attend.out_proj.parameters(), *narrow.parameters()):
            nn.init.zeros_(parameter)

    def forward(
        self,
        tokens: Float[Tensor, "batch tokens dim"],
        stage: Int[Tensor, "batch tokens"],
        text: Float[Tensor, "batch stages dim"] | None,
    ) -> Float[Tensor, "batch tokens dim"]:
        """Fuse packed tokens (stage -1 is padding) with their stage's text; `text` None is the query role."""
        query = tokens if text is None else inject_text(tokens, stage, text)
        bias = self.stage_bias * (stage[:, :, None] == stage[:, None, :]).to(tokens.dtype)
        bias = bias.masked_fill((stage < 0)[:, None, :], -torch.inf)
        value = self.norm(tokens)
        attended, _ = self.attend(
            self.norm(query),
            value,
            value,
            attn_mask=repeat(bias, "b i j -> (b h) i j", h=self.heads),
            need_weights=False,
        )
        fused = query + attended
        return fused + self.feed(fused)


def inject_text(
    tokens: Float[Tensor, "batch tokens dim"],
    stage: Int[Tensor, "batch tokens"],
    text: Float[Tensor, "batch stages dim"],
) -> Float[Tensor, "batch tokens dim"]:
    """Add to every token its own stage's text: Q_i = f_i + t_s(i); padding tokens stay as they are.

    Source: LGA, "Fine-grained multimodal fusion", the support role.
    """
    own = text.gather(1, repeat(stage.clamp_min(0), "b n -> b n d", d=text.shape[-1]))
    return tokens + own * (stage >= 0)[..., None]
