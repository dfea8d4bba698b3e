"""`Service`: what answers behind the server: images are decoded, batched and counted."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

import numpy as np
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import generate_latest

from headstart.deploy.batcher import Batcher, Full
from headstart.deploy.counters import Counters
from headstart.deploy.runtime import OnnxPredictor
from headstart.deploy.uploads import Limits, Refused, read_images
from headstart.errors import ImageError
from headstart.images.given import inputs_of
from headstart.images.photo import every_face_of
from headstart.tasks.protocol import Outputs

__all__ = ["Service", "problem"]

# Of a crowd so many faces are named, those first that stand for the photo.
_FACES = 50


class Service:
    """One model and what stands between it and the requests.

    Its public coroutines are the server's endpoints.

    Args:
        model: What answers.
        limits: Of a request.
        room: Images that may be under way at once; beyond, requests get 503.
        threads: That decode images.

    Attributes:
        counters: What `/metrics` tells.
    """

    def __init__(self, model: OnnxPredictor, *, limits: Limits, room: int, threads: int) -> None:
        self.counters = Counters()
        self._model, self._limits = model, limits
        self._batcher = Batcher(model.outputs, room=room, seen=self.counters.batches.observe)
        self.counters.waiting.set_function(lambda: self._batcher.waiting)
        self._decoders = ThreadPoolExecutor(threads, "decode")

    @contextlib.asynccontextmanager
    async def lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        """Runs the batcher while the server lives."""
        self._batcher.start()
        # The first call allocates; it must not be somebody's.
        about = self._model.about
        size = about.preprocess.size
        await self._batcher.outputs(np.zeros((about.tta, size, size, 3), np.uint8))
        yield
        await self._batcher.stop()
        self._decoders.shutdown(wait=False, cancel_futures=True)

    async def predict(self, request: Request) -> Response:
        """Names what is on one image (the raw body) or on several (a form with files)."""
        begun, taken = time.perf_counter(), 1
        try:
            # Before a byte is read, so that bodies that wait to be read are bounded too.
            self._batcher.enter(1)
        except Full:
            return _busy()
        try:
            images = await read_images(request, self._limits)
            self._batcher.enter(len(images) - 1)
            taken = len(images)
            request.state.images = len(images)
            found = await asyncio.gather(*(self._one(name, data) for name, data in images))
        except Refused as refused:
            return problem(refused.status, refused.summary)
        except Full:
            return _busy()
        finally:
            self._batcher.leave(taken)
        self.counters.images.inc(len(images))
        if all("error" in each for each in found):
            summary = "; ".join(f"{each['name']}: {each['error']}" for each in found[:3])
            return problem(422, summary)
        spent = round(1e3 * (time.perf_counter() - begun), 2)
        return JSONResponse({"predictions": found, "milliseconds": spent})

    async def health(self) -> dict[str, str]:
        """Says that the server lives."""
        return {"status": "ok"}

    async def the_model(self) -> dict[str, Any]:
        """Says what answers: task, names, settings, threshold, input size, where it comes from."""
        about = self._model.about
        return {
            **about.facts, **asdict(about.spec), "threshold": self._model.threshold,
            "precision": about.precision, "image_size": about.preprocess.size,
        }  # fmt: skip

    async def metrics(self) -> Response:
        """Counters in Prometheus' format."""
        content = generate_latest(self.counters.registry)
        return Response(content, media_type="text/plain; version=0.0.4")

    async def _one(self, name: str, data: bytes) -> dict[str, Any]:
        """Returns what is said of one image."""
        loop = asyncio.get_running_loop()
        try:
            seen = await loop.run_in_executor(
                self._decoders, _seen, data, self._model, self._limits.pixels
            )
        except ImageError as error:
            return {"name": name, "error": str(error)}
        found = await asyncio.gather(*(self._batcher.outputs(inputs) for _, inputs in seen))
        return _record(self._model, name, found, [box for box, _ in seen])


def problem(status: int, summary: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """Returns a refusal with its reason."""
    return JSONResponse({"error": summary}, status_code=status, headers=headers)


def _busy() -> JSONResponse:
    return problem(503, "busy: come back in a second", {"Retry-After": "1"})


def _record(
    model: OnnxPredictor, name: str, found: Sequence[Outputs], boxes: list[np.ndarray]
) -> dict[str, Any]:
    """Returns the answer to an image, and to every face on it where those are what is seen."""
    outputs = {key: np.concatenate([each[key] for each in found]) for key in found[0]}
    faces = model.preprocess.faces is not None
    predictions = model.decode(
        outputs, [name] * len(found), boxes=np.stack(boxes) if faces else None
    )
    records = [predictions.record(i) for i in range(len(predictions))]
    if not faces:
        return records[0]
    whole = {key: value for key, value in records[0].items() if key != "box"}
    return whole | {"faces": [{k: v for k, v in one.items() if k != "name"} for one in records]}


def _seen(data: bytes, model: OnnxPredictor, pixels: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Returns what is to be named: (box, inputs) of the image, or of the faces on it."""
    preprocess, tta = model.about.preprocess, model.about.tta
    if preprocess.faces is None:
        return [(np.zeros(4), inputs_of(data, preprocess, tta, max_pixels=pixels))]
    photo = every_face_of(preprocess, tta, data, max_pixels=pixels)
    return [(photo.ratio * face.box, inputs) for face, inputs in photo.faces[:_FACES]]
