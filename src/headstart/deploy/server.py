"""The HTTP server of an exported model: FastAPI on the runtime, nothing that trained it.

A request is answered with what `headstart predict` says of the same bytes. Images are neither
kept nor logged.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse

from headstart.deploy.access import Access
from headstart.deploy.answering import FORMS, sends_masks
from headstart.deploy.guard import Guard
from headstart.deploy.openapi import RESPONSES, masks_parameter, request_body
from headstart.deploy.runtime import OnnxPredictor
from headstart.deploy.service import Service
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


def create_app(
    model: OnnxPredictor,
    *,
    access: Access | None = None,
    limits: Limits | None = None,
    room: int = 64,
    threads: int = 2,
) -> FastAPI:
    """Builds the server's application.

    Args:
        model: What answers.
        access: Who may ask; by default everybody who reaches it.
        limits: Of a request.
        room: Images that may be under way at once; beyond, requests get 503.
        threads: Images that are decoded at once, each in a process of its own.
    """
    limits = limits or Limits()
    service = Service(model, limits=limits, room=room, threads=threads)
    app = FastAPI(
        title="headstart", version="1", lifespan=service.lifespan, docs_url=None, redoc_url=None,
        description=f"A model of {model.spec.task}: {', '.join(model.spec.names)}.",
    )  # fmt: skip
    extra: dict[str, Any] = {"requestBody": request_body(limits.files)}
    if sends_masks(model):
        extra["parameters"] = [masks_parameter(FORMS)]
    app.state.cut = service.cut
    app.add_middleware(
        Guard, access=access or Access(), counters=service.counters, known=_KNOWN, opened=_OPEN
    )
    app.post(
        "/predict",
        openapi_extra=extra,
        responses=RESPONSES,
        response_class=JSONResponse,
    )(service.predict)
    app.get("/health", response_class=JSONResponse)(service.health)
    app.get("/model", response_class=JSONResponse)(service.the_model)
    app.get("/metrics", response_class=Response)(service.metrics)
    for path in _FILES:
        app.get(path, include_in_schema=False)(_page(path))
    return app


def _page(path: str) -> Callable[[], Awaitable[Response]]:
    """Returns the endpoint that gives one file of the page."""
    name, kind = _FILES[path]
    content = (_PAGE / name).read_bytes()

    async def give() -> Response:
        return Response(content, media_type=kind)

    return give
