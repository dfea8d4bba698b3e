"""What commands say on standard error, besides how they read the data."""

from __future__ import annotations

from typing import AnyStr


def besides_reading(said: AnyStr) -> AnyStr:
    """Leaves out the line that every command says that reads data."""
    start = "read as: " if isinstance(said, str) else b"read as: "
    return said[:0].join(line for line in said.splitlines(True) if not line.startswith(start))
