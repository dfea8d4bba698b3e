"""The HTTP server of an exported model: FastAPI on the runtime, nothing that trained it.

A request is answered with what `headstart predict` says of the same bytes. Images are neither
kept nor logged.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from headstart.deploy.batcher import Batcher, Full
from headstart.deploy.runtime import OnnxPredictor
from headstart.deploy.uploads import Limits, Refused, read_images
from headstart.errors import ImageError
from headstart.images.given import inputs_of
from headstart.images.photo import every_face_of
from headstart.tasks.protocol import Outputs

__all__ = ["create_app"]

# Of a crowd so many faces are named, those first that stand for the photo.
_FACES = 50
_PAGE = Path(__file__).parent / "page"
_FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
}
_OPEN = {*_FILES, "/health"}
_SAFE = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob: data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'none'",
}
_log = logging.getLogger("headstart.serve")

# What else an answer has is the task's to say (`Predictions.record`).
_FACE = {
    "type": "object",
    "required": ["box"],
    "properties": {
        "box": {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 4}
    },
    "additionalProperties": True,
}
_ANSWER = {
    "type": "object",
    "required": ["predictions", "milliseconds"],
    "properties": {
        "milliseconds": {"type": "number"},
        "predictions": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": {"type": "string"},
                    "faces": {"type": "array", "items": _FACE},
                    "error": {"type": "string"},
                },
                "additionalProperties": True,
            },
        },
    },
}
_PROBLEM = {
    "type": "object", "required": ["error"], "properties": {"error": {"type": "string"}},
}  # fmt: skip
_STATUSES = {
    400: "empty, incomplete, or a form without files",
    401: "the API key is missing or wrong",
    408: "the body did not arrive in time",
    413: "too many bytes or files",
    415: "neither an image nor a form",
    422: "not one of the images can be read",
    503: "busy; come back after as many seconds as Retry-After says",
}


def create_app(
    model: OnnxPredictor,
    *,
    key: str | None = None,
    limits: Limits | None = None,
    room: int = 64,
    threads: int = 2,
) -> FastAPI:
    """Builds the server's application.

    Args:
        model: What answers.
        key: Demanded of every request but those for the page and `/health`; None for none.
        limits: Of a request.
        room: Images that may be under way at once; beyond, requests get 503.
        threads: That decode images.
    """
    limits = limits or Limits()
    numbers = _Numbers()
    batcher = Batcher(model.outputs, room=room, seen=numbers.batches.observe)
    numbers.waiting.set_function(lambda: batcher.waiting)
    decoders = ThreadPoolExecutor(threads, "decode")
    about = model.about

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        batcher.start()
        # The first call allocates; it must not be somebody's.
        size = about.preprocess.size
        await batcher.outputs(np.zeros((about.tta, size, size, 3), np.uint8))
        yield
        await batcher.stop()
        decoders.shutdown(wait=False, cancel_futures=True)

    app = FastAPI(
        title="headstart", version="1", lifespan=lifespan, docs_url=None, redoc_url=None,
        description=f"A model of {about.spec.task}: {', '.join(about.spec.names)}.",
    )  # fmt: skip

    @app.middleware("http")
    async def around(request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Response:
        begun = time.perf_counter()
        path = request.url.path
        if key is not None and path not in _OPEN and not _allowed(request, key):
            response: Response = _problem(401, "send the API key as X-API-Key or as Bearer token")
        else:
            response = await go_on(request)
        for name, value in _SAFE.items():
            response.headers.setdefault(name, value)
        seconds = time.perf_counter() - begun
        route = path if path in _KNOWN else "other"
        numbers.requests.labels(route, str(response.status_code)).inc()
        numbers.seconds.labels(route).observe(seconds)
        entry = {
            "method": request.method, "path": route, "status": response.status_code,
            "milliseconds": round(1e3 * seconds, 1),
            "images": getattr(request.state, "images", 0),
        }  # fmt: skip
        _log.info(json.dumps(entry))
        return response

    async def one(name: str, data: bytes) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        try:
            seen = await loop.run_in_executor(decoders, _seen, data, model, limits.pixels)
        except ImageError as error:
            return {"name": name, "error": str(error)}
        found = await asyncio.gather(*(batcher.outputs(inputs) for _, inputs in seen))
        return _record(model, name, found, [box for box, _ in seen])

    @app.post(
        "/predict",
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {
                    "image/*": {"schema": {"type": "string", "format": "binary"}},
                    "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
                    "multipart/form-data": {
                        "schema": {
                            "type": "object",
                            "required": ["files"],
                            "properties": {
                                "files": {
                                    "type": "array", "minItems": 1, "maxItems": limits.files,
                                    "items": {"type": "string", "format": "binary"},
                                }
                            },
                        }
                    },
                },
            }
        },
        responses={
            200: {"description": "one prediction an image", "content": {
                "application/json": {"schema": _ANSWER}}},
            **{status: {"description": why, "content": {"application/json": {"schema": _PROBLEM}}}
               for status, why in _STATUSES.items()},
        },
        response_class=JSONResponse,
    )  # fmt: skip
    async def predict(request: Request) -> Response:
        """Names what is on one image (the raw body) or on several (a form with files)."""
        begun, taken = time.perf_counter(), 1
        try:
            # Before a byte is read, so that bodies that wait to be read are bounded too.
            batcher.enter(1)
        except Full:
            return _busy()
        try:
            images = await read_images(request, limits)
            batcher.enter(len(images) - 1)
            taken = len(images)
            request.state.images = len(images)
            found = await asyncio.gather(*(one(name, data) for name, data in images))
        except Refused as refused:
            return _problem(refused.status, refused.summary)
        except Full:
            return _busy()
        finally:
            batcher.leave(taken)
        numbers.images.inc(len(images))
        if all("error" in each for each in found):
            summary = "; ".join(f"{each['name']}: {each['error']}" for each in found[:3])
            return _problem(422, summary)
        spent = round(1e3 * (time.perf_counter() - begun), 2)
        return JSONResponse({"predictions": found, "milliseconds": spent})

    @app.get("/health")
    async def health() -> dict[str, str]:
        """Says that the server lives."""
        return {"status": "ok"}

    @app.get("/model")
    async def the_model() -> dict[str, Any]:
        """Says what answers: task, names, settings, threshold, input size, where it comes from."""
        return {
            **about.facts, **asdict(about.spec), "threshold": model.threshold,
            "precision": about.precision, "image_size": about.preprocess.size,
        }  # fmt: skip

    @app.get("/metrics", response_class=Response)
    async def metrics() -> Response:
        """Counters in Prometheus' format."""
        return Response(generate_latest(numbers.registry), media_type="text/plain; version=0.0.4")

    def page(path: str) -> Callable[[], Awaitable[Response]]:
        name, kind = _FILES[path]
        content = (_PAGE / name).read_bytes()

        async def give() -> Response:
            return Response(content, media_type=kind)

        return give

    for path in _FILES:
        app.get(path, include_in_schema=False)(page(path))
    return app


_KNOWN = {*_FILES, "/predict", "/health", "/model", "/metrics", "/openapi.json"}


class _Numbers:
    """What `/metrics` tells."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "headstart_requests", "Requests by path and status.", ["path", "status"],
            registry=self.registry,
        )  # fmt: skip
        self.seconds = Histogram(
            "headstart_request_seconds", "Time to answer.", ["path"], registry=self.registry
        )
        self.images = Counter("headstart_images", "Images answered.", registry=self.registry)
        self.batches = Histogram(
            "headstart_batch_images", "Images computed together.", registry=self.registry,
            buckets=(1, 2, 4, 8, 16),
        )  # fmt: skip
        self.waiting = Gauge(
            "headstart_waiting_images", "Images under way.", registry=self.registry
        )


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
    return [(photo.scale * face.box, inputs) for face, inputs in photo.faces[:_FACES]]


def _problem(status: int, summary: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"error": summary}, status_code=status, headers=headers)


def _busy() -> JSONResponse:
    return _problem(503, "busy: come back in a second", {"Retry-After": "1"})


def _allowed(request: Request, key: str) -> bool:
    """Compares in constant time, so that an answer's delay does not tell how much was right."""
    given = request.headers.get("x-api-key") or ""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        given = token.strip()
    return hmac.compare_digest(given.encode(), key.encode())
