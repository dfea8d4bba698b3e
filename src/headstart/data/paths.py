"""Images that are named one by one: files, folders and globs."""

from __future__ import annotations

import glob
import os
from pathlib import Path

from headstart.data.scan import scan
from headstart.errors import DataError

__all__ = ["expand_paths"]


def expand_paths(given: list[str]) -> list[str]:
    """Resolves folders and globs; what does not exist stays, to become a row with an error.

    Args:
        given: Files, folders (searched through) and globs.

    Raises:
        DataError: If no image is named, by all of them or by a folder or glob.
    """
    names: list[str] = []
    for each in given:
        path = Path(each)
        if path.is_dir():
            found = [os.path.join(each, name) for name in scan(path).names]
            if not found:
                raise DataError(f"{each}: there are no images in this folder")
            names += found
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
