"""`Answering`: threads that turn outputs into answers, where an answer is work: a mask, say.

The server's loop goes on meanwhile, and no more answers are made at once than images decoded.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from headstart.deploy.answers import ImageAnswer, answer_of
from headstart.tasks import task_of
from headstart.tasks.predictor import Predictor
from headstart.tasks.protocol import Outputs

__all__ = ["FORMS", "Answering", "sends_masks"]

FORMS = ("png", "rle", "none")
"""How a mask can be asked for."""


def sends_masks(model: Predictor) -> bool:
    """Tells whether a model answers every pixel."""
    return hasattr(task_of(model.spec.task), "served")


class Answering:
    """Makes the answers of one model.

    Args:
        model: What answers.
        count: Answers that are made at once, where they are work.
    """

    def __init__(self, model: Predictor, count: int) -> None:
        self._model = model
        self._pool = ThreadPoolExecutor(count, "answer") if sends_masks(model) else None
        self._waiting: dict[object, float] = {}

    @property
    def delay(self) -> float:
        """Seconds that the answer which waits longest has waited."""
        return time.monotonic() - min(self._waiting.values()) if self._waiting else 0.0

    async def of(
        self, name: str, found: Sequence[Outputs], boxes: Sequence[np.ndarray], form: str
    ) -> ImageAnswer:
        """Returns the answer to an image, as `answer_of` does.

        Args:
            name: Of the image.
            found: Outputs of what was seen on it, each (1, ...).
            boxes: Where that was, each (4,) in pixels.
            form: How masks are sent, one of `FORMS`.
        """
        if self._pool is None:
            return answer_of(self._model, name, found, boxes)
        ticket = object()
        self._waiting[ticket] = time.monotonic()

        def answer() -> ImageAnswer:
            return answer_of(self._model, name, found, boxes, form=form)

        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, answer)
        finally:
            del self._waiting[ticket]

    def stop(self) -> None:
        """Ends the threads; what was let in has been answered before."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
