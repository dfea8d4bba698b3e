"""Files of annotation tools that draw outlines of any kind (CVAT, VIA), found and read."""

from __future__ import annotations

from pathlib import Path

from headstart.data.files.scan import Tree
from headstart.data.tables.tables import TABLES
from headstart.data.tools.cvat import is_cvat, read_cvat
from headstart.data.tools.outlines import OutlinedImage
from headstart.data.tools.via import is_via, read_via

__all__ = ["read_tool_file", "tool_files", "tool_of"]

_LOOKED_AT = 40
_DEEP = 2  # folders


def tool_of(path: Path) -> str:
    """Returns the tool that wrote a file, for people, or ``""``."""
    ending = path.suffix.lower()
    if ending == ".xml":
        return "CVAT" if is_cvat(path) else ""
    if ending == ".json" or ending in TABLES:
        return "VIA" if is_via(path) else ""
    return ""


def tool_files(tree: Tree) -> list[Path]:
    """Returns the files of such tools below a folder, apart from those called like an image."""
    own = {name.rpartition(".")[0] for name in tree.names}
    near = [name for name in tree.others if name.count("/") <= _DEEP]
    near = [name for name in near if name.rpartition(".")[0] not in own][:_LOOKED_AT]
    return [tree.root / name for name in near if tool_of(tree.root / name)]


def read_tool_file(path: Path) -> list[OutlinedImage]:
    """Reads a file of one of these tools.

    Raises:
        DataError: If it cannot be understood.
    """
    return read_cvat(path) if tool_of(path) == "CVAT" else read_via(path)
