"""`serve`: an exported model over HTTP, with a page."""

from __future__ import annotations

import os
import sys

from headstart.compute import Progress, silent
from headstart.errors import ModelError, OptionError
from headstart.options.command import command
from headstart.options.serve import ServeOptions, listed_words

__all__ = ["serve"]


@command(ServeOptions)
def serve(options: ServeOptions, progress: Progress = silent) -> None:
    """Serves an exported model over HTTP, with a page at `/`, until it is told to stop.

    The API key is read from the environment variable `HEADSTART_API_KEY`; without one nobody is
    asked. Stopped by an interrupt or a TERM signal it answers what it has accepted first.

    Raises:
        ModelError: If there is no such model, or a package is missing.
        OptionError: If an argument makes no sense, or the port is taken.
    """
    from headstart.deploy.runtime import OnnxPredictor, find_exported

    progress("opening the model", 0, 1)
    file = find_exported(options.model)
    if file is None:
        raise ModelError(
            f"{options.model} is not an exported model: 'headstart export RUN -o FOLDER' makes one"
        )
    try:
        from headstart.deploy.access import LOOPBACK, Access, host_name, is_loopback, origin_name
        from headstart.deploy.decoding import warm_up
        from headstart.deploy.listen import listen
        from headstart.deploy.server import create_app
        from headstart.deploy.uploads import Limits
    except ModuleNotFoundError as error:
        raise ModelError(
            f"serving needs {error.name}, which is not installed: pip install 'headstart[serve]'"
        ) from None
    from headstart.images.pixels import cpu_count

    key = _key()
    if not is_loopback(options.host):
        who = "whoever has the API key" if key else "anybody, for HEADSTART_API_KEY is not set"
        print(  # noqa: T201 - a warning that no flag may silence
            f"headstart: listening at {options.host}: this model can be used by {who}; "
            f"put a proxy with TLS before it",
            file=sys.stderr,
        )
    names = {host_name(name) for name in listed_words(options.allow_host)}
    own = (
        LOOPBACK | names | {host_name(f"[{options.host}]" if ":" in options.host else options.host)}
    )
    access = Access(
        key=key,
        hosts=own if names or is_loopback(options.host) else None,
        origins=frozenset(origin_name(each) for each in listed_words(options.cors)),
    )
    limits = Limits(
        bytes=int(options.max_mb * (1 << 20)), files=options.max_files, seconds=options.timeout,
        decoding=options.decode_timeout,
    )  # fmt: skip
    model = OnnxPredictor(file)
    warm_up(model.preprocess, model.tta)  # what is missing is said here, not by a process
    app = create_app(
        model,
        access=access,
        limits=limits,
        room=options.queue,
        threads=options.workers or cpu_count(),
    )
    progress("opening the model", 1, 1)
    listen(app, host=options.host, port=options.port, seconds=options.timeout)


def _key() -> str | None:
    """Returns the API key, if there is one.

    Raises:
        OptionError: If nobody could send it.
    """
    given = os.environ.get("HEADSTART_API_KEY") or None
    if given is None:
        return None
    key = given.strip()
    if not key or any(ord(letter) < 32 or ord(letter) == 127 for letter in key):
        raise OptionError(
            "HEADSTART_API_KEY is blank or has control characters, which no header can carry: "
            "choose another, or unset it"
        )
    return key
