"""What is trained: a method on adapted features, and the loss of one episode."""

import torch
from einops import repeat
from jaxtyping import Float, Int
from torch import Tensor, nn

from lga.config import MethodConfig, TrainConfig
from lga.core.distance import class_distances
from lga.core.loss import contrastive_loss
from lga.errors import SettingsError
from lga.methods.protocol import Dataset, Method, Scorer, Tasks
from lga.model.head import Adapter, Head
from lga.model.matching import LGA


class EpisodicLGA(nn.Module):
    """LGA's video match for the clips of one episode: logits = -D, the mean distance to a class's examples.

    `lga.methods.lga` scores the same from a matrix of all clips; training needs few of its entries.

    Source: LGA (arXiv:2507.16287): training uses the video match only.
    """

    def __init__(self, head: Head, config: MethodConfig):
        super().__init__()
        self.head, self.config = head, config

    def forward(self, dataset: Dataset) -> Scorer:
        """Match the clips of each episode when it is asked about."""

        def score(tasks: Tasks) -> Float[Tensor, "episodes queries way"]:
            both = zip(tasks.query.flatten(1), tasks.support.flatten(1), strict=True)
            support_label = repeat(torch.arange(tasks.support.shape[1]), "w -> (w k)", k=tasks.support.shape[2])
            distance = torch.stack([self._match(dataset, query, support) for query, support in both])
            support_label = support_label.to(distance.device)
            return -class_distances(distance, support_label, tasks.support.shape[1], pooling=self.config.pooling)

        return score

    def _match(
        self, dataset: Dataset, query: Int[Tensor, " queries"], support: Int[Tensor, " examples"]
    ) -> Float[Tensor, "queries examples"]:
        asked, shown = dataset.frames[query], dataset.frames[support]
        moving = (None, None) if dataset.motion is None else (dataset.motion[query], dataset.motion[support])
        text = dataset.sentences[dataset.label[support]]
        lga = LGA(self.config, dataset.space, self.head)
        cuts = lga.cut(asked, moving[0]), lga.cut(shown, moving[1])
        return lga.distances(lga.fuse(asked, cuts[0], None), lga.fuse(shown, cuts[1], text))


class Adapted(nn.Module):
    """Any method on adapted features: the dataset's visual part is replaced before the method sees it.

    Source: our choice, so that peers are trained on the features that LGA's head is trained on.
    """

    def __init__(self, adapter: Adapter, method: Method):
        super().__init__()
        self.adapter, self.method = adapter, method

    def forward(self, dataset: Dataset) -> Scorer:
        """Take frames and texts through the adapter, and keep the semantic part beside them."""
        meaning = dataset.space.semantic
        frames = torch.cat([self.adapter.project(dataset.frames), dataset.frames[..., meaning]], -1)
        sentences, names = (
            torch.cat([self.adapter.read(text), text[..., meaning]], -1) for text in (dataset.sentences, dataset.names)
        )
        return self.method(
            Dataset(frames, dataset.label, sentences, names, self.adapter.beside_meaning, stages=dataset.stages)
        )


class Learner(nn.Module):
    """loss = CE(logits, y) + contrast * CE(scale * cos(mean_t project(f_t), read(name)), y_base), for one episode.

    Source: LGA (arXiv:2507.16287), "Training"; the second term as in CLIP-FSAR (arXiv:2303.02982).
    """

    def __init__(
        self, method: nn.Module, adapter: Adapter, *, contrast: float, scale: float, vision: nn.Module | None = None
    ):
        super().__init__()
        self.method, self.adapter, self.vision = method, adapter, vision
        self.contrast, self.scale = contrast, scale

    def forward(
        self,
        clips: Tensor,
        label: Int[Tensor, " clips"],
        sentences: Float[Tensor, "classes stages dim"],
        names: Float[Tensor, "classes dim"],
        classes: Int[Tensor, " way"],
        query: Int[Tensor, "way queries"],
        support: Int[Tensor, "way shots"],
    ) -> tuple[Float[Tensor, ""], Float[Tensor, ""], Float[Tensor, ""]]:
        """The loss, its contrastive part before weighing, and the share of right answers, 0 to 1.

        `clips` are an episode's clips as features, or as pixels where a vision tower is trained; `label` numbers their
        classes among all base classes, whose sentences and names are given; `query` and `support` number the clips.
        """
        frames = clips if self.vision is None else self.vision(clips)
        dataset = Dataset(frames, label, sentences, names, self.adapter.space)
        logits = self.method(dataset)(Tasks(classes[None], query[None], support[None]))[0]
        truth = repeat(torch.arange(len(classes), device=logits.device), "w -> (w q)", q=query.shape[1])
        loss = nn.functional.cross_entropy(logits.float(), truth)
        right = (logits.argmax(-1) == truth).float().mean()
        if not self.contrast:
            return loss, loss.new_zeros(()), right
        mean = self.adapter.project(frames).mean(1)
        contrast = contrastive_loss(mean, self.adapter.read(names), label, scale=self.scale)
        return loss + self.contrast * contrast, contrast.detach(), right


def stages_to_train(method: MethodConfig) -> int:
    """The number of stages that clips are cut into in training.

    Raises:
        SettingsError: every class is to have its own.
    """
    if method.stages == "auto":
        raise SettingsError(
            "--stages auto: a head is trained with one number of stages; give one here, and auto where it is used"
        )
    return method.stages


def head_learner(head: Head, method: MethodConfig, settings: TrainConfig, vision: nn.Module | None = None) -> Learner:
    """LGA's head with its loss, as it is trained: a class's examples pooled by their mean, no hubs corrected.

    Raises:
        SettingsError: every class is to have its own number of stages.

    Source: LGA (arXiv:2507.16287), "Training"; it has neither softmin nor hub correction.
    """
    stages_to_train(method)
    paper = method.model_copy(update={"pooling": "mean", "hub_correction": 0.0})
    return Learner(
        EpisodicLGA(head, paper),
        head.adapter,
        contrast=settings.contrast,
        scale=settings.contrast_scale,
        vision=vision,
    )
