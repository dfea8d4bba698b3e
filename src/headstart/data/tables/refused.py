"""Tables that nothing can be learnt from as they are: pairs of images, and pixels in cells."""

from __future__ import annotations

import re

from headstart.data.tables.tables import Table
from headstart.errors import DataError

__all__ = ["refuse_pairs", "refuse_pixels"]

_PIXELS = re.compile(r"\d{1,3}([ ,;]+\d{1,3}){40,}")


def refuse_pixels(table: Table, free: list[str]) -> None:
    """Refuses images that are written into the table, one a row.

    Args:
        table: R rows.
        free: Its columns that are nothing else.

    Raises:
        DataError: If a cell holds many numbers, or many columns one pixel each.
    """
    pixels = [name for name in free if re.fullmatch(r"(pixel|px)[ _.]?\d+", name.lower())]
    long = [n for n in free if table.columns[n][:1] and _PIXELS.fullmatch(table.columns[n][0])]
    if len(pixels) > 9 or long:
        raise DataError(
            f"{table.path} holds the pixels of images themselves (column {(long or pixels)[0]}): "
            f"write each image to a PNG file, and name these in a column: path,label"
        )


def refuse_pairs(table: Table, files: list[str]) -> None:
    """Refuses two files a row, and whether they are of the same: nothing is learnt from pairs.

    Args:
        table: R rows.
        files: Its columns that name files.

    Raises:
        DataError: If that is so.
    """
    bare = {re.sub(r"[ _-]?([12ab]|left|right|first|second)$", "", name.lower()) for name in files}
    if len(files) == 2 and len(bare) == 1:
        raise DataError(
            f"each row of {table.path} names two images ({files[0]}, {files[1]}), as pairs to "
            f"compare do, and nothing is learnt from pairs: give a table with one image a row and "
            f"who or what is on it (path,label), and say --task identity"
        )
