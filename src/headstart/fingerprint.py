"""Content fingerprints: the keys of every cache.

A fingerprint is 16 bytes of BLAKE2b. What is computed is keyed by what it was computed
from, so a changed file or setting can never meet an old result.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import BinaryIO

__all__ = ["fingerprint_bytes", "fingerprint_file", "fingerprint_json", "fingerprint_start"]

_SIZE = 16


def fingerprint_bytes(data: bytes | memoryview) -> bytes:
    """Returns the 16-byte fingerprint of some bytes."""
    return hashlib.blake2b(data, digest_size=_SIZE).digest()


def fingerprint_file(path: Path) -> bytes:
    """Returns the 16-byte fingerprint of a file's content.

    Raises:
        OSError: If the file cannot be read.
    """
    with path.open("rb") as stream:
        return fingerprint_start(stream)


def fingerprint_start(stream: BinaryIO, length: int | None = None) -> bytes:
    """Returns the 16-byte fingerprint of what comes next in a stream.

    Args:
        stream: Is read on.
        length: How many bytes; None for all that is left.

    Raises:
        OSError: If it cannot be read.
    """
    digest = hashlib.blake2b(digest_size=_SIZE)
    left = length if length is not None else sys.maxsize
    while chunk := stream.read(min(1 << 20, left)):
        digest.update(chunk)
        left -= len(chunk)
    return digest.digest()


def fingerprint_json(value: object) -> str:
    """Returns the hexadecimal fingerprint of a JSON-like value, whatever the order of its keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return fingerprint_bytes(text.encode()).hex()
