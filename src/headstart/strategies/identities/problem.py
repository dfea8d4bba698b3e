"""`IdentityProblem`: who trains and who is held out, and how any embedding is measured on those."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headstart.checks.duplicates import clusters as find_clusters
from headstart.compute import Compute
from headstart.errors import OptionError
from headstart.metrics.retrieval import Retrieved, retrieve
from headstart.nets.learning.embedder import project
from headstart.strategies.problem import FrozenNetwork, Prepared
from headstart.tasks.identity.embed import IdentityMaterial
from headstart.tasks.identity.enrolled import enrolled_scores
from headstart.tasks.identity.recipe import MetricRecipe
from headstart.tasks.identity.split import IdentitySplit, split_identities
from headstart.tasks.identity.whiten import whitening

__all__ = ["IdentityProblem", "MeasuredEmbedding", "frozen_embeddings", "make_identity_problem"]


@dataclass(frozen=True)
class MeasuredEmbedding:
    """One embedding, measured on the identities held out.

    Attributes:
        name: ``"frozen"``, ``"whitened"``, ``"softmax"`` or the loss.
        summary: For people.
        found: What every test image found among the other test images.
        items: (M,) int test items that have another image of their identity.
        scores: (M, K) of those for the identities held out, each enrolled by the others' images.
        seconds: It took to learn.
    """

    name: str
    summary: str
    found: Retrieved
    items: np.ndarray
    scores: np.ndarray
    seconds: float = 0.0


@dataclass(frozen=True)
class IdentityProblem:
    """Everything that is decided before anything is trained.

    Attributes:
        prepared: N usable items; classes are identities.
        network: With its frozen features of them.
        split: Who trains and who tests.
        copies: (N,) int; near-duplicates share a number.
        dropped: (N,) bool training items left out: near-duplicates or groups of test items.
        compute: Where, and from which seed.
    """

    prepared: Prepared
    network: FrozenNetwork
    split: IdentitySplit
    copies: np.ndarray
    dropped: np.ndarray
    compute: Compute

    @property
    def identities(self) -> np.ndarray:
        """(N,) int64: whom each item shows."""
        return self.prepared.dataset.labels.strata

    @property
    def columns(self) -> np.ndarray:
        """(d,) int which of the backbone's vectors are the embedding."""
        return self.network.features.sets["last"]

    @property
    def items(self) -> np.ndarray:
        """(T,) int training items, ascending."""
        return np.flatnonzero(self.split.train & ~self.dropped)

    @property
    def test(self) -> np.ndarray:
        """(S,) int items of the identities held out, ascending."""
        return np.flatnonzero(self.split.test)

    @property
    def unseen(self) -> np.ndarray:
        """(K,) int the identities held out, ascending."""
        return np.unique(self.identities[self.test])

    @property
    def material(self) -> IdentityMaterial:
        """What every training shares."""
        network = self.network
        return IdentityMaterial(
            self.prepared.dataset, network.features.vectors, self.columns, self.copies,
            network.backbone, network.preprocess,
        )  # fmt: skip

    def measure(
        self, name: str, summary: str, unit: np.ndarray, seconds: float = 0.0
    ) -> MeasuredEmbedding:
        """Measures an embedding on the identities held out.

        Args:
            name: Of the embedding.
            summary: For people.
            unit: (S, E) unit rows of the test items.
            seconds: It took to learn.

        Raises:
            OptionError: If nobody held out has two images.
        """
        identities, copies = self.identities[self.test], self.copies[self.test]
        found = retrieve(unit, identities, copies=copies)
        if not len(found.items):
            raise OptionError(
                "nobody held out has two different images, so nobody can be known again: give "
                "people with several images each, or another --seed"
            )
        scores, _, asked = enrolled_scores(unit, identities, copies)
        return MeasuredEmbedding(name, summary, found, self.test[asked], scores[asked], seconds)


def make_identity_problem(
    prepared: Prepared, network: FrozenNetwork, recipe: MetricRecipe, compute: Compute
) -> IdentityProblem:
    """Holds identities out, and takes what would give them away out of the training.

    Args:
        prepared: The usable items.
        network: With its frozen features of them.
        recipe: Says how many identities are held out.
        compute: Its seed draws them.

    Raises:
        DataError: If there are too few identities.
    """
    dataset, clusters = prepared.dataset, prepared.clusters
    labels = dataset.labels
    split = split_identities(
        labels.strata, dataset.splits, labels.kinds, unseen=recipe.unseen, seed=compute.seed
    )
    # A group may be the person itself; copies are about images.
    copies = clusters if dataset.groups is None else find_clusters(prepared.stats, None)
    dropped = split.train & np.isin(clusters, np.unique(clusters[split.test]))
    return IdentityProblem(prepared, network, split, copies, dropped, compute)


def frozen_embeddings(
    problem: IdentityProblem, recipe: MetricRecipe
) -> tuple[list[MeasuredEmbedding], np.ndarray | None]:
    """Measures what needs no training; the last of it is where training begins.

    Args:
        problem: Who trains and who tests.
        recipe: Says whether training begins at a whitening.

    Returns:
        The frozen features, and the whitened ones where training begins there; and their (E, d)
        float32 projection, or None.
    """
    vectors, columns, items = problem.network.features.vectors, problem.columns, problem.items
    tested = vectors[problem.test]
    frozen = problem.measure(
        "frozen", "frozen features, nearest image by cosine", project(tested, columns, None)
    )
    if recipe.head != "whitened":
        return [frozen], None
    start = whitening(
        vectors[items][:, columns], problem.identities[items], dimension=recipe.dimension,
        seed=problem.compute.seed,
    )  # fmt: skip
    unit = project(tested, columns, start)
    return [frozen, problem.measure("whitened", "the same, whitened within people", unit)], start
