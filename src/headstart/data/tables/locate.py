"""Where the files are that a table names: in its own folder, or in one or several beside it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from headstart.data.tables.named_files import NamedFiles, lowered
from headstart.data.words import MASKS, normal, split_word, uploaded_name
from headstart.errors import DataError
from headstart.lists import some_of

__all__ = ["Located", "locate"]

_QUOTED = re.compile(r"%[0-9A-Fa-f]{2}")
_ANNOTATIONS = frozenset(
    {"annotation", "annotations", "label", "labels", "groundtruth", "ground", "truth", "gt", "csv",
     "meta", "metadata", "table", "tables", "split", "splits", "targets"}
)  # fmt: skip


@dataclass(frozen=True)
class Located:
    """The files of R rows.

    Attributes:
        root: The folder that `names` are relative to.
        names: R names with forward slashes as they are on disk; as the table has them where there
            is no such file; ``""`` where it names none.
        there: R flags: whether that file is there.
        doubtful: Row -> why it cannot be told which file is meant.
        said: Where they were found, for people; empty for the table's own folder.
    """

    root: Path
    names: list[str]
    there: list[bool]
    doubtful: dict[int, str] = field(default_factory=dict)
    said: str = ""


def locate(path: Path, cells: list[str]) -> Located:
    """Finds the files that a column of a table names.

    They are looked for in the table's folder and in those in it, two levels deep; of a folder that
    only holds annotations, in the one above it. Names are
    compared in one normal form, and may lack the ending of the file. Where files of several folders
    have the same names, the table's own name must say which is meant (``val.csv``: ``val/``).

    Args:
        path: The table.
        cells: R cells; backslashes and absolute paths will do.

    Raises:
        DataError: If two folders fit equally well.
    """
    files = NamedFiles()
    cells = [cell.replace("\\", "/").removeprefix("file://") for cell in cells]
    home = _home(path, files, cells)
    cells, spelt = _unquoted(home, files, cells)
    cells, cut = _without_other_places(home, files, cells)
    rows = [row for row, cell in enumerate(cells) if cell]
    found = {home: {row: one for row in rows if (one := files.find(home, cells[row]))}}
    if len(found[home]) < len(rows):
        some = [cells[row] for row in rows[:: max(1, len(rows) // 200)]]
        for folder in files.folders_below(home):
            if any(files.find(folder, cell) for cell in some) or files.holds_any(folder, cells):
                found[folder] = {
                    row: one for row in rows if (one := files.find(folder, cells[row]))
                }
    found = {folder: hits for folder, hits in found.items() if hits}
    if len(found) > 1:
        found = _chosen(path, found, len(rows), cells)
    how = _found_roughly(path, files, found, cells, rows, home)
    full = [os.path.normpath(os.path.join(home, cell)) if cell else "" for cell in cells]
    there = [False] * len(cells)
    for hits in found.values():
        for row, names in hits.items():
            full[row], there[row] = names[0], True
    doubtful = {
        row: f"several files fit: {some_of((os.path.basename(each) for each in names), 3)}"
        for hits in found.values() for row, names in hits.items() if len(names) > 1
    }  # fmt: skip
    where = sorted(os.path.relpath(folder, home).replace(os.sep, "/") for folder in found)
    said = "" if where in ([], ["."]) else f"in {', '.join(each + '/' for each in where)}"
    said = ", ".join(each for each in (said, spelt, how, cut) if each)
    root, names = _common_root(path, full)
    return Located(root, names, there, doubtful, said)


def _home(path: Path, files: NamedFiles, cells: list[str]) -> str:
    """Returns the folder that paths are looked for in: that of the table, or the one above.

    That is so where the table's own only holds annotations by its name (``labels/train.csv``
    beside ``images/``), and no file that the table names.
    """
    home = str(path.parent)
    some = [cell for cell in cells if cell]
    some = some[:: max(1, len(some) // 50)]
    words = set(
        re.findall(
            r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", path.resolve().parent.name).lower()
        )
    )
    if not words & _ANNOTATIONS or any(
        _is_there(files, place, cell)
        for place in (home, *files.folders_below(home))
        for cell in some
    ):
        return home
    return os.path.join(home, "..")


def _unquoted(home: str, files: NamedFiles, cells: list[str]) -> tuple[list[str], str]:
    """Returns names as they are on disk where all are written as in an address (``%20``).

    Returns:
        The cells, and what was done, for people.
    """
    some = [cell for cell in cells if _QUOTED.search(cell)]
    some = some[:: max(1, len(some) // 50)]
    places = [home, *files.folders_below(home)] if some else []
    if not some or any(_is_there(files, place, cell) for place in places for cell in some):
        return cells, ""
    return [unquote(cell) for cell in cells], "names as addresses write them (%20)"


def _without_other_places(home: str, files: NamedFiles, cells: list[str]) -> tuple[list[str], str]:
    """Returns paths of another machine, or addresses, without the folders that are not here.

    Only where no file of any row is there as it is written; as few folders are cut off as will do.

    Returns:
        The cells, and what was cut off, for people.
    """
    some = [cell for cell in cells if cell]
    some = some[:: max(1, len(some) // 200)]
    if all("/" not in cell for cell in some) or any(_is_there(files, home, c) for c in some):
        return cells, ""
    places = [home, *files.folders_below(home)]
    if any(_is_there(files, place, cell) for place in places[1:] for cell in some):
        return cells, ""
    for count in range(1, max(cell.count("/") for cell in some) + 1):
        ends = ["/".join(cell.split("/")[min(count, cell.count("/")) :]) for cell in some]
        here = [any(_is_there(files, place, end) for place in places) for end in ends]
        if 2 * sum(here) > len(ends):
            lost = some[0][: len(some[0]) - len(ends[0])]
            cut = ["/".join(cell.split("/")[min(count, cell.count("/")) :]) for cell in cells]
            return cut, f"paths of another place without their first folders ({lost} …)"
    ends = [uploaded_name(cell) for cell in some]
    if 2 * sum(any(_is_there(files, p, end) for p in places) for end in ends) > len(ends):
        return [uploaded_name(cell) for cell in cells], "names as they were before an upload"
    return cells, ""


def _is_there(files: NamedFiles, folder: str, cell: str) -> bool:
    return bool(files.find(folder, cell) or files.find_by(lowered, folder, cell))


def _found_roughly(
    path: Path, files: NamedFiles, found: dict[str, dict[int, list[str]]], cells: list[str],
    rows: list[int], home: str,
) -> str:  # fmt: skip
    """Adds files whose names differ in the case of letters, or in zeros that a spreadsheet took.

    Only for rows that have no file of their very name, in the folders where others have; where
    none has, in all of them. Zeros count only where no row has a file of its very name.

    Returns:
        What was done, for people; empty where nothing was.

    Raises:
        DataError: If two folders fit equally well.
    """
    named = {row for hits in found.values() for row in hits}
    missing = [row for row in rows if row not in named]
    if not missing:
        return ""
    ways = [(lowered, "names with letters of other case")]
    ways += [] if named else [(_numbered, "names without their zeros")]
    for key, words in ways:
        rough = {
            folder: {row: one for row in missing if (one := files.find_by(key, folder, cells[row]))}
            for folder in (list(found) or [home, *files.folders_below(home)])
        }
        rough = {folder: hits for folder, hits in rough.items() if hits}
        if len(rough) > 1:
            rough = _chosen(path, rough, len(missing), cells)
        for folder, hits in rough.items():
            found[folder] = {**hits, **found.get(folder, {})}
        if rough:
            count = len({row for hits in rough.values() for row in hits})
            return f"{count:,} {words}"
    return ""


def _numbered(name: str) -> str:
    """Returns a number without its first zeros; "" of a name that is no number."""
    stem, ending = os.path.splitext(normal(name).casefold())
    if ending.lstrip(".").isdecimal():  # 12.5 is no file's name
        return ""
    return (stem.lstrip("0") or "0") if stem.isdecimal() else ""


def _chosen(
    path: Path, found: dict[str, dict[int, list[str]]], total: int, cells: list[str]
) -> dict[str, dict[int, list[str]]]:
    """Returns the folders that are meant: all where they share no name, else the one that fits.

    Raises:
        DataError: If two fit equally well.
    """
    seen: dict[int, str] = {}
    shared: tuple[int, str, str] | None = None
    for folder, hits in found.items():
        for row in hits:
            if row in seen and shared is None:
                shared = row, seen[row], folder
            seen.setdefault(row, folder)
    if shared is None:
        return found
    home = str(path.parent)
    if len(found.get(home, {})) == total:  # the folder that paths are relative to
        return {home: found[home]}
    found = {each: hits for each, hits in found.items() if not _holds_masks(each)} or found
    whole = [folder for folder, hits in found.items() if len(hits) == len(seen)]
    meant = [folder for folder in found if _is_called_like(path, folder)]
    if len(meant) == 1 and meant[0] in whole:
        return {meant[0]: found[meant[0]]}
    if len(whole) == 1 and not meant:
        return {whole[0]: found[whole[0]]}
    row, one, other = shared
    raise DataError(
        f"{path} names {cells[row]}, and {os.path.join(one, '')} and {os.path.join(other, '')} "
        f"both hold such a file: write the folder in front of each name, or put the table into "
        f"the folder that it is about"
    )


def _holds_masks(folder: str) -> bool:
    return normal(os.path.basename(folder)).lower() in MASKS


def _is_called_like(path: Path, folder: str) -> bool:
    """Whether a table says by its name that it is about a folder: val.csv and val/."""
    table, place = normal(path.stem).lower(), normal(os.path.basename(folder)).lower()
    kind = split_word(path.stem)
    return table == place or (kind is not None and kind == split_word(os.path.basename(folder)))


def _common_root(path: Path, full: list[str]) -> tuple[Path, list[str]]:
    """Returns the table's folder, or one above all files, and their names relative to it."""
    home = os.path.normpath(path.parent)
    prefix = "" if home == "." else os.path.join(home, "")
    outside = ("..", os.sep) if home == "." else ("..",)
    if not all(n.startswith(prefix) and not n.startswith(outside) for n in full if n):
        absolute = [os.path.abspath(name) for name in full if name]
        try:
            home = os.path.commonpath([os.path.dirname(name) for name in absolute])
        except ValueError:
            raise DataError(
                f"the files of {path} lie on different drives; move them to one"
            ) from None
        prefix = os.path.join(home, "")
        full = [os.path.abspath(name) if name else "" for name in full]
    return Path(home), [name[len(prefix) :].replace(os.sep, "/") for name in full]
