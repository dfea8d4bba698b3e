"""Whether files hold as few colours as masks do."""

from __future__ import annotations

from PIL import Image

from headstart.data.files.scan import Tree

__all__ = ["few_colours"]

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
