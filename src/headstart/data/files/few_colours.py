"""Whether files hold as few colours as masks do, or are cut out as masks are."""

from __future__ import annotations

from PIL import Image

from headstart.data.files.scan import Tree

__all__ = ["cut_out", "few_colours"]

_LOOKED_AT = 3
_MOST = 16


def few_colours(tree: Tree) -> bool:
    """Tells whether the first images of a folder have at most 16 colours each, and can be read."""
    try:
        for name in tree.names[:_LOOKED_AT]:
            with Image.open(tree.root / name) as image:
                if image.getcolors(_MOST) is None:
                    return False
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return False
    return bool(tree.names)


def cut_out(tree: Tree) -> bool:
    """Tells whether the first images of a folder are transparent in parts, and can be read."""
    try:
        for name in tree.names[:_LOOKED_AT]:
            with Image.open(tree.root / name) as image:
                if "A" not in image.getbands() or image.getchannel("A").getextrema()[0] == 255:
                    return False
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return False
    return bool(tree.names)
