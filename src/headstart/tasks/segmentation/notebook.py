"""How masks look in a notebook: laid over the images, where those are files."""

from __future__ import annotations

import base64
import io
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from headstart.errors import HeadstartError
from headstart.images.decode import decode, read_bytes
from headstart.tasks.segmentation.paint import tinted

__all__ = ["maps_html", "small_image"]

_SHOWN, _SIDE = 6, 240
_GREY = 160


def maps_html(maps: Any) -> str:
    """Renders the first masks as an HTML table, with a legend.

    Args:
        maps: `SegmentationMaps`.
    """
    n = len(maps)
    rows = []
    for index in range(min(n, _SHOWN)):
        name, cell = maps.names[index], ""
        if maps.answered[index]:
            cell = f'<img src="{_source(maps, index)}" alt="{escape(maps.text(index))}">'
        text = escape(maps.text(index))
        rows.append(f"<tr><td>{escape(name)}</td><td>{cell}</td><td>{text}</td></tr>")
    colours = [f"#{r:02x}{g:02x}{b:02x}" for r, g, b in maps.palette.tolist()]
    legend = " ".join(
        f'<span style="background:{colour}">&emsp;</span> {escape(name)}'
        for name, colour in zip(maps.classes, colours, strict=True)
    )
    first = f", the first {_SHOWN} of {n:,}" if n > _SHOWN else ""
    return f"<table><caption>{legend}{first}</caption>{''.join(rows)}</table>"


def small_image(name: str, size: tuple[int, int], side: int) -> np.ndarray:
    """Returns (H, W, 3) uint8 of an image file, grey where it is none that can be read.

    Args:
        name: Its path.
        size: Width and height of the whole image.
        side: Longest side in pixels of what is returned.
    """
    scale = min(1.0, side / max(size))
    small = max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
    try:
        image = Image.fromarray(decode(read_bytes(Path(name)), short_side=min(small)).pixels)
    except HeadstartError:
        return np.full((small[1], small[0], 3), _GREY, np.uint8)
    return np.asarray(image.resize(small, Image.Resampling.BILINEAR))


def _source(maps: Any, index: int) -> str:
    """Returns an overlay as the text that an `img` takes for its source."""
    width, height = (int(each) for each in maps.sizes[index])
    pixels = small_image(maps.names[index], (width, height), _SIDE)
    own = maps.resized(index, (pixels.shape[1], pixels.shape[0])).labels(0, abstain=True)
    data = io.BytesIO()
    Image.fromarray(tinted(pixels, own, maps.palette)).save(data, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(data.getvalue()).decode()
