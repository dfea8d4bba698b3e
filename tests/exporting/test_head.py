"""The head of a graph scores as numpy does."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from headstart.exporting.head import HeadModule
from headstart.metrics.vectors import unit_rows
from headstart.nets.heads.head import Head

FIRST, WIDTH, CLASSES = 3, 4, 3


def head(kind: str, projected: bool = False) -> Head:
    """One that reads four of the columns from `FIRST` on, or two axes of these."""
    rng = np.random.default_rng(0)
    d = 2 if projected else WIDTH

    def normal(*shape: int) -> np.ndarray:
        return rng.normal(size=shape).astype(np.float32)

    arrays = {
        "linear": lambda: {"weights": normal(CLASSES, d), "bias": normal(CLASSES)},
        "prototypes": lambda: {"prototypes": unit_rows(normal(CLASSES, d))},
        "neighbours": lambda: {
            "memory": unit_rows(normal(20, d)), "labels": rng.integers(0, CLASSES, 20),
        },
    }[kind]()  # fmt: skip
    if kind != "linear":
        arrays |= {"mean": normal(d), "scale": np.abs(normal(d))}
    if projected:
        arrays["projection"] = normal(d, WIDTH)
    return Head(kind, FIRST + np.array([4, 1, 2, 0]), arrays, CLASSES, k=5)


@pytest.mark.parametrize(
    ("kind", "projected"),
    [("linear", False), ("prototypes", False), ("neighbours", False), ("prototypes", True),
     ("neighbours", True)],
)  # fmt: skip
def test_scores_are_those_of_numpy(kind, projected):
    vectors = np.random.default_rng(1).normal(size=(30, FIRST + 5)).astype(np.float32)
    plain = head(kind, projected)
    found = HeadModule(plain)(torch.from_numpy(vectors)).numpy()
    np.testing.assert_allclose(found, plain.scores(vectors), atol=1e-4)


def test_fewer_memories_than_neighbours_vote_all():
    rng = np.random.default_rng(0)
    memory = unit_rows(rng.normal(size=(2, 4)).astype(np.float32))
    arrays = {
        "mean": np.zeros(4, np.float32), "scale": np.ones(4, np.float32), "memory": memory,
        "labels": np.array([0, 1]),
    }  # fmt: skip
    plain = Head("neighbours", np.arange(4), arrays, CLASSES, k=9)
    found = HeadModule(plain)(torch.from_numpy(memory)).numpy()
    np.testing.assert_allclose(found, plain.scores(memory), atol=1e-5)
