"""`Service`: what answers behind the server: images are decoded, batched and counted."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import asdict

import numpy as np
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import generate_latest

from headstart.deploy.answering import FORMS, Answering
from headstart.deploy.answers import ImageAnswer, finite
from headstart.deploy.arrivals import Arrivals
from headstart.deploy.batcher import Batcher, Full
from headstart.deploy.counters import Counters
from headstart.deploy.decoders import Decoders, Stopped, TooSlow
from headstart.deploy.guard import problem
from headstart.deploy.runtime import OnnxPredictor
from headstart.deploy.uploads import Limits, Refused, read_images
from headstart.errors import ImageError
from headstart.images.views import every_view

__all__ = ["Service"]

# Where an image has waited for so many seconds, nobody should be told that all is well.
_UNWELL_SECONDS = 5.0
_AGAIN = {"Retry-After": "1"}
_STOPPING = "the server is stopping: ask again later"
_SPENT = "not looked at: another image of the request took too long to decode"


class Service:
    """One model and what stands between it and the requests.

    Its public coroutines are the server's endpoints.

    Args:
        model: What answers.
        limits: Of a request.
        room: Images that may be under way at once; beyond, requests get 503.
        threads: Images that are decoded at once, each in a process.

    Attributes:
        counters: What `/metrics` tells.
    """

    def __init__(self, model: OnnxPredictor, *, limits: Limits, room: int, threads: int) -> None:
        self.counters = Counters()
        self._model, self._limits, self._room = model, limits, room
        self._batcher = Batcher(
            model.settled, most=model.together, room=room, seen=self.counters.batches.observe
        )
        self.counters.waiting.set_function(lambda: self._batcher.waiting)
        self._arrivals = Arrivals()
        self._side_by_side = threads
        self._answering = Answering(model, threads)
        self._decoders = Decoders(
            model.about.preprocess, model.about.tta,
            pixels=limits.pixels, seconds=limits.decoding, count=threads,
        )  # fmt: skip

    @contextlib.asynccontextmanager
    async def lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        """Runs decoders and batcher while the server lives."""
        self._batcher.start()
        try:
            await self._decoders.start()
            # The first call allocates; it must not be somebody's.
            about = self._model.about
            size = about.preprocess.size
            square = np.zeros((size, size, 3), np.uint8)
            await self._batcher.outputs(every_view(square, about.preprocess.count(about.tta)))
            yield
        finally:
            self._answering.stop()
            await self._batcher.stop()
            await self._decoders.stop()

    def cut(self) -> None:
        """Refuses what has not arrived or is not decoded: the server is stopping."""
        self._arrivals.cut()
        self._decoders.cut()

    async def predict(self, request: Request) -> Response:
        """Names what is on one image (the raw body) or on several (a form with files)."""
        begun, taken = time.perf_counter(), 1
        form = request.query_params.get("masks", FORMS[0])
        if form not in FORMS:
            return problem(400, f"?masks={form[:20]}: choose {', '.join(FORMS)}")
        try:
            # Before a byte is read, so that bodies that wait to be read are bounded too.
            await self._enter()
        except Full:
            return _busy()
        try:
            async with self._arrivals.reading():
                images = await read_images(request, self._limits)
            self._batcher.enter(len(images) - 1)
            taken = len(images)
            request.state.images = len(images)
            found = await self._all(images, form)
        except Refused as refused:
            return problem(refused.status, refused.summary)
        except Full:
            return _busy()
        except TimeoutError:
            why = "the request arrives too slowly while others wait: send it again"
            return problem(503, _STOPPING if self._decoders.stopping else why, _AGAIN)
        finally:
            self._batcher.leave(taken)
        self.counters.images.inc(len(images))
        if any(each.status == 500 for each in found):
            request.state.mistake = {"error": "the model gave no number"}
        if all("error" in each.record for each in found):
            summary = "; ".join(f"{e.record['name']}: {e.record['error']}" for e in found[:3])
            status = max(each.status for each in found)
            return problem(status, summary, _AGAIN if status == 503 else None)
        spent = round(1e3 * (time.perf_counter() - begun), 2)
        return JSONResponse({"predictions": [e.record for e in found], "milliseconds": spent})

    async def health(self) -> Response:
        """Says that the server lives, and whether it gets anything done."""
        late = max(self._decoders.delay, self._batcher.delay, self._answering.delay)
        if late > _UNWELL_SECONDS:
            summary = f"overloaded: an image has waited for {late:.0f} seconds"
            return JSONResponse({"status": "overloaded", "error": summary}, 503, _AGAIN)
        return JSONResponse({"status": "ok"})

    async def the_model(self) -> Response:
        """Says what answers: task, names, settings, threshold, input size, where it comes from."""
        about = self._model.about
        facts = {
            **about.facts, **asdict(about.spec), "threshold": self._model.threshold,
            "precision": about.precision, "image_size": about.preprocess.size,
        }  # fmt: skip
        return JSONResponse(finite(facts))

    async def metrics(self) -> Response:
        """Counters in Prometheus' format."""
        content = generate_latest(self.counters.registry)
        return Response(content, media_type="text/plain; version=0.0.4")

    async def _enter(self) -> None:
        """Takes room for a request; where slow senders hold half of it, the slowest gives way.

        Raises:
            Full: If there is none.
        """
        try:
            self._batcher.enter(1)
        except Full:
            if not await self._arrivals.make_room(self._room // 2):
                raise
            self._batcher.enter(1)

    async def _all(self, images: list[tuple[str, bytes]], form: str) -> list[ImageAnswer]:
        """Returns what is said of the images of one request, which never takes all decoders."""
        turns = asyncio.Semaphore(self._side_by_side)
        late = asyncio.Event()

        async def one(name: str, data: bytes) -> ImageAnswer:
            try:
                async with turns:
                    if late.is_set():
                        return ImageAnswer.failed(name, 422, _SPENT)
                    seen = await self._decoders.decode(data)
            except Stopped:
                return ImageAnswer.failed(name, 503, _STOPPING)
            except ImageError as error:
                if isinstance(error, TooSlow):
                    late.set()
                return ImageAnswer.failed(name, 422, error)
            found = await asyncio.gather(*(self._batcher.outputs(inputs) for _, inputs in seen))
            return await self._answering.of(name, found, [box for box, _ in seen], form)

        # All end before one's mistake is told: their room is given back after that.
        found = await asyncio.gather(*(one(*each) for each in images), return_exceptions=True)
        for each in found:
            if isinstance(each, BaseException):
                raise each
        return [each for each in found if isinstance(each, ImageAnswer)]


def _busy() -> JSONResponse:
    return problem(503, "busy: come back in a second", _AGAIN)
