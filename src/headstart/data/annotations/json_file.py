"""JSON files of annotations, read with plain reasons where they are not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from headstart.errors import DataError

__all__ = ["json_of"]


def json_of(path: Path) -> Any:
    """Returns what a JSON file holds.

    Raises:
        DataError: If it cannot be read, or is no JSON.
    """
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not readable JSON: {error}") from None
