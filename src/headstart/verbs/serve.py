"""`serve`: an exported model over HTTP, with a page."""

from __future__ import annotations

import ipaddress
import os
import signal
import sys
import threading
import warnings
from pathlib import Path

from headstart.errors import ModelError, OptionError
from headstart.images.pixels import cpu_count

__all__ = ["serve"]


def serve(
    model: str | Path,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    max_mb: float = 10.0,
    max_files: int = 16,
    queue: int = 64,
    timeout: float = 20.0,
    workers: int | None = None,
) -> None:
    """Serves an exported model over HTTP, with a page at `/`, until it is told to stop.

    The API key is read from the environment variable `HEADSTART_API_KEY`; without one nobody is
    asked. Stopped by an interrupt or a TERM signal it answers what it has accepted first.

    Args:
        model: An `.onnx` file that `export` wrote, or the folder of an export.
        host: Address to listen at; the default is this machine alone.
        port: Port to listen at.
        max_mb: Megabytes (2^20 bytes) of one request.
        max_files: Images of one request.
        queue: Images that may be under way at once; beyond, requests are answered with 503.
        timeout: Seconds that a request may take to arrive.
        workers: Decoding threads; by default one a processor.

    Raises:
        ModelError: If there is no such model, or a package is missing.
        OptionError: If an argument makes no sense, or the port is taken.
    """
    for name, value in (
        ("max-mb", max_mb), ("max-files", max_files), ("queue", queue), ("timeout", timeout),
    ):  # fmt: skip
        if not value > 0:
            raise OptionError(f"--{name} {value}: a number above 0")
    if not 0 <= port < 65536:
        raise OptionError(f"--port {port}: choose from 0 to 65535")
    if queue < max_files:
        raise OptionError(
            f"--queue {queue}: less than --max-files {max_files}, so that a full request could "
            f"never be answered"
        )
    file = Path(model)
    if (file / "model.onnx").is_file():
        file = file / "model.onnx"
    if file.suffix.lower() != ".onnx":
        raise ModelError(
            f"{model} is not an exported model: 'headstart export {model} -o FOLDER' makes one"
        )
    try:
        import uvicorn

        from headstart.deploy.server import create_app
        from headstart.deploy.uploads import Limits
    except ModuleNotFoundError as error:
        raise ModelError(
            f"serving needs {error.name}, which is not installed: pip install 'headstart[serve]'"
        ) from None
    from headstart.deploy.runtime import OnnxPredictor

    key = os.environ.get("HEADSTART_API_KEY") or None
    if not _is_loopback(host):
        who = "whoever has the API key" if key else "anybody, for HEADSTART_API_KEY is not set"
        print(  # noqa: T201 - a warning that no flag may silence
            f"headstart: listening at {host}: this model can be used by {who}; put a proxy with "
            f"TLS before it",
            file=sys.stderr,
        )
    limits = Limits(bytes=int(max_mb * (1 << 20)), files=max_files, seconds=timeout)
    app = create_app(
        OnnxPredictor(file), key=key, limits=limits, room=queue,
        threads=workers or cpu_count(),
    )  # fmt: skip
    config = uvicorn.Config(
        app, host=host, port=port, log_config=_logging(), access_log=False, server_header=False,
        timeout_keep_alive=int(max(5, timeout)), h11_max_incomplete_event_size=1 << 16,
    )  # fmt: skip
    # Pillow warns of every oddity of a damaged file, and Python remembers each warning for ever.
    warnings.filterwarnings("ignore", module="PIL")
    server = uvicorn.Server(config)
    if threading.current_thread() is threading.main_thread():
        # Once all is answered, uvicorn raises the signal that stopped it again: that is no failure.
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, lambda number, frame: None)
    try:
        server.run()
    except SystemExit:
        raise OptionError(
            f"cannot listen at {host}:{port}: the port is taken or the address is not of this "
            f"machine; choose another --port or --host"
        ) from None


def _is_loopback(host: str) -> bool:
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
