"""Weights of an ONNX file that lie beside it: exporters put what is large into files of their own.

The graph names them, so they are part of the network: they are fingerprinted and copied with it.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from headstart.errors import BackboneError

__all__ = ["external_files"]

# Every tensor that lies elsewhere says where under this key.
_KEY = "location"


def external_files(file: Path) -> tuple[str, ...]:
    """Returns the files that an ONNX file names for its weights, relative to its folder, sorted.

    Args:
        file: It exists and is not empty.

    Raises:
        BackboneError: If one of them is not there or lies outside of the folder.
        OSError: If the file cannot be read.
    """
    with file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if data.find(_KEY.encode()) < 0:  # most have none, and need not be parsed
            return ()
    import onnx

    try:
        model = onnx.load(file, load_external_data=False)
    except Exception as error:  # the parser's own
        raise BackboneError(f"{file} is not an ONNX file, or is damaged ({error})") from None
    found = sorted({_location(tensor) for tensor in _elsewhere(model)})
    for name in found:
        _check(file, name)
    return tuple(found)


def _elsewhere(message: Any) -> Iterator[Any]:
    """Yields all tensors that lie elsewhere: of graphs within graphs and of functions too."""
    if message.DESCRIPTOR.name == "TensorProto":
        if message.data_location == message.EXTERNAL or message.external_data:
            yield message
        return
    for field, value in message.ListFields():
        if field.message_type is not None:
            for each in [value] if hasattr(value, "ListFields") else value:
                yield from _elsewhere(each)


def _location(tensor: Any) -> str:
    return next((each.value for each in tensor.external_data if each.key == _KEY), "")


def _check(file: Path, name: str) -> None:
    """Refuses what is no file in the folder.

    Raises:
        BackboneError: With the name.
    """
    shown = name.encode("unicode_escape").decode()
    place = PurePosixPath(name)
    plain = name and "\\" not in name and "\0" not in name and not place.is_absolute()
    if not plain or ".." in place.parts or ":" in name:
        raise BackboneError(
            f"{file}: its weights are said to lie in '{shown}', outside of its folder: write it "
            f"anew with onnx.save as one file, or with its data beside it"
        )
    there = file.parent / name
    if not there.is_file():
        raise BackboneError(
            f"{file}: its weights lie in '{shown}', which is not beside it: copy both files, or "
            f"write it anew with onnx.save as one file"
        )
    if not there.resolve().is_relative_to(file.parent.resolve()):
        raise BackboneError(
            f"{file}: its weights in '{shown}' are a link to a file outside of its folder: copy "
            f"the file itself there"
        )
