"""The HTTP server of an exported model: FastAPI on the runtime, nothing that trained it.

A request is answered with what `headstart predict` says of the same bytes. Images are neither
kept nor logged.
"""

from __future__ import annotations

import hmac
import json
import logging
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from headstart.deploy.counters import Counters
from headstart.deploy.openapi import RESPONSES, request_body
from headstart.deploy.runtime import OnnxPredictor
from headstart.deploy.service import Service, problem
from headstart.deploy.uploads import Limits

__all__ = ["create_app"]

_PAGE = Path(__file__).parent / "page"
_FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
}
_OPEN = {*_FILES, "/health"}
_KNOWN = {*_FILES, "/predict", "/health", "/model", "/metrics", "/openapi.json"}
_SAFE = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob: data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'none'",
}
_log = logging.getLogger("headstart.serve")

GoOn = Callable[[Request], Awaitable[Response]]


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
    service = Service(model, limits=limits, room=room, threads=threads)
    app = FastAPI(
        title="headstart", version="1", lifespan=service.lifespan, docs_url=None, redoc_url=None,
        description=f"A model of {model.spec.task}: {', '.join(model.spec.names)}.",
    )  # fmt: skip
    app.middleware("http")(_guard(key, service.counters))
    app.post(
        "/predict",
        openapi_extra={"requestBody": request_body(limits.files)},
        responses=RESPONSES,
        response_class=JSONResponse,
    )(service.predict)
    app.get("/health")(service.health)
    app.get("/model")(service.the_model)
    app.get("/metrics", response_class=Response)(service.metrics)
    for path in _FILES:
        app.get(path, include_in_schema=False)(_page(path))
    return app


def _guard(key: str | None, counters: Counters) -> Callable[[Request, GoOn], Awaitable[Response]]:
    """Returns what every request passes: the key, safe headers, the counters and the log."""

    async def around(request: Request, go_on: GoOn) -> Response:
        begun = time.perf_counter()
        path = request.url.path
        if key is not None and path not in _OPEN and not _allowed(request, key):
            response: Response = problem(401, "send the API key as X-API-Key or as Bearer token")
        else:
            response = await go_on(request)
        for name, value in _SAFE.items():
            response.headers.setdefault(name, value)
        seconds = time.perf_counter() - begun
        route = path if path in _KNOWN else "other"
        counters.requests.labels(route, str(response.status_code)).inc()
        counters.seconds.labels(route).observe(seconds)
        entry = {
            "method": request.method, "path": route, "status": response.status_code,
            "milliseconds": round(1e3 * seconds, 1),
            "images": getattr(request.state, "images", 0),
        }  # fmt: skip
        _log.info(json.dumps(entry))
        return response

    return around


def _page(path: str) -> Callable[[], Awaitable[Response]]:
    """Returns the endpoint that gives one file of the page."""
    name, kind = _FILES[path]
    content = (_PAGE / name).read_bytes()

    async def give() -> Response:
        return Response(content, media_type=kind)

    return give


def _allowed(request: Request, key: str) -> bool:
    """Compares in constant time, so that an answer's delay does not tell how much was right."""
    given = request.headers.get("x-api-key") or ""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        given = token.strip()
    return hmac.compare_digest(given.encode(), key.encode())
