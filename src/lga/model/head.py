"""What training learns on top of a backbone: an adapter and one fusion block."""

import torch
from einops import repeat
from jaxtyping import Float, Int
from torch import Tensor, nn

from lga.backbone.protocol import Space
from lga.errors import TrainingError
from lga.model.record import adapted_width


class Adapter(nn.Module):
    """project(f) = Turn(axes f); read(t) = Words(t): frames and sentences in one space of `width` numbers.

    `axes` are fixed and narrow the visual part; without them (`width` 0, or no less than there is) the adapter keeps a
    backbone's own width.
    The turn starts as the identity. The words start as nothing where the backbone keeps sight and meaning apart, and
    as the frames' own map where they share a space. So an untrained adapter changes no distance but what the narrowing
    takes away.

    Source: our choice; the paper fine-tunes a backbone whose features are narrow and shared with text.
    """

    def __init__(self, space: Space, width: int):
        super().__init__()
        sight, meaning = (one.stop - one.start for one in (space.visual, space.semantic))
        self.space, self.shared = space, space.visual == space.semantic
        self.width = adapted_width(sight, width)
        self.axes = nn.Buffer(torch.eye(sight, width)) if self.width < sight else None
        self.turn = nn.Linear(self.width, self.width, bias=False)
        self.words = nn.Linear(meaning, self.width, bias=False)
        nn.init.eye_(self.turn.weight)
        (nn.init.eye_ if self.shared else nn.init.zeros_)(self.words.weight)

    @property
    def beside_meaning(self) -> Space:
        """The space of adapted features with the backbone's semantic part beside them."""
        extra = self.space.semantic.stop - self.space.semantic.start
        return Space(self.width + extra, slice(0, self.width), slice(self.width, self.width + extra))

    def project(self, frames: Float[Tensor, "*batch dim"]) -> Float[Tensor, "*batch width"]:
        """Frames in the adapter's space."""
        seen = frames[..., self.space.visual]
        return self.turn(seen if self.axes is None else seen @ self.axes)

    def read(self, text: Float[Tensor, "*batch dim"]) -> Float[Tensor, "*batch width"]:
        """Text in the adapter's space."""
        return self.words(text[..., self.space.semantic])

    def fit_axes(self, frames: Float[Tensor, "clips frames dim"], *, seed: int) -> None:
        """Take the principal axes of some clips' frames, for the words too where they share the frames' space.

        Raises:
            TrainingError: there are fewer frames than axes.
        """
        if self.axes is None:
            return
        seen = frames[..., self.space.visual].flatten(0, 1).float()
        if len(seen) < self.width:
            raise TrainingError(
                f"--width {self.width} needs as many training frames, there are {len(seen)}; set a lower one"
            )
        with torch.no_grad():
            self.axes.copy_(principal_axes(seen, self.width, seed=seed))
            if self.shared:
                self.words.weight.copy_(self.axes.T)


def principal_axes(rows: Float[Tensor, "rows dim"], count: int, *, seed: int) -> Float[Tensor, "dim {count}"]:
    """The orthonormal directions of most second moment, the strongest first; nothing is centred.

    Source: randomised range finding with power iterations (Halko et al., arXiv:0909.4061), with its own generator.
    """
    random = torch.Generator().manual_seed(seed)
    reach = min(*rows.shape, count + 32)
    basis = torch.linalg.qr(rows.T @ (rows @ torch.randn(rows.shape[1], reach, generator=random, dtype=rows.dtype))).Q
    for _ in range(4):
        basis = torch.linalg.qr(rows.T @ (rows @ basis)).Q
    turned = torch.linalg.svd(rows @ basis, full_matrices=False).Vh
    return basis @ turned.T[:, :count]


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


class Head(nn.Module):
    """g~ = StageFusion(project(f), read(t)): tokens of the space in which a trained model matches clips.

    `head_weight`, 0 to 1, is the share of the clip distance that is taken from those tokens; the rest comes from the
    backbone's own features. 0 is the training-free method, 1 the paper's. It is chosen on validation classes, never
    trained.

    Source: LGA (arXiv:2507.16287), "Fine-grained multimodal fusion"; adapter and head_weight are our choice.
    """

    def __init__(self, adapter: Adapter, fusion: StageFusion, *, head_weight: float = 1.0):
        super().__init__()
        self.adapter, self.fusion, self.head_weight = adapter, fusion, head_weight

    def forward(
        self,
        tokens: Float[Tensor, "clips tokens dim"],
        stage: Int[Tensor, "clips tokens"],
        text: Float[Tensor, "clips stages dim"] | None,
    ) -> Float[Tensor, "clips tokens width"]:
        """Fuse packed tokens (stage -1 is padding) with their stages' text; `text` None is the query role."""
        return self.fusion(self.adapter.project(tokens), stage, None if text is None else self.adapter.read(text))
