"""What values of masks are called: ``classes.txt``, ``labelmap.txt``, ``data.yaml``, a table."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from headstart.data.annotations.json_file import json_of
from headstart.data.tables.tables import TABLES, read_table
from headstart.data.words import normal
from headstart.errors import DataError

__all__ = ["ValueNames", "find_names"]

_FILES = (
    *(
        "classes",
        "class_names",
        "classnames",
        "names",
        "labels",
        "labelmap",
        "label_map",
        "_classes",
    ),
    *(
        "label_colors",
        "label_colours",
        "class_dict",
        "label_class_dict",
        "codes",
        "colormap",
        "colors",
    ),
)
_NNUNET = "dataset.json"
_ADE = "objectinfo150"  # a table, whatever its ending
_YAML = ("data", "dataset", "config", "classes")
_NUMBER = r"(\d{1,5})"
_THREE = r"(\d{1,3})[\s,;]+(\d{1,3})[\s,;]+(\d{1,3})"
_HEX = r"#([0-9a-fA-F]{6})"


@dataclass(frozen=True)
class ValueNames:
    """Names of values, of colours, or only in their order; one of the three.

    Attributes:
        path: The file that says so.
        by_value: Grey value or index -> name.
        by_colour: Colour as a number -> name.
        in_order: Names without values.
    """

    path: Path
    by_value: dict[int, str] = field(default_factory=dict)
    by_colour: dict[int, str] = field(default_factory=dict)
    in_order: tuple[str, ...] = ()


def find_names(folders: Iterable[Path]) -> ValueNames | None:
    """Returns what the first file of names in some folders says; None where there is none.

    Raises:
        DataError: If such a file says two things of one value.
    """
    for folder in folders:
        if not folder.is_dir():
            continue
        files = {each.name.lower(): each for each in sorted(folder.iterdir()) if each.is_file()}
        wanted = [f"{stem}.txt" for stem in _FILES] + ["obj.names"]
        wanted += [f"{stem}{end}" for stem in _YAML for end in (".yaml", ".yml")]
        wanted += [f"{stem}{end}" for stem in _FILES for end in TABLES]
        wanted += [_ADE + end for end in (".txt", ".csv")] + [_NNUNET]
        for name in wanted:
            found = _read(files[name]) if name in files else None
            if found is not None:
                return found
    return None


def _read(path: Path) -> ValueNames | None:
    if path.name.lower() == _NNUNET:
        return _of_nnunet(path)
    if path.suffix.lower() in TABLES or path.stem.lower() == _ADE:
        return _of_table(path)
    try:
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from None
    if path.suffix.lower() in (".yaml", ".yml"):
        return _of_yaml(path, text)
    lines = [normal(line) for line in text.splitlines()]
    return _of_lines(
        path,
        [
            line
            for line in lines
            if (line and not line.startswith(("#", "//"))) or re.match(_HEX, line)
        ],
    )


def _of_nnunet(path: Path) -> ValueNames | None:
    """Reads ``labels`` of nnU-Net: name -> value, or (its first version) value -> name."""
    content = json_of(path)
    labels = content.get("labels") if isinstance(content, dict) else None
    if not isinstance(labels, dict) or not ({"channel_names", "modality"} & set(content)):
        return None
    pairs = []
    for one, other in labels.items():
        if isinstance(other, list):
            raise DataError(
                f"{path} names regions of several values ({one}: {other}), and a pixel has one "
                f"class here: name each value for itself"
            )
        value, name = (one, other) if isinstance(other, str) else (other, one)
        if not str(value).isdecimal():
            raise DataError(f"{path}: {one!r}: {other!r} of its labels is no value with a name")
        pairs.append((int(value), str(name)))
    return ValueNames(path, by_value=_unique(path, pairs)) if pairs else None


def _of_lines(path: Path, lines: list[str]) -> ValueNames | None:
    """Reads lines in any of the usual ways; all must be of one."""
    if not lines:
        return None
    for pattern, name, numbers in (
        (rf"(.+?)\s*:\s*{_THREE}\s*(?::.*)?", 1, (2, 3, 4)),  # CVAT: name:r,g,b:parts:actions
        (rf"{_THREE}[\s,;:]+(.+)", 4, (1, 2, 3)),
        (rf"(.+?)[\s,;:]+{_THREE}", 1, (2, 3, 4)),
    ):
        found = [re.fullmatch(pattern, line) for line in lines]
        if all(found):
            pairs = [
                (int(f[numbers[0]]) << 16 | int(f[numbers[1]]) << 8 | int(f[numbers[2]]), f[name])
                for f in found if f
            ]  # fmt: skip
            return ValueNames(path, by_colour=_unique(path, pairs))
    for pattern, name, number in (
        (rf"{_HEX}[\s,;:=]+(.+)", 2, 1),
        (rf"(.+?)[\s,;:=]+{_HEX}", 1, 2),
    ):
        found = [re.fullmatch(pattern, line) for line in lines]
        if all(found):
            pairs = [(int(f[number], 16), f[name]) for f in found if f]
            return ValueNames(path, by_colour=_unique(path, pairs))
    for pattern, name, number in (
        (rf"{_NUMBER}[\s,;:=]+(.+)", 2, 1),
        (rf"(.+?)[\s,;:=]+{_NUMBER}", 1, 2),
    ):
        found = [re.fullmatch(pattern, line) for line in lines]
        if all(found):
            pairs = [(int(f[number]), f[name]) for f in found if f]
            if name == 1 and len({one for _, one in pairs}) < len(pairs):
                continue  # cell 1 and cell 2 are two names
            return ValueNames(path, by_value=_unique(path, pairs))
    return ValueNames(path, in_order=tuple(lines))


def _unique(path: Path, pairs: list[tuple[int, str]]) -> dict[int, str]:
    named: dict[int, str] = {}
    for value, name in pairs:
        name = normal(name).strip("'\"")
        if named.setdefault(value, name) != name:
            raise DataError(f"{path} calls one value both {named[value]!r} and {name!r}")
    return named


def _of_yaml(path: Path, text: str) -> ValueNames | None:
    """Reads ``names`` of a YAML file: a list in one line or several, or number: name."""
    lines = text.splitlines()
    start = next((i for i, line in enumerate(lines) if re.match(r"names\s*:", line)), None)
    if start is None:
        return None
    rest = lines[start].partition(":")[2].partition(" #")[0].strip()
    if rest.startswith(("[", "{")):
        whole = " ".join([rest, *lines[start + 1 :]])
        inner = re.split(r"[\]}]", whole[1:])[0]
        cells = [cell.strip().strip("'\"") for cell in inner.split(",") if cell.strip()]
        return _of_lines(path, cells) if rest[0] == "{" else _ordered(path, cells)
    cells = []
    for line in lines[start + 1 :]:
        if line.strip() and not line.startswith((" ", "\t", "-")):
            break
        if line.strip() and not line.strip().startswith("#"):
            cells.append(line.strip())
    if all(cell.startswith("-") for cell in cells):
        return _ordered(path, [cell[1:].strip().strip("'\"") for cell in cells])
    return _of_lines(path, cells)


def _ordered(path: Path, names: list[str]) -> ValueNames | None:
    return ValueNames(path, in_order=tuple(map(normal, names))) if names else None


def _of_table(path: Path) -> ValueNames | None:
    """Reads a table of names with values, or with r, g, b."""
    table = read_table(path)
    name = table.guess(("name", "class", "label", "class_name", "classes"))
    channels = [table.guess(each) for each in (("r", "red"), ("g", "green"), ("b", "blue"))]
    value = table.guess(
        (
            "value",
            "index",
            "idx",
            "id",
            "grey",
            "gray",
            "pixel",
            "pixel_value",
            "pixel value",
            "class_id",
        )
    )
    if name is None:
        return None
    names = table.columns[name]
    cells = [table.columns[each] for each in channels if each]
    if len(cells) == 3 and all(cell.isdecimal() for column in cells for cell in column):
        colours = [int(r) << 16 | int(g) << 8 | int(b) for r, g, b in zip(*cells, strict=True)]
        return ValueNames(path, by_colour=_unique(path, list(zip(colours, names, strict=True))))
    if value is not None and all(cell.isdecimal() for cell in table.columns[value]):
        pairs = [(int(v), n) for v, n in zip(table.columns[value], names, strict=True)]
        return ValueNames(path, by_value=_unique(path, pairs))
    return None
