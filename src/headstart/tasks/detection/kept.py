"""Boxes in a run, so that it can be measured again when the files of the boxes are gone."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from headstart.data.boxes.boxes import Boxes
from headstart.errors import ModelError

__all__ = ["read_labels", "write_labels"]

_ITEMS = ("annotated", "sizes", "stated", "turned")
_ROWS = ("offsets", "corners", "classes", "crowd", "difficult", "truncated")
_BOXES = {"corners": np.float64, "crowd": bool, "difficult": bool, "truncated": bool}


def write_labels(labels: Boxes, file: Path) -> None:
    """Writes boxes, those that cannot be too, and which items nobody has looked at.

    Args:
        labels: Of N items.
        file: To write.
    """
    from safetensors.numpy import save

    arrays = {
        name: np.ascontiguousarray(getattr(labels, name), _BOXES.get(name))
        for name in (*_ITEMS, *_ROWS)
    }
    arrays["ids"] = np.array(labels.ids, np.int64)
    arrays["count"] = np.array(len(labels.names), np.int64)
    # As bytes: safetensors' own files may be read by nobody but their owner.
    file.write_bytes(save(arrays))


def read_labels(names: tuple[str, ...], count: int, file: Path) -> Boxes:
    """Reads what `write_labels` wrote; what had to be mended to read the boxes is not kept.

    Args:
        names: C class names, and perhaps what images without any object are counted as.
        count: N items.
        file: To read.

    Raises:
        ModelError: If it is missing or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        arrays = load_file(file)
        ids = tuple(arrays.pop("ids").tolist())
        names = names[: int(arrays["count"])]
        labels = Boxes(names, ids=ids, **{name: arrays[name] for name in (*_ITEMS, *_ROWS)})
        if len(labels) != count or (np.diff(labels.offsets) < 0).any() or labels.offsets[0]:
            raise ValueError(f"it holds boxes of {len(labels)} images, and the run has {count}")
        kinds = labels.classes
        if len(kinds) and not (kinds.min() >= 0 and kinds.max() < len(names)):
            raise ValueError("a box has a class that the run has not")
        return labels
    except (OSError, ValueError, KeyError, IndexError, SafetensorError) as error:
        raise ModelError(f"{file} cannot be read ({error}); run 'headstart train' again") from None
