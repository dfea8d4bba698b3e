"""A tiny embedder of three people, for tests of what trains it."""

from __future__ import annotations

import numpy as np
from tests.nets.tiny import network, sees

from headstart.nets.learning.embedder import Embedder
from headstart.nets.stages import StagePool
from headstart.tasks.identity.learn import head
from headstart.tasks.identity.metric_loss import make_criterion
from headstart.tasks.identity.recipe import MetricRecipe

SIZE = 32
LABELS = np.repeat([0, 1, 2], 4)


def embedder(recipe: MetricRecipe, *, dimension: int = 0) -> Embedder:
    net = network(size=SIZE)
    columns = last_columns(net)
    rng = np.random.default_rng(0)
    given = rng.normal(size=(dimension, len(columns))).astype(np.float32) if dimension else None
    centres = rng.normal(size=(3, dimension or len(columns))).astype(np.float32)
    criterion = make_criterion(recipe, centres)
    projection = head(len(columns), centres.shape[1], given)
    return Embedder(net, sees(SIZE), columns, projection, criterion=criterion)


def last_columns(net) -> np.ndarray:
    layout = StagePool(net, sees(SIZE)).layout
    width = sum(each for _, each in layout)
    return np.arange(width - layout[-1][1], width)
