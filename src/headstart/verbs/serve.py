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
from headstart.options.command import command
from headstart.options.serve import ServeOptions

__all__ = ["serve"]


@command(ServeOptions)
def serve(options: ServeOptions) -> None:
    """Serves an exported model over HTTP, with a page at `/`, until it is told to stop.

    The API key is read from the environment variable `HEADSTART_API_KEY`; without one nobody is
    asked. Stopped by an interrupt or a TERM signal it answers what it has accepted first.

    Raises:
        ModelError: If there is no such model, or a package is missing.
        OptionError: If an argument makes no sense, or the port is taken.
    """
    file = Path(options.model)
    if (file / "model.onnx").is_file():
        file = file / "model.onnx"
    if file.suffix.lower() != ".onnx":
        raise ModelError(
            f"{options.model} is not an exported model: "
            f"'headstart export {options.model} -o FOLDER' makes one"
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
    if not _is_loopback(options.host):
        who = "whoever has the API key" if key else "anybody, for HEADSTART_API_KEY is not set"
        print(  # noqa: T201 - a warning that no flag may silence
            f"headstart: listening at {options.host}: this model can be used by {who}; "
            f"put a proxy with TLS before it",
            file=sys.stderr,
        )
    limits = Limits(
        bytes=int(options.max_mb * (1 << 20)), files=options.max_files, seconds=options.timeout
    )
    app = create_app(
        OnnxPredictor(file),
        key=key,
        limits=limits,
        room=options.queue,
        threads=options.workers or cpu_count(),
    )
    config = uvicorn.Config(
        app,
        host=options.host,
        port=options.port,
        log_config=_logging(),
        access_log=False,
        server_header=False,
        timeout_keep_alive=int(max(5, options.timeout)),
        h11_max_incomplete_event_size=1 << 16,
    )
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
            f"cannot listen at {options.host}:{options.port}: the port is taken or the "
            f"address is not of this machine; choose another --port or --host"
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
