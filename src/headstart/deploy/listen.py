"""`listen`: an application on a port, until it is told to stop."""

from __future__ import annotations

import ipaddress
import signal
import threading
import warnings

import uvicorn
from fastapi import FastAPI

from headstart.errors import OptionError

__all__ = ["is_loopback", "listen"]


def listen(app: FastAPI, *, host: str, port: int, seconds: float) -> None:
    """Serves until an interrupt or a TERM signal; what was accepted is answered first.

    Args:
        app: From `create_app`.
        host: Address to listen at.
        port: 0 for any that is free.
        seconds: That a connection may be silent, 5 at least.

    Raises:
        OptionError: If the port is taken, or the address is not of this machine.
    """
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=_logging(),
        access_log=False,
        server_header=False,
        timeout_keep_alive=int(max(5, seconds)),
        h11_max_incomplete_event_size=1 << 16,
    )
    # Pillow warns of every oddity of a damaged file, and Python remembers each warning for ever.
    warnings.filterwarnings("ignore", module="PIL")
    if threading.current_thread() is threading.main_thread():
        # Once all is answered, uvicorn raises the signal that stopped it again: that is no failure.
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, lambda number, frame: None)
    try:
        uvicorn.Server(config).run()
    except SystemExit:
        raise OptionError(
            f"cannot listen at {host}:{port}: the port is taken or the "
            f"address is not of this machine; choose another --port or --host"
        ) from None


def is_loopback(host: str) -> bool:
    """Tells whether only programs of this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


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
