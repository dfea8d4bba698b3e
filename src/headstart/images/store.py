"""`Store`: an append-only cache of arrays on disk, keyed by content fingerprints.

A store is a folder of *shards*. A shard is written once, to a temporary name, and renamed:
readers see all of it or nothing, several processes may write at once (the worst case is
that both compute the same thing), and a killed process loses only its unwritten shard.
Every row carries a checksum, so a damaged file is a cache miss and never a wrong answer.

Shard layout: 8 bytes magic, 8 bytes little-endian length of the header, the header in JSON
(`count`, `dtype`), then `count` records of (key 16 bytes, offset u64, shape 3 x u32,
crc32 u32 of key, shape and row), then the rows' bytes.
"""

from __future__ import annotations

import contextlib
import json
import logging
import math
import os
import secrets
import shutil
import time
import zlib
from pathlib import Path

import numpy as np

from headstart.errors import OutputError

__all__ = ["Store", "cache_folder", "trim_cache"]

_MAGIC = b"HDSTORE2"
_INDEX = np.dtype([("key", "V16"), ("offset", "<u8"), ("shape", "<u4", 3), ("crc", "<u4")])
_SHARD_BYTES = 64 << 20
_STALE_SECONDS = 24 * 3600
_log = logging.getLogger(__name__)


def cache_folder() -> Path:
    """Returns `HEADSTART_CACHE`, or the platform's cache folder."""
    given = os.environ.get("HEADSTART_CACHE")
    if given:
        return Path(given)
    from platformdirs import user_cache_path  # what is deployed has no cache, and may lack it

    return user_cache_path("headstart")


class Store:
    """Arrays of one dtype and at most three dimensions under 16-byte keys.

    Args:
        folder: Where the shards lie; made when the first one is written.
        dtype: Element type of every row.

    A store that cannot be written (read-only, full disk) says so once in the log and goes
    on as a store that forgets: a cache must never stop the work.
    """

    def __init__(self, folder: Path, *, dtype: np.typing.DTypeLike) -> None:
        self.folder = folder
        self.dtype = np.dtype(dtype)
        self._where: dict[bytes, tuple[int, int]] = {}
        self._shards: list[tuple[np.ndarray, np.memmap, int]] = []
        self._known: set[str] = set()
        self._pending: list[tuple[bytes, np.ndarray]] = []
        self._pending_bytes = 0
        self._writable = True
        self.refresh()

    def refresh(self) -> None:
        """Looks for shards that other processes have finished since."""
        with contextlib.suppress(OSError):
            for entry in sorted(os.scandir(self.folder), key=lambda entry: entry.name):
                if entry.name.endswith(".shard") and entry.name not in self._known:
                    self._known.add(entry.name)
                    self._open(Path(entry.path))
                    with contextlib.suppress(OSError):  # a read-only cache serves all the same
                        os.utime(entry.path)  # "used now", for `trim_cache`

    def _open(self, path: Path) -> None:
        try:
            size = path.stat().st_size
            data = np.memmap(path, np.uint8, "r")
            if bytes(data[:8]) != _MAGIC:
                raise ValueError("not a shard")
            start = 16 + int(data[8:16].view("<u8")[0])
            header = json.loads(bytes(data[16:start]))
            if header["dtype"] != self.dtype.str:
                raise ValueError("other dtype")
            base = start + header["count"] * _INDEX.itemsize
            index = np.frombuffer(bytes(data[start:base]), _INDEX)
            last = index[-1]
            end = base + int(last["offset"]) + math.prod(_shape(last)) * self.dtype.itemsize
            if end != size:
                raise ValueError("truncated")
        except OSError:
            return  # gone, or not ours to read: that says nothing of its content
        except (ValueError, KeyError, IndexError, TypeError) as error:
            # Remove it, or every later call would stumble over it again.
            _log.warning("damaged cache file %s (%s): it will be made again", path, error)
            with contextlib.suppress(OSError):
                path.unlink()
            return
        number = len(self._shards)
        self._shards.append((index, data, base))
        self._where.update((key, (number, row)) for row, key in enumerate(_keys(index)))

    def __contains__(self, key: bytes) -> bool:
        return key in self._where

    def get(self, key: bytes) -> np.ndarray | None:
        """Returns a read-only view of a row, or None when it is absent or damaged."""
        found = self._where.get(key)
        if found is None:
            return None
        index, data, base = self._shards[found[0]]
        entry = index[found[1]]
        shape = _shape(entry)
        start = base + int(entry["offset"])
        raw = data[start : start + math.prod(shape) * self.dtype.itemsize]
        if zlib.crc32(raw.data, _seal(entry)) != entry["crc"]:
            _log.warning("damaged cache file %s: it will be made again", data.filename)
            self._where.pop(key, None)  # another thread may have been first
            # Left there, it could hide the row that is made now from every later call.
            with contextlib.suppress(OSError):
                os.unlink(str(data.filename))
            return None
        return np.asarray(raw).view(self.dtype).reshape(shape)

    def add(self, key: bytes, row: np.ndarray) -> None:
        """Keeps a row; it reaches the disk with its shard (`flush`, or every 64 MiB).

        Args:
            key: 16 bytes.
            row: One to three dimensions, none of them zero.
        """
        if not self._writable:
            return
        self._pending.append((key, np.ascontiguousarray(row, self.dtype)))
        self._pending_bytes += row.nbytes
        if self._pending_bytes >= _SHARD_BYTES:
            self.flush()

    def flush(self) -> None:
        """Writes what is pending as one shard, atomically."""
        pending, self._pending, self._pending_bytes = self._pending, [], 0
        if not pending or not self._writable:
            return
        index = np.zeros(len(pending), _INDEX)
        offset = 0
        for entry, (key, row) in zip(index, pending, strict=True):
            shape = np.zeros(3, np.uint32)
            shape[: row.ndim] = row.shape
            entry["key"], entry["offset"], entry["shape"] = np.void(key), offset, shape
            entry["crc"] = zlib.crc32(row.data.cast("B"), _seal(entry))
            offset += row.nbytes
        header = json.dumps({"count": len(pending), "dtype": self.dtype.str}).encode()
        name = f"{secrets.token_hex(8)}.shard"
        temporary = self.folder / f"{name}.tmp"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with temporary.open("wb") as stream:
                stream.write(_MAGIC + len(header).to_bytes(8, "little") + header)
                stream.write(index.tobytes())
                for _, row in pending:
                    stream.write(row.data.cast("B"))
            os.replace(temporary, self.folder / name)
        except OSError as error:
            self._writable = False
            _log.warning(
                "the cache %s cannot be written (%s): going on without", self.folder, error
            )
            with contextlib.suppress(OSError):
                temporary.unlink()
            return
        self._known.add(name)
        self._open(self.folder / name)


def _shape(entry: np.void) -> tuple[int, ...]:
    """Returns a row's shape; unused dimensions are stored as zero."""
    return tuple(int(n) for n in entry["shape"] if n)


def _seal(entry: np.void) -> int:
    """Returns the checksum of a row's key and shape, which its bytes' checksum goes on from."""
    return zlib.crc32(entry["key"].tobytes() + entry["shape"].tobytes())


def _keys(index: np.ndarray) -> list[bytes]:
    """Returns the 16-byte keys of an index, trailing zero bytes kept."""
    raw = index["key"].tobytes()
    return [raw[i : i + 16] for i in range(0, len(raw), 16)]


def trim_cache(*, limit: int | None = None) -> None:
    """Keeps the whole cache under a size by removing the shards unused for longest.

    Args:
        limit: Bytes; by default `HEADSTART_CACHE_LIMIT` in GiB, or 10 GiB.

    Raises:
        OutputError: If `HEADSTART_CACHE_LIMIT` is not a number.
    """
    if limit is None:
        given = os.environ.get("HEADSTART_CACHE_LIMIT", "10")
        try:
            limit = int(float(given) * 2**30)
        except (ValueError, OverflowError):
            raise OutputError(f"HEADSTART_CACHE_LIMIT={given!r} is not a number of GiB") from None
    files, now = [], time.time()
    for path in cache_folder().rglob("*"):
        with contextlib.suppress(OSError):
            stat = path.stat()
            if path.suffix == ".tmp" and now - stat.st_mtime > _STALE_SECONDS:
                path.unlink()  # left by a killed process
            elif path.suffix == ".shard":
                files.append((stat.st_mtime, stat.st_size, path))
    total = sum(size for _, size, _ in files)
    for _, size, path in sorted(files):
        if total <= limit:
            break
        with contextlib.suppress(OSError):
            path.unlink()
            total -= size
    with contextlib.suppress(OSError):
        if shutil.disk_usage(cache_folder()).free < 1 << 30:
            _log.warning("less than 1 GiB is free where the cache lies: %s", cache_folder())
