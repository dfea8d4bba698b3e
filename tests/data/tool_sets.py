"""Small sets as CVAT and VIA export them."""

from __future__ import annotations

import json

from tests.data.drawn_sets import noise, write

CVAT = """<?xml version="1.0" encoding="utf-8"?>
<annotations><version>1.1</version>
<image id="0" name="images/a.png" subset="Train" width="12" height="10">{a}</image>
<image id="1" name="images/b.png" subset="Train" width="12" height="10">{b}</image>
<image id="2" name="images/c.png" subset="Test" width="12" height="10"></image>
</annotations>"""
BOX = '<box label="cat" occluded="0" xtl="2" ytl="1" xbr="6" ybr="4" z_order="0"></box>'


def cvat(root, a=BOX, b=BOX):
    for name in "abc":
        write(root / f"images/{name}.png", noise(ord(name), size=(12, 10)))
    (root / "annotations.xml").write_text(CVAT.format(a=a, b=b))
    return root


def rect(label, left, top, wide, high):
    return {
        "shape_attributes": {"name": "rect", "x": left, "y": top, "width": wide, "height": high},
        "region_attributes": label if isinstance(label, dict) else {"kind": label},
    }


def via(root, regions, *, project=False):
    """Writes images a, b, … with their regions."""
    content = {}
    for name, theirs in zip("abcdef", regions, strict=False):
        write(root / f"{name}.png", noise(ord(name), size=(12, 10)))
        content[f"{name}.png99"] = {"filename": f"{name}.png", "size": 99, "regions": theirs}
    saved = {"_via_settings": {}, "_via_img_metadata": content} if project else content
    (root / "via.json").write_text(json.dumps(saved))
    return root
