"""Rows that are trained: on one split, chosen on another, tested on a third."""

from collections.abc import Callable
from functools import partial

import torch

from lga.config import MethodConfig, TrainConfig
from lga.evaluation.compare import TrainedRow
from lga.evaluation.dataset import LoadedDataset
from lga.evaluation.tables import Row
from lga.methods.catalogue import find_method
from lga.methods.lga import lga_scorer, pairwise_matrix
from lga.methods.protocol import Dataset
from lga.model.head import Head
from lga.training.fit import Fitted, Run, fit_head, fit_method
from lga.training.learner import Adapted
from lga.training.loop import TrainStep
from lga.training.run import refuse_shared
from lga.training.select import ValidationResult

CHOSEN_ON = "val"


class RowTrainer:
    """Trains rows on the split `train` and chooses on `val`; rows of LGA that differ in their match share one head."""

    def __init__(
        self,
        read: Callable[[MethodConfig, str], LoadedDataset],
        tested: LoadedDataset,
        settings: TrainConfig,
        tell: Callable[[int, int], object],
    ):
        """`read` gives a split as settings want it; `tell` hears how many episodes of how many are done."""
        self.read, self.tested, self.settings, self.tell = read, tested, settings, tell
        self.heads: dict[MethodConfig, Fitted[Head]] = {}

    def train(self, row: Row, dataset: Dataset) -> TrainedRow:
        """Train one row, and let it read the dataset that it will be tested on.

        Raises:
            ManifestError: a class or clip is in two splits, or a split cannot fill its episodes.
            TrainingError: the loss is not finite.
        """
        if row.peer is not None:
            peer = self._peer(row.peer, row.method)
            return TrainedRow(peer.part(dataset), _choice(peer.chosen, peer.untrained))
        if row.method not in self.heads:
            self.heads[row.method] = self._head(row.method)
        fitted = self.heads[row.method]
        matrix = pairwise_matrix(dataset, fitted.method, head=fitted.part)
        chosen = {"text_shots": fitted.method.text_shots, "temperature": fitted.method.temperature}
        return TrainedRow(
            lga_scorer(matrix, fitted.method, match=row.match), _choice(fitted.chosen, fitted.untrained) | chosen
        )

    @torch.enable_grad()
    def _peer(self, name: str, method: MethodConfig) -> Fitted[Adapted]:
        return fit_method(find_method(name).build, *self._splits(method), self._run())

    @torch.enable_grad()
    def _head(self, method: MethodConfig) -> Fitted[Head]:
        return fit_head(*self._splits(method), method, self._run())

    def _splits(self, method: MethodConfig) -> tuple[LoadedDataset, LoadedDataset]:
        training, validation = (self.read(method, split) for split in ("train", CHOSEN_ON))
        refuse_shared(training, (validation, self.tested))
        refuse_shared(validation, (self.tested,))
        return training, validation

    def _run(self) -> Run:
        return Run(self.settings, tell=partial(_pass_on, self.tell, self.settings.tasks))


def _pass_on(tell: Callable[[int, int], object], tasks: int, event: object) -> None:
    if isinstance(event, TrainStep):
        tell(event.task, tasks)


def _choice(chosen: ValidationResult, untrained: ValidationResult) -> dict[str, object]:
    """What was chosen, and what it reached where it was chosen."""
    return {
        "chosen_on": CHOSEN_ON,
        "chosen": chosen.model_dump(mode="json"),
        "untrained": untrained.model_dump(mode="json"),
    }
