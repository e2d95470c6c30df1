"""EMP-Net: clips are reasoned about at three levels after a frozen encoder, and matched with examples and names."""

from math import log

import torch
from einops import rearrange, repeat
from jaxtyping import Float
from torch import Tensor, nn

from lga.core.alignment import cosine_distances
from lga.methods.clip_fsar import CLIPS_AT_ONCE, GUARD, SMOOTHING, Context
from lga.methods.otam import align_classes
from lga.methods.protocol import Dataset, Scorer, Tasks, seen_frames
from lga.methods.scoring import FEATURES_AT_ONCE, in_blocks

LEVELS = 3
"""Global, patch and frame level, in this order."""
HEADS = 4
FRAMES_TOLD = 4
"""Of the frames, one in this many, those most like the name, speak for the frame level: 2 of 8."""


class EMPNet(nn.Module):
    """log of the mean of six posteriors: at each of three levels one by the examples and one by the names.

    A clip becomes three sequences of frames. With the blocks R (over time), G, P, F and the frames f:

        g = G(R(f))        global level
        p = P(f' -> g, f') patch level, f' = f + FFN_R(f)
        r = F(f' + p)      frame level

    By the examples: softmax(-OTAM), both directions, smoothing 0.5, guard 0.01. Examples are averaged frame by frame,
    get their name added and attend to themselves and the name, queries to themselves, in one block a level. By the
    names: softmax of the cosine of frames and name, averaged over the frames, at the frame level over the best
    quarter of them. The softmax has no temperature.

    Every block starts as the identity, so that a new model is the training-free one, which has no blocks
    (`learned` False): then g = p = f and r = 2 f, and examples differ by their added name. Where text and sight share
    no space, `text_dim` is the size of the semantic part. Frames and names are then compared in that part, to which
    the cosine of the levels with the carried name is added; the linear map that carries names into the visual space
    starts at zero, and the training-free model has none.

    Source: EMP-Net (Wu et al., ECCV 2024): the levels and the two contrasts as in its abstract, everything else as in
    the official code. The paper's own text and equations were not at hand and nothing was checked against them. A
    frame is one vector here, so that it is its only patch: the fusion of features from the encoder's layers 4 and 8,
    attention among the patches of a frame and the choice of the best quarter of the patches are left out. Heads of 64
    numbers as for CLIP ViT-B/16, whatever the backbone. The names are the dataset's; the official code averages 16
    wordings. The official loss takes the cross-entropy of each of the six posteriors; here their mean is trained as
    all methods are. The zero start, the training-free form and the separate spaces are our choice.
    """

    def __init__(self, dim: int, *, text_dim: int | None = None, learned: bool = True):
        super().__init__()
        self.apart = text_dim is not None
        self.time = _block(dim) if learned else None
        self.inter, self.fuse = (nn.ModuleList(_block(dim) for _ in range(LEVELS if learned else 0)) for _ in range(2))
        self.carry = None if text_dim is None or not learned else nn.Linear(text_dim, dim, bias=False)
        if self.carry is not None:
            nn.init.zeros_(self.carry.weight)

    def forward(self, dataset: Dataset) -> Scorer:
        """Reason about every clip once, and compare it with every name."""
        frames, names = seen_frames(dataset), self._names(dataset)
        levels = torch.cat([self._reason(some) for some in frames.split(CLIPS_AT_ONCE)], 1)
        query = torch.cat([self._join(some, None) for some in levels.split(CLIPS_AT_ONCE, 1)], 1)
        told = self._told(dataset, levels, names)

        def score(tasks: Tasks) -> Float[Tensor, "episodes queries way"]:
            n_way, asked = tasks.classes.shape[1], rearrange(tasks.query, "e w q -> e (w q)")
            shown = rearrange(levels[:, tasks.support].mean(3), "l e w t d -> l (e w) t d")
            prototype = self._join(shown, None if names is None else names[tasks.classes.flatten()])
            cost = align_classes(
                rearrange(query[:, asked], "l e q t d -> (l e) q t d"),
                rearrange(prototype, "l (e w) t d -> (l e) w t d", w=n_way),
                smoothing=SMOOTHING,
                guard=GUARD,
            )
            video = rearrange(-cost, "(l e) q w -> l e q w", l=LEVELS)
            each = torch.cat([video, told[:, asked[..., None], tasks.classes[:, None]]]).log_softmax(-1)
            return each.logsumexp(0) - log(len(each))

        def numbers(tasks: Tasks) -> int:
            clips = tasks.support[0].numel() + tasks.query[0].numel() + 4 * len(tasks.classes[0])
            return LEVELS * clips * frames[0].numel()

        return in_blocks(score, numbers, most=FEATURES_AT_ONCE)

    def _names(self, dataset: Dataset) -> Float[Tensor, "classes visual"] | None:
        """The names in the visual space; None where nothing takes them there."""
        names = dataset.names[..., dataset.space.semantic]
        if not self.apart:
            return names
        return None if self.carry is None else self.carry(names)

    def _reason(self, frames: Float[Tensor, "clips frames dim"]) -> Float[Tensor, "levels clips frames dim"]:
        """The three levels of every clip."""
        if self.time is None:
            return torch.stack([frames, frames, 2 * frames])
        length, (whole, patch, frame) = frames.shape[1], self.inter
        seen = frames + self.time.feed(frames)
        token = whole(self.time(frames))
        both = rearrange([token, seen], "k n t d -> (n t) k d")
        part = rearrange(patch(both[:, 1:], both), "(n t) 1 d -> n t d", t=length)
        return torch.stack([token, part, frame(seen + part)])

    def _join(
        self, levels: Float[Tensor, "levels clips frames dim"], names: Float[Tensor, "clips dim"] | None
    ) -> Float[Tensor, "levels clips frames dim"]:
        """Let the frames of each level meet, and the clip's name if it is known."""
        told = None if names is None else repeat(names, "n d -> l n 1 d", l=LEVELS)
        asking = levels if told is None else levels + told
        if self.time is None:
            return asking
        source = levels if told is None else torch.cat([levels, told], 2)
        return torch.stack([block(*one) for block, *one in zip(self.fuse, asking, source, strict=True)])

    def _told(
        self,
        dataset: Dataset,
        levels: Float[Tensor, "levels clips frames dim"],
        names: Float[Tensor, "classes dim"] | None,
    ) -> Float[Tensor, "levels clips classes"]:
        """How alike every clip and every name are, at each level."""
        alike: list[Tensor] = []
        if names is not None:
            flat = _similarity(rearrange(levels, "l n t d -> (l n) t d"), names)
            alike.append(rearrange(flat, "(l n) c t -> l n c t", l=LEVELS))
        if self.apart:
            meaning = dataset.space.semantic
            meant = _similarity(dataset.frames[..., meaning], dataset.names[..., meaning])
            alike.append(repeat(meant, "n c t -> l n c t", l=LEVELS))
        whole, part, frame = torch.stack(alike).sum(0)
        best = frame.topk(max(1, frame.shape[-1] // FRAMES_TOLD), -1).values
        return torch.stack([whole.mean(-1), part.mean(-1), best.mean(-1)])


def _block(dim: int) -> Context:
    return Context(dim, heads=HEADS, hidden=max(1, dim // 4))


def _similarity(
    frames: Float[Tensor, "clips frames dim"], names: Float[Tensor, "classes dim"]
) -> Float[Tensor, "clips classes frames"]:
    """The guarded cosine of every frame and every name."""
    return 1 - cosine_distances(frames, names[:, None], guard=GUARD)[..., 0]
