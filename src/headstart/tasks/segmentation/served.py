"""What a server sends of one answer: areas in numbers, and the mask itself in one of two forms."""

from __future__ import annotations

import base64
import io
from typing import Any, Literal

from headstart.errors import ImageError
from headstart.tasks.segmentation.maps import SegmentationMaps
from headstart.tasks.segmentation.paint import indexed

__all__ = ["MaskForm", "served"]

MaskForm = Literal["png", "rle", "none"]

# Numbers that may be computed for one answer, so that it takes seconds; pixels are counted too.
_MOST_WORK, _COUNTING = 1_000_000_000, 10


def served(predictions: SegmentationMaps, index: int, form: MaskForm) -> dict[str, Any]:
    """Returns `record(index)` with the mask beside it.

    Args:
        predictions: Of an image that could be read.
        index: Which.
        form: ``"png"`` adds ``png``, an index PNG with the palette in base64 (255 is not sure);
            ``"rle"`` adds ``masks``, COCO's compressed run lengths of each class.

    Raises:
        ImageError: If that would take a server too long.
    """
    width, height = predictions.sizes[index].tolist()
    if predictions.work(index) + _COUNTING * width * height > _MOST_WORK:
        raise ImageError(
            f"too large: masks of so many classes on {width} x {height} pixels take a server too "
            f"long; send it smaller or in parts, or answer it with headstart predict"
        )
    labels = predictions.labels(index, abstain=True)
    found = predictions.record(index, labels)
    if form == "rle":
        return found | {"masks": predictions.masks(index, labels)}
    if form == "none":
        return found
    written = io.BytesIO()
    indexed(labels, predictions.palette).save(written, "PNG", compress_level=3)
    return found | {"png": base64.b64encode(written.getvalue()).decode("ascii")}
