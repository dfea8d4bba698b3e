"""`serve`: an exported model over HTTP, with a page."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from headstart.errors import ModelError
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
        from headstart.deploy.listen import is_loopback, listen
        from headstart.deploy.server import create_app
        from headstart.deploy.uploads import Limits
    except ModuleNotFoundError as error:
        raise ModelError(
            f"serving needs {error.name}, which is not installed: pip install 'headstart[serve]'"
        ) from None
    from headstart.deploy.runtime import OnnxPredictor
    from headstart.images.pixels import cpu_count

    key = os.environ.get("HEADSTART_API_KEY") or None
    if not is_loopback(options.host):
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
    listen(app, host=options.host, port=options.port, seconds=options.timeout)
