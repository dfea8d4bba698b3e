"""`Guard`: what every request passes: who may ask, counters, the log, mistakes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Iterable
from typing import Any

from fastapi import Response
from fastapi.responses import JSONResponse
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from headstart.deploy.access import Access
from headstart.deploy.counters import Counters
from headstart.deploy.decoders import DecodeFault
from headstart.deploy.decoding import place_of

__all__ = ["Guard", "problem"]

_SAFE = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob: data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'none'",
}
_log = logging.getLogger("headstart.serve")


def problem(status: int, summary: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """Returns a refusal with its reason."""
    return JSONResponse({"error": summary}, status_code=status, headers=headers)


class _Answer:
    """What is sent, with the headers that every answer has, and without a body to `HEAD`."""

    def __init__(self, send: Send, headers: dict[str, str], head: bool) -> None:
        self._send, self._headers, self._head = send, headers, head
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in self._headers.items():
                headers.setdefault(name, value)
        elif self._head and message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await self._send(message)


class Guard:
    """Stands around the whole application.

    Args:
        app: What answers.
        access: Who may ask.
        counters: Where requests are counted.
        known: Paths that are counted and logged by their name.
        opened: Paths that need no key.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        access: Access,
        counters: Counters,
        known: Iterable[str],
        opened: Iterable[str],
    ) -> None:
        self._app, self._access, self._counters = app, access, counters
        self._known, self._open = frozenset(known), frozenset(opened)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request, as ASGI has it."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        begun, headers, method = time.perf_counter(), Headers(scope=scope), scope["method"]
        head = method == "HEAD"
        scope.setdefault("state", {})
        answer = _Answer(send, _SAFE | self._access.cors(headers), head)
        mistake: dict[str, str] = {}
        try:
            refused = self._refused(scope, headers)
            if refused is not None:
                await refused(scope, receive, answer)
            else:  # whatever has a GET has a HEAD
                given = {**scope, "method": "GET"} if head else scope
                await self._app(given, receive, answer)
        except asyncio.CancelledError:
            # The server's last moment; raised again it would be a traceback and no answer.
            if not answer.status:
                busy = problem(503, "the server is stopping: ask again later", {"Retry-After": "5"})
                await busy(scope, receive, answer)
        except Exception as error:
            mistake = _told(error)
            if not answer.status:
                summary = "the server made a mistake at this request; its log says where"
                with contextlib.suppress(Exception):  # whoever asked may be gone
                    await problem(500, summary)(scope, receive, answer)
        self._count(scope, answer.status, time.perf_counter() - begun, mistake)

    def _refused(self, scope: Scope, headers: Headers) -> Response | None:
        """Returns the answer to who may not ask, and to a browser that asks whether it may."""
        path, method, access = scope["path"], scope["method"], self._access
        summary = access.misdirected(headers) or access.foreign(headers, method, path)
        if summary:
            return problem(403, summary)
        asks = method == "OPTIONS" and "access-control-request-method" in headers
        if asks and access.welcomes(headers.get("origin")):
            return Response(status_code=204, headers=access.preflight(headers))
        if path not in self._open and not access.has_key(headers):
            return problem(401, "send the API key as X-API-Key or as Bearer token")
        return None

    def _count(self, scope: Scope, status: int, seconds: float, mistake: dict[str, str]) -> None:
        route = scope["path"] if scope["path"] in self._known else "other"
        self._counters.requests.labels(route, str(status)).inc()
        self._counters.seconds.labels(route).observe(seconds)
        state: dict[str, Any] = scope.get("state") or {}
        entry = {
            "method": scope["method"], "path": route, "status": status,
            "milliseconds": round(1e3 * seconds, 1), "images": state.get("images", 0),
        }  # fmt: skip
        mistake = mistake or state.get("mistake", {})
        level = logging.ERROR if mistake else logging.INFO
        _log.log(level, json.dumps(entry | mistake))


def _told(error: Exception) -> dict[str, str]:
    """Returns the type and place of a mistake; its words might hold somebody's file names."""
    if isinstance(error, DecodeFault):
        return {"error": error.kind, "place": error.place}
    return {"error": type(error).__name__, "place": place_of(error)}
