"""Arrays of numbers in MATLAB's files of version 5, read with numpy alone.

`scipy.io.loadmat` reads more, and what is deployed, which reads data sets too, goes without scipy.
Format: The MathWorks, "MAT-File Format", level 5.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator
from itertools import islice

import numpy as np

__all__ = ["matlab_arrays", "matlab_structures"]

_HEADER, _COMPRESSED, _MATRIX = 128, 15, 14
_TYPES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8",
          13: "u8"}  # fmt: skip
_STRUCTURE = 2
_NUMBERS = range(6, 16)  # classes of arrays: double, single and whole numbers
_COMPLEX = 0x0800
_MOST_BYTES = 1 << 28


def matlab_arrays(data: bytes) -> dict[str, np.ndarray]:
    """Returns name -> real array of numbers; texts, cells, structures and sparse ones are left out.

    Args:
        data: A file; of another version, or damaged, it holds nothing.
    """
    found = (_array(content, order) for content, order in _matrices(data))
    try:
        return dict(each for each in found if each is not None)
    except (struct.error, zlib.error, ValueError, KeyError, IndexError):
        return {}


def matlab_structures(data: bytes) -> dict[str, list[str]]:
    """Returns name -> fields of the structures in a file, of which nothing else is read."""
    found = {}
    try:
        for content, order in _matrices(data):
            parts = list(islice(_elements(content, order), 5))
            if struct.unpack_from(f"{order}I", parts[0][1])[0] & 0xFF == _STRUCTURE:
                (length,) = struct.unpack_from(f"{order}i", parts[3][1])
                names = [parts[4][1][at : at + length] for at in range(0, len(parts[4][1]), length)]
                fields = [each.partition(b"\0")[0].decode("ascii", "replace") for each in names]
                found[parts[2][1].decode("ascii", "replace")] = fields
    except (struct.error, zlib.error, ValueError, KeyError, IndexError):
        return {}
    return found


def _matrices(data: bytes) -> Iterator[tuple[bytes, str]]:
    """Yields the content of each matrix, and the order of its bytes."""
    if len(data) < _HEADER or data[126:128] not in (b"IM", b"MI"):
        return
    order = "<" if data[126:128] == b"IM" else ">"
    for kind, content in _elements(data[_HEADER:], order):
        if kind == _COMPRESSED:
            content = zlib.decompressobj().decompress(content, _MOST_BYTES)
            kind, content = next(_elements(content, order), (0, b""))
        if kind == _MATRIX:
            yield content, order


def _elements(data: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """Yields type and content of each element, one after the other."""
    at = 0
    while at + 8 <= len(data):
        kind, size = struct.unpack_from(f"{order}II", data, at)
        if kind >> 16:  # up to four bytes, beside their own type and size
            kind, size, start, end = kind & 0xFFFF, kind >> 16, at + 4, at + 8
        else:
            start = at + 8
            end = start + size + (-size % 8 if kind != _COMPRESSED else 0)
        yield kind, data[start : start + size]
        at = end


def _array(content: bytes, order: str) -> tuple[str, np.ndarray] | None:
    """Returns the name and numbers of a matrix; None of one that holds something else."""
    parts = list(_elements(content, order))
    (flags,) = struct.unpack_from(f"{order}I", parts[0][1])
    if flags & 0xFF not in _NUMBERS or flags & _COMPLEX:
        return None
    shape = np.frombuffer(parts[1][1], f"{order}i4").tolist()
    name = parts[2][1].decode("ascii", errors="replace")
    kind, numbers = parts[3]
    values = np.frombuffer(numbers, f"{order}{_TYPES[kind]}")
    if values.size != math.prod(shape):
        raise ValueError("cut off")
    return name, values.reshape(shape, order="F")
