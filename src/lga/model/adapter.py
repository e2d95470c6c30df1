"""A turn of the visual space, learned on top of frozen features."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lga.backbone.protocol import Space
from lga.errors import TrainingError


class Adapter(nn.Module):
    """look(f) = Turn(axes f); read(t) = Words(t): frames and sentences in one space of `width` numbers.

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
        narrower = 0 < width < sight
        self.axes = nn.Buffer(torch.eye(sight, width)) if narrower else None
        self.width = width if narrower else sight
        self.turn = nn.Linear(self.width, self.width, bias=False)
        self.words = nn.Linear(meaning, self.width, bias=False)
        nn.init.eye_(self.turn.weight)
        (nn.init.eye_ if self.shared else nn.init.zeros_)(self.words.weight)

    @property
    def beside_meaning(self) -> Space:
        """The space of adapted features with the backbone's semantic part beside them."""
        extra = self.space.semantic.stop - self.space.semantic.start
        return Space(self.width + extra, slice(0, self.width), slice(self.width, self.width + extra))

    def look(self, frames: Float[Tensor, "*batch dim"]) -> Float[Tensor, "*batch width"]:
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
