"""How boxes look in a notebook: drawn on the images, where those are files."""

from __future__ import annotations

import base64
import io
from html import escape
from typing import Any

import numpy as np
from PIL import Image

from headstart.tasks.answer_files import reduced
from headstart.tasks.detection.drawn import colour_code, draw_found

__all__ = ["boxes_html"]

_SHOWN, _SIDE, _GREY = 6, 320, 160


def boxes_html(found: Any) -> str:
    """Renders the boxes of the first images as an HTML table, with a legend of what is there.

    Args:
        found: `Detections`.
    """
    n = len(found)
    rows, there = [], set()
    for index in range(min(n, _SHOWN)):
        name, cell, text = found.names[index], "", escape(found.text(index))
        if found.answered[index] and found.sizes[index].all():
            there |= set(found.labels[found.rows(index)].tolist())
            cell = f'<img src="{_source(found, index)}" alt="{text}">'
        rows.append(f"<tr><td>{escape(name)}</td><td>{cell}</td><td>{text}</td></tr>")
    legend = " ".join(
        f'<span style="background:{colour_code(k)}">&emsp;</span> {escape(found.classes[k])}'
        for k in sorted(there)
    )
    first = f"the first {_SHOWN} of {n:,}" if n > _SHOWN else ""
    told = ", ".join(each for each in (legend, first) if each)
    caption = f"<caption>{told}</caption>" if told else ""
    return f"<table>{caption}{''.join(rows)}</table>"


def _source(found: Any, index: int) -> str:
    """Returns an image with its boxes as the text that an `img` takes for its source."""
    pixels = reduced(found.names[index], found.sizes[index], longest=_SIDE)
    if pixels is None:  # it was no file, or is gone
        scale = min(1.0, _SIDE / int(found.sizes[index].max()))
        wide, high = (max(1, round(int(each) * scale)) for each in found.sizes[index])
        pixels = np.full((high, wide, 3), _GREY, np.uint8)
    data = io.BytesIO()
    Image.fromarray(draw_found(pixels, found, index)).save(data, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(data.getvalue()).decode()
