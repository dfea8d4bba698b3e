"""Content fingerprints: the keys of every cache.

A fingerprint is 16 bytes of BLAKE2b. What is computed is keyed by what it was computed
from, so a changed file or setting can never meet an old result.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

__all__ = ["fingerprint_bytes", "fingerprint_file", "fingerprint_json"]

_SIZE = 16


def fingerprint_bytes(data: bytes | memoryview) -> bytes:
    """Returns the 16-byte fingerprint of some bytes."""
    return hashlib.blake2b(data, digest_size=_SIZE).digest()


def fingerprint_file(path: Path) -> bytes:
    """Returns the 16-byte fingerprint of a file's content.

    Raises:
        OSError: If the file cannot be read.
    """
    digest = hashlib.blake2b(digest_size=_SIZE)
    with path.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.digest()


def fingerprint_json(value: object) -> str:
    """Returns the hexadecimal fingerprint of a JSON-like value, whatever the order of its keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return fingerprint_bytes(text.encode()).hex()
