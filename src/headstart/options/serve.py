"""Options of `serve`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from headstart.options import shared
from headstart.options.record import Options, option, subject

__all__ = ["ServeOptions", "listed_words"]


@dataclass(frozen=True, kw_only=True)
class ServeOptions(Options):
    """What `serve` is told."""

    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "headstart serve flowers-onnx",
        "HEADSTART_API_KEY=… headstart serve flowers-onnx --host 0.0.0.0 --port 8080",
    )

    model: str | Path = subject(
        help="An `.onnx` file that `export` wrote, or the folder of an export."
    )
    # data
    max_mb: float = option(
        10.0, group="data", above=0, metavar="MB", help="Megabytes (2^20 bytes) of one request."
    )
    max_files: int = option(16, group="data", low=1, metavar="N", help="Images of one request.")
    queue: int = option(
        64, group="data", low=1, metavar="N",
        help="Images that may be under way at once; beyond, requests are answered with 503.",
    )  # fmt: skip
    timeout: float = option(
        20.0, group="data", above=0, metavar="SECONDS",
        help="Seconds that the headers of a request may take to arrive, and again its body.",
    )  # fmt: skip
    decode_timeout: float = option(
        2.0, group="data", above=0, metavar="SECONDS",
        help="Seconds of processor time that decoding one image may take; by the clock, five "
        "times as many.",
    )  # fmt: skip
    workers: int | None = shared.workers()
    # output
    host: str = option(
        "127.0.0.1", group="output", help="Address to listen at; the default is this machine alone."
    )
    port: int = option(8000, group="output", low=0, high=65535, help="Port to listen at.")
    allow_host: str | None = option(
        None, group="output", metavar="NAME,…",
        help="Further names that the server is called by. Where it is for this machine alone, "
        "requests by other names than `localhost`, `127.0.0.1`, `[::1]` and the host are refused.",
    )  # fmt: skip
    cors: str | None = option(
        None, group="output", metavar="ORIGIN,…",
        help="Web pages of other sites that may ask, such as `https://example.org`, or `*` for "
        "all; others are refused.",
    )  # fmt: skip

    def contradictions(self) -> Iterator[str]:
        """Yields what makes no sense together."""
        if self.queue < self.max_files:
            yield (
                f"--queue {self.queue}: less than --max-files {self.max_files}, so that a full "
                f"request could never be answered"
            )
        for name in listed_words(self.allow_host):
            if set(name) & set("/@ ,*?#") or "://" in name:
                yield f"--allow-host {name}: give a name such as example.org, without scheme or *"
        for origin in listed_words(self.cors):
            scheme, slashes, place = origin.partition("://")
            right = slashes and scheme and place and not set(place.rstrip("/")) & set("/@ ?#*")
            if not right and origin not in ("*", "null"):
                yield f"--cors {origin}: give an origin such as https://example.org, or *"


def listed_words(value: str | None) -> list[str]:
    """Returns the words of a list joined by commas."""
    return [word.strip() for word in (value or "").split(",") if word.strip()]
