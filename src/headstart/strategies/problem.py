"""`Problem`: the usable items of a data set, what belongs together, and who trains and tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from headstart.data.dataset import Dataset
from headstart.images.preprocess import Preprocess
from headstart.images.stats import ImageStats
from headstart.nets.pretrained.backbone import Backbone
from headstart.predictions import Predictions
from headstart.probe.cross_validate import CrossValidated, Round
from headstart.probe.frozen import Frozen
from headstart.records import OutputSpec
from headstart.tasks import decode_parts

if TYPE_CHECKING:
    from headstart.features.extract_maps import Maps

__all__ = ["FrozenNetwork", "Prepared", "Problem", "TestKind"]

TestKind = Literal["holdout", "cv"]


@dataclass(frozen=True)
class Prepared:
    """The readable, labelled items, in one order throughout.

    Attributes:
        dataset: N items.
        stats: Their N rows.
        clusters: (N,) int; items of one cluster never lie on both sides of a split.
        splits: (N,) str, who trains and who tests where there is one split.
        dropped: (N,) bool training items that a given split leaked into its test.
    """

    dataset: Dataset
    stats: ImageStats
    clusters: np.ndarray
    splits: np.ndarray
    dropped: np.ndarray


@dataclass(frozen=True)
class FrozenNetwork:
    """A pretrained network, how it looks at the images, and its vectors of them.

    Attributes:
        backbone: The network.
        preprocess: How images are fitted.
        tta: How many views of an image are averaged.
        features: Of the N usable items.
        maps: Of the same, in the place of features where every pixel is to be told.
    """

    backbone: Backbone
    preprocess: Preprocess
    tta: int
    features: Frozen
    maps: Maps | None = None


@dataclass(frozen=True)
class Problem:
    """Everything that is decided before anything is trained.

    Attributes:
        prepared: The items.
        rounds: Who trains, who tests, and what is learnt, once or as cross-validation.
        specs: What decodes the outputs of each round.
        final: What the model that is kept learns from.
        final_spec: What decodes its outputs.
        kind: How it is tested.
        summary: One sentence about that.
    """

    prepared: Prepared
    rounds: tuple[Round, ...]
    specs: tuple[OutputSpec, ...]
    final: Round
    final_spec: OutputSpec
    kind: TestKind
    summary: str

    @property
    def dataset(self) -> Dataset:
        """The N usable items."""
        return self.prepared.dataset

    @property
    def clusters(self) -> np.ndarray:
        """(N,) int; items of one cluster never lie on both sides of a split."""
        return self.prepared.clusters

    @property
    def items(self) -> np.ndarray:
        """(M,) int items that are tested, ascending."""
        return np.sort(np.concatenate([each.test for each in self.rounds]))

    def answers(self, outcome: CrossValidated, *, calibrated: bool = True) -> Predictions:
        """Returns the answers to all tested items, in order of item.

        Args:
            outcome: Of models for each round.
            calibrated: Whether temperature scaling has been done.
        """
        parts = [
            (
                fold.test,
                {"probabilities": fold.probabilities if calibrated else fold.uncalibrated},
                spec,
            )
            for fold, spec in zip(outcome.folds, self.specs, strict=True)
        ]
        return decode_parts(parts, self.dataset.names)[1]
