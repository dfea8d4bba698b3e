"""The names of YOLO's classes, and which folders hold its splits: data.yaml, classes.txt."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headstart.data.annotations.json_file import json_of
from headstart.data.files.scan import Tree
from headstart.data.words import normal
from headstart.errors import DataError

__all__ = ["YoloNames", "yolo_names"]

_LISTS = ("classes.txt", "obj.names", "_darknet.labels", "labels.txt", "predefined_classes.txt")
_MOST_BYTES = 1 << 20


@dataclass(frozen=True)
class YoloNames:
    """What the files beside those of YOLO say.

    Attributes:
        names: Number of a class -> its name; empty where nobody says.
        folders: Part of a path -> split.
        file: Which file says so.
    """

    names: dict[int, str] = field(default_factory=dict)
    folders: dict[str, str] = field(default_factory=dict)
    file: str = ""

    @property
    def said(self) -> str:
        """Where the names come from, for people."""
        return f"classes named by {self.file}" if self.names else ""


def yolo_names(tree: Tree) -> YoloNames:
    """Finds names of classes in a folder.

    Raises:
        DataError: If two files name them differently, or one cannot be read.
    """
    found: list[YoloNames] = []
    for name in sorted(tree.others, key=lambda each: (each.count("/"), each)):
        last = name.rpartition("/")[2].lower()
        path = tree.root / name
        if last.endswith((".yaml", ".yml")):
            each = _of_yaml(path, name)
        elif last in _LISTS or last.endswith(".names"):
            each = YoloNames(_of_lines(path), {}, name)
        elif last == "notes.json":
            each = YoloNames(_of_notes(path), {}, name)
        else:
            continue
        found += [each] if each.names else []
    for other in found[1:]:
        if other.names != found[0].names:
            raise DataError(
                f"{found[0].file} and {other.file} of {tree.root} name the classes differently: "
                f"delete the one that is wrong"
            )
    return found[0] if found else YoloNames()


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _MOST_BYTES:
            return ""
        return path.read_text("utf-8-sig", errors="replace")
    except OSError:
        return ""


def _of_lines(path: Path) -> dict[int, str]:
    lines = [normal(line) for line in _text(path).splitlines()]
    while lines and not lines[-1]:
        lines.pop()
    return {number: line or str(number) for number, line in enumerate(lines)}


def _of_notes(path: Path) -> dict[int, str]:
    """Returns the names that an export of Label Studio brings along."""
    content = json_of(path)
    listed = content.get("categories") if isinstance(content, dict) else None
    return {
        each["id"]: normal(str(each["name"]))
        for each in listed or []
        if isinstance(each, dict) and isinstance(each.get("id"), int) and "name" in each
    }


def _of_yaml(path: Path, name: str) -> YoloNames:
    import yaml

    try:
        content: Any = yaml.safe_load(_text(path))
    except (yaml.YAMLError, RecursionError) as error:
        raise DataError(f"{path} is not readable YAML: {str(error).splitlines()[0]}") from None
    if not isinstance(content, dict):
        return YoloNames()
    given = content.get("names")
    if isinstance(given, list):
        names = {number: normal(str(each)) for number, each in enumerate(given)}
    elif isinstance(given, dict) and all(str(key).isdigit() for key in given):
        names = {int(key): normal(str(each)) for key, each in given.items()}
    else:
        return YoloNames()
    folders: dict[str, str] = {}
    for kind in ("train", "val", "test"):
        told = content.get(kind)
        for each in told if isinstance(told, list) else [told]:
            if isinstance(each, str) and not each.endswith(".txt"):
                parts = [p for p in each.replace("\\", "/").split("/") if p not in ("", ".", "..")]
                folders.setdefault(normal("/".join(parts)), kind)
    return YoloNames(names, {each: kind for each, kind in folders.items() if each}, name)
