"""Annotation files that are empty or cut off, beside those that were read: named, not counted."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

__all__ = ["damaged_files"]

_MOST = 400  # files that are looked at
_TAIL = 4096
_NOTHING = (b"", b"{}", b"[]", b"null")
_ENDINGS = (".json", ".xml")
_PLACES = 2  # folders deep


def damaged_files(root: Path, known: Iterable[str]) -> list[tuple[str, str]]:
    """Returns JSON and XML files of a folder that say nothing, and why.

    Args:
        root: The folder.
        known: Names of files that something is said of already.
    """
    named = {name.rpartition("/")[2] for name in known}
    others = [name for name in _files(root) if name.rpartition("/")[2] not in named]
    return [(name, why) for name in others if (why := _why(root / name))]


def _files(root: Path) -> list[str]:
    names: list[str] = []
    for folder, inside, files in os.walk(root):
        place = os.path.relpath(folder, root).replace(os.sep, "/")
        start = "" if place == "." else f"{place}/"
        inside[:] = sorted(each for each in inside if each[0] != ".")
        if start.count("/") >= _PLACES:
            inside.clear()
        names += [start + each for each in sorted(files) if each.lower().endswith(_ENDINGS)]
        if len(names) >= _MOST:
            break
    return names[:_MOST]


def _why(path: Path) -> str:
    try:
        size = path.stat().st_size
        with open(path, "rb") as stream:
            stream.seek(max(0, size - _TAIL))
            tail = stream.read().replace(b"\0", b"").strip()
    except OSError:
        return ""
    if tail.removeprefix(b"\xef\xbb\xbf") in _NOTHING:
        return "an empty file, and not read: export it again if it should say something"
    if tail[-1:] not in (b"}", b"]", b">"):
        return "cut off, and not read: export it again"
    return ""
