"""Files found by names as a table writes them, each folder listed once."""

from __future__ import annotations

import os
from collections.abc import Callable

from headstart.data.files.scan import EXTENSIONS
from headstart.data.words import normal

__all__ = ["NamedFiles", "lowered"]

_MOST = 100  # folders beside a table that are looked into


def lowered(name: str) -> str:
    """Returns a name as it is compared where the case of letters does not count."""
    return normal(name).casefold()


class NamedFiles:
    """Finds files by names in one normal form, listing each folder once."""

    def __init__(self) -> None:
        self._folders: dict[str, dict[str, str]] = {}
        self._names: dict[str, dict[str, list[str]]] = {}
        self._stems: dict[str, dict[str, list[str]]] = {}
        self._keyed: dict[tuple[Callable[[str], str], str], dict[str, list[str]]] = {}

    def find(self, folder: str, cell: str) -> list[str]:
        """Returns the paths of the files that a cell can mean below a folder; several in doubt."""
        parent, _, last = cell.rpartition("/")
        place = self._resolve(folder, parent)
        if place is None:
            return []
        named = self._names[place].get(normal(last))
        if named is not None:
            return [os.path.normpath(os.path.join(place, each)) for each in named]
        whole = os.path.join(place, last)
        if self._names[place] and os.path.isfile(whole):  # where the case of letters is nothing
            return [os.path.normpath(whole)]
        if os.path.splitext(last)[1].lower() in EXTENSIONS:
            return []
        return [
            os.path.normpath(os.path.join(place, each))
            for each in self._stems[place].get(normal(last), ())
        ]

    def find_by(self, key: Callable[[str], str], folder: str, cell: str) -> list[str]:
        """Returns the paths of files whose name, or whose name without its ending, has a key.

        Args:
            key: Of a name; "" where it has none.
            folder: Where.
            cell: What the table says.
        """
        parent, _, last = cell.rpartition("/")
        place = self._resolve(folder, parent, key=lowered)
        wanted = key(last)
        if place is None or not wanted:
            return []
        kept = self._keyed.setdefault((key, place), {})
        if not kept:
            for name in (each for names in self._names[place].values() for each in names):
                stem, ending = os.path.splitext(name)
                if ending.lower() in EXTENSIONS:
                    for one in {key(name), key(stem)} - {""}:
                        kept.setdefault(one, []).append(name)
        return [os.path.normpath(os.path.join(place, each)) for each in kept.get(wanted, ())]

    def holds_any(self, folder: str, cells: list[str]) -> bool:
        """Whether a folder holds a file that one of many plain names means."""
        self._list(folder)
        names, stems = self._names[folder], self._stems[folder]
        return any(
            (one := normal(cell)) in names or one in stems for cell in cells if "/" not in cell
        )

    def folders_below(self, home: str) -> list[str]:
        """Returns the folders in a folder and those in them, sorted, so many at most."""
        found = []
        for folder in self._inside(home):
            found += [folder, *self._inside(folder)]
            if len(found) >= _MOST:
                break
        return found[:_MOST]

    def _inside(self, folder: str) -> list[str]:
        self._list(folder)
        inside = self._folders[folder].values()
        return [os.path.join(folder, each) for each in sorted(inside) if each[0] != "."]

    def _resolve(self, folder: str, parent: str, key: Callable[[str], str] = normal) -> str | None:
        """Returns the path of a folder below another one, or None; listed."""
        place = os.path.normpath(os.path.join(folder, parent)) if parent else folder
        self._list(place)
        if self._names[place] or self._folders[place]:
            return place
        at = "/" if parent.startswith("/") else folder
        for part in parent.split("/"):
            if part in ("", "."):
                continue
            self._list(at)
            there = part if part == ".." else self._folders[at].get(normal(part))
            if there is None and key is not normal:
                alike = [each for each in self._folders[at].values() if key(each) == key(part)]
                there = alike[0] if len(alike) == 1 else None
            if there is None:
                return None
            at = os.path.join(at, there)
        self._list(at)
        return at

    def _list(self, folder: str) -> None:
        if folder in self._names:
            return
        names: dict[str, list[str]] = {}
        folders: dict[str, str] = {}
        stems: dict[str, list[str]] = {}
        try:
            with os.scandir(folder) as entries:
                for entry in sorted(entries, key=lambda each: each.name):
                    if _is_folder(entry):
                        folders.setdefault(normal(entry.name), entry.name)
                    else:
                        names.setdefault(normal(entry.name), []).append(entry.name)
                        stem, ending = os.path.splitext(entry.name)
                        if ending.lower() in EXTENSIONS:
                            stems.setdefault(normal(stem), []).append(entry.name)
        except OSError:
            pass
        self._names[folder], self._folders[folder], self._stems[folder] = names, folders, stems


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False
