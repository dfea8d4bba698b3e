"""`listen`: an application on a port, until it is told to stop."""

from __future__ import annotations

import asyncio
import errno
import functools
import json
import logging
import signal
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any

import uvicorn
from fastapi import FastAPI

from headstart.deploy.connections import Connection, Door, most_connections
from headstart.deploy.decoding import place_of
from headstart.errors import ModelError, OptionError

__all__ = ["Server", "listen"]

# After a signal what was accepted is answered; what then has not arrived or is not decoded, in so
# many seconds, is refused, and after so many all ends.
_CUT, _END = 2.0, 4
# Connections taken in one turn of the event loop: none is closed in between.
_TURN = 16
_BACKLOG = 1024
_FULL = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Server(uvicorn.Server):
    """uvicorn that no half-open connection can stop.

    Args:
        app: From `create_app`.
        host: Address to listen at.
        port: 0 for any that is free.
        seconds: In which the headers of a request must arrive.
    """

    def __init__(self, app: FastAPI, *, host: str, port: int, seconds: float) -> None:
        self._door = Door(most_connections(), seconds)
        self._cut: Callable[[], None] = getattr(app.state, "cut", lambda: None)
        protocol: Any = functools.partial(Connection, door=self._door)
        super().__init__(
            uvicorn.Config(
                app,
                host=host,
                port=port,
                http=protocol,
                ws="none",
                loop="asyncio",
                lifespan="on",
                backlog=_TURN,
                log_config=_logging(),
                access_log=False,
                server_header=False,
                timeout_keep_alive=int(max(5, seconds)),
                timeout_graceful_shutdown=_END,
                h11_max_incomplete_event_size=1 << 16,
            )
        )

    async def startup(self, sockets: Any = None) -> None:
        """Opens the port, once the application is ready."""
        asyncio.get_running_loop().set_exception_handler(_Told())
        await super().startup(sockets)
        # What the application has opened is known only now.
        self._door.most = most_connections()
        for server in self.servers:
            for each in server.sockets:
                with each.dup() as listening:  # the system may keep more waiting than one turn's
                    listening.listen(_BACKLOG)

    async def shutdown(self, sockets: Any = None) -> None:
        """Answers what it has accepted; what is not there in time is refused."""
        asyncio.get_running_loop().call_later(_CUT, self._cut_off)
        await super().shutdown(sockets)

    def _cut_off(self) -> None:
        self._cut()
        for each in list(self._door.open):
            each.cut()


def listen(app: FastAPI, *, host: str, port: int, seconds: float) -> None:
    """Serves until an interrupt or a TERM signal; what was accepted is answered first.

    Args:
        app: From `create_app`.
        host: Address to listen at.
        port: 0 for any that is free.
        seconds: In which the headers of a request must arrive; a connection may be silent
            between two requests as long, 5 at least.

    Raises:
        OptionError: If the port is taken, or the address is not of this machine.
        ModelError: If what answers cannot be started.
    """
    server = Server(app, host=host, port=port, seconds=seconds)
    # Pillow warns of every oddity of a damaged file, and Python remembers each warning for ever.
    warnings.filterwarnings("ignore", module="PIL")
    if threading.current_thread() is threading.main_thread():
        # Once all is answered, uvicorn raises the signal that stopped it again: that is no failure.
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, lambda number, frame: None)
    try:
        server.run()
    except SystemExit:
        if server.lifespan.should_exit:
            raise ModelError(
                f"the server cannot be started: {getattr(app.state, 'failure', 'see above')}"
            ) from None
        raise OptionError(
            f"cannot listen at {host}:{port}: the port is taken or the "
            f"address is not of this machine; choose another --port or --host"
        ) from None


class _Told:
    """What goes wrong outside of requests: one JSON line, not a traceback, and not for ever."""

    def __init__(self) -> None:
        self._log = logging.getLogger("headstart.serve")
        self._last: dict[str, float] = {}

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, OSError) and error.errno in _FULL:
            what = {"error": "the system has no file descriptors left: raise `ulimit -n`"}
        elif isinstance(error, ConnectionError):
            return  # a client hung up
        elif isinstance(error, BaseException):
            what = {"error": type(error).__name__, "place": place_of(error)}
        else:
            what = {"error": str(context.get("message", ""))[:200]}
        line = json.dumps(what)
        if time.monotonic() > self._last.get(line, float("-inf")) + 60 and len(self._last) < 1000:
            self._last[line] = time.monotonic()
            self._log.error(line)


def _logging() -> dict[str, object]:
    """One JSON line for each request on standard error; uvicorn's own words as they are."""
    handler = {"class": "logging.StreamHandler", "stream": "ext://sys.stderr"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {"format": '{"time": "%(asctime)s", "request": %(message)s}'},
            "plain": {"format": "headstart: %(message)s"},
        },
        "handlers": {
            "line": handler | {"formatter": "line"}, "plain": handler | {"formatter": "plain"},
        },
        "loggers": {
            "headstart.serve": {"handlers": ["line"], "level": "INFO", "propagate": False},
            "uvicorn": {"handlers": ["plain"], "level": "INFO", "propagate": False},
        },
    }  # fmt: skip
