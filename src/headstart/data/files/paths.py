"""Images that are named one by one: files, folders and globs."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable
from pathlib import Path

from headstart.data.files.scan import EXTENSIONS, scan
from headstart.errors import DataError

__all__ = ["NO_FILE", "address_scheme", "expand_paths", "is_image_name", "missing_paths"]

NO_FILE = "no such file"
"""Why there is no answer for a name that means nothing here."""

_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]+)://", re.IGNORECASE)


def address_scheme(name: str) -> str:
    """Returns `https` of an address, in small letters, and nothing of what is a path."""
    found = _ADDRESS.match(name)
    return found[1].lower() if found and not os.path.exists(name) else ""


def missing_paths(names: Iterable[str]) -> set[str]:
    """Returns those that name nothing at all; asked before any work, so that none has gone."""
    return {name for name in names if not os.path.lexists(name)}


def is_image_name(name: str) -> bool:
    """Tells whether a name ends as those of images do."""
    return Path(name).suffix.lower() in EXTENSIONS


def expand_paths(given: list[str]) -> list[str]:
    """Resolves folders and globs; what does not exist stays, to become a row with an error.

    Args:
        given: Files, folders (searched through) and globs.

    Raises:
        DataError: If no image is named, by all of them or by a folder or glob; or if one is an
            address.
    """
    names: list[str] = []
    for each in given:
        path = Path(each)
        if path.is_dir():
            found = [os.path.join(each, name) for name in scan(path).names]
            if not found:
                raise DataError(f"{each}: there are no images in this folder")
            names += found
        elif address_scheme(each):
            raise DataError(
                f"{each} is an address, and images are not fetched: save it, and name the file"
            )
        elif not path.exists() and glob.has_magic(each):
            found = sorted(glob.glob(each, recursive=True))
            if not found:
                raise DataError(f"{each}: no file matches this pattern")
            names += [name for name in found if not os.path.isdir(name)]
        else:
            names.append(each)
    if not names:
        raise DataError("no image was named: give files, folders or globs")
    return names
