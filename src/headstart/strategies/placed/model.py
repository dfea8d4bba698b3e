"""A model that answers with places on items of a data set, from their files."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from headstart.compute import Compute
from headstart.images.inputs import InputImages
from headstart.images.preprocess import Preprocess
from headstart.images.views import views_of
from headstart.nets.model import Model
from headstart.nets.place_runner import PlaceRunner
from headstart.strategies.problem import Prepared
from headstart.tasks.protocol import Outputs

__all__ = ["run_model", "sizes_and_matrices"]

_BYTES = 1 << 28


def run_model(
    model: Model, prepared: Prepared, items: np.ndarray, compute: Compute, *, batch: int
) -> Iterator[Outputs]:
    """Yields the outputs of a model for some items, so many at a time.

    Args:
        model: Whose head reads maps.
        prepared: The usable items.
        items: (n,) int.
        compute: Where, and who hears of progress.
        batch: Items at a time; fewer of large ones.
    """
    inputs = InputImages(
        prepared.dataset.take(items), model.preprocess, workers=compute.workers,
        progress=compute.progress,
    )  # fmt: skip
    runner = PlaceRunner(model, images=len(items) * model.tta, device=compute.device)
    views = views_of(model.tta)
    batch = max(1, min(batch, _BYTES // (3 * model.preprocess.size**2 * model.tta)))
    for start in range(0, len(items), batch):
        stop = min(start + batch, len(items))
        squares = [inputs[i] for i in range(start, stop)]
        yield runner(np.stack([[view.shown(each) for view in views] for each in squares]))
        compute.progress("answering for the test images", stop, len(items))


def sizes_and_matrices(prepared: Prepared, items: np.ndarray, preprocess: Preprocess) -> Outputs:
    """Returns ``sizes`` and ``matrices`` of some items, which go with outputs of them."""
    stats = prepared.stats
    sizes = np.stack([stats.widths[items], stats.heights[items]], axis=1).astype(np.int32)
    matrices = [preprocess.matrix(int(width), int(height)) for width, height in sizes]
    return {"sizes": sizes, "matrices": np.array(matrices, np.float32).reshape(-1, 2, 3)}
