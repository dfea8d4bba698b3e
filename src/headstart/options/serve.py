"""Options of `serve`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from headstart.options import shared
from headstart.options.record import Options, option, subject

__all__ = ["ServeOptions"]


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
        help="Seconds that a request may take to arrive.",
    )  # fmt: skip
    workers: int | None = shared.workers()
    # output
    host: str = option(
        "127.0.0.1", group="output", help="Address to listen at; the default is this machine alone."
    )
    port: int = option(8000, group="output", low=0, high=65535, help="Port to listen at.")

    def contradictions(self) -> Iterator[str]:
        """Yields what makes no sense together."""
        if self.queue < self.max_files:
            yield (
                f"--queue {self.queue}: less than --max-files {self.max_files}, so that a full "
                f"request could never be answered"
            )
