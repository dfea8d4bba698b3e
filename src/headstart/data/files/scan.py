"""`scan`: the image files below a folder, each found once, and what else lies there."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from headstart.data.files.signature import begins_like_image, is_annotation
from headstart.errors import DataError

__all__ = ["EXTENSIONS", "Tree", "scan"]

EXTENSIONS = frozenset(
    {
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".bmp", ".dib", ".webp"),
        *(".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".j2k", ".avif"),
        *(".heic", ".heif"),
    }
)
"""A file with one of these endings is an item; whether it decodes is found out later."""

# Folders that archivers, file servers and notebooks leave behind.
_JUNK = frozenset({"__MACOSX", "@eaDir", "$RECYCLE.BIN", "lost+found", "__pycache__"})
_DEEPEST = 100


@dataclass(frozen=True)
class Tree:
    """The image files below a folder.

    Attributes:
        root: The folder.
        names: Paths of the images relative to `root`, sorted, with forward slashes.
        barren: Folders that hold no image at any depth (not those below them)
            -> how many other files they hold.
        set_aside: (name, reason) of what could not be looked at.
        others: Paths of the files that are no images, sorted.
    """

    root: Path
    names: tuple[str, ...]
    barren: dict[str, int] = field(default_factory=dict)
    set_aside: tuple[tuple[str, str], ...] = ()
    others: tuple[str, ...] = ()

    def below(self, folder: str) -> Tree:
        """Returns the tree of a sub-folder, its names relative to that."""
        start, at = folder + "/", len(folder) + 1
        return Tree(
            self.root / folder,
            tuple(name[at:] for name in self.names if name.startswith(start)),
            {name[at:]: n for name, n in self.barren.items() if name.startswith(start)},
            tuple((name[at:], why) for name, why in self.set_aside if name.startswith(start)),
            tuple(name[at:] for name in self.others if name.startswith(start)),
        )

    @property
    def folders(self) -> Counter[str]:
        """Direct sub-folders that hold images at any depth -> how many."""
        return Counter(name.partition("/")[0] for name in self.names if "/" in name)

    @property
    def endings(self) -> dict[str, int]:
        """Ending of the files that are no images -> how many, the most frequent first."""
        counts = Counter(os.path.splitext(name)[1].lower() or "none" for name in self.others)
        return dict(sorted(counts.items(), key=lambda each: (-each[1], each[0])))


def scan(root: Path) -> Tree:
    """Finds all image files below a folder, by their endings or by what they begin with.

    Hidden entries and the litter of archivers are passed over. A folder is entered once, whatever
    links lead to it: by its own name, or else by the first link in order of names.

    Raises:
        DataError: The folder cannot be listed.
    """
    walk = _Walk(root)
    try:
        walk.enter(str(root), "")
    except OSError as error:
        raise DataError(f"cannot list {root}: {error.strerror or error}") from None
    walk.follow_links()
    return Tree(
        root, tuple(sorted(walk.names)), walk.barren(), tuple(sorted(walk.set_aside)),
        tuple(sorted(walk.others)),
    )  # fmt: skip


class _Walk:
    """A walk under way."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.names: list[str] = []
        self.others: list[str] = []
        self.set_aside: list[tuple[str, str]] = []
        self._folders: list[str] = []
        self._seen: dict[tuple[int, int], str] = {}
        self._links: list[str] = []

    def enter(self, folder: str, start: str) -> None:
        """Lists a folder, and those in it.

        Args:
            folder: Its path.
            start: What the names in it begin with.

        Raises:
            OSError: If it cannot be listed.
        """
        facts = os.stat(folder)
        self._seen[facts.st_dev, facts.st_ino] = start.rstrip("/") or "."
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
        for entry in entries:
            name = entry.name
            if name[0] == "." or name in _JUNK:
                continue
            if not name.isprintable() and any("\ud800" <= c <= "\udfff" for c in name):
                shown = os.fsencode(start + name).decode("utf-8", "backslashreplace")
                self.set_aside.append((shown, "its name is not valid UTF-8; rename it"))
                continue
            try:
                self._take(entry, start + name)
            except OSError as error:
                reason = error.strerror or str(error)
                self.set_aside.append((start + name, f"cannot be listed ({reason})"))

    def _take(self, entry: os.DirEntry[str], name: str) -> None:
        if entry.is_dir():
            if entry.is_symlink():
                self._links.append(name)
            elif name.count("/") >= _DEEPEST:
                self.set_aside.append((name, f"more than {_DEEPEST} folders deep"))
            else:
                self.enter(entry.path, name + "/")
                self._folders.append(name)
        elif self._is_image(entry):
            self.names.append(name)
        else:
            self.others.append(name)

    @staticmethod
    def _is_image(entry: os.DirEntry[str]) -> bool:
        """Tells whether a file is an item; what cannot be opened is, if its name says so."""
        if os.path.splitext(entry.name)[1].lower() in EXTENSIONS:
            return True
        if is_annotation(entry.name) or not entry.is_file():
            return False
        return begins_like_image(entry.path)

    def follow_links(self) -> None:
        """Enters the folders that only links lead to."""
        while self._links:
            name = min(self._links)
            self._links.remove(name)
            path = os.path.join(self.root, name)
            try:
                facts = os.stat(path)
                known = self._seen.get((facts.st_dev, facts.st_ino))
                if known is None:
                    self.enter(path, name + "/")
                    self._folders.append(name)
                elif known == "." or name.startswith(known + "/"):
                    self.set_aside.append((name, "a link back to a folder above"))
                else:
                    self.set_aside.append((name, f"a link to {known}, which is read already"))
            except OSError as error:
                self.set_aside.append((name, f"cannot be listed ({error.strerror})"))

    def barren(self) -> dict[str, int]:
        """Returns the topmost folders without images -> other files in them."""
        holding, counts = {""}, Counter[str]()
        for names, into in ((self.names, holding), (self.others, None)):
            for name in names:
                parts = name.split("/")[:-1]
                above = ["/".join(parts[:depth]) for depth in range(1, len(parts) + 1)]
                if into is None:
                    counts.update(above)
                else:
                    into.update(above)
        if not self.names:
            return {}
        return {
            folder: counts[folder]
            for folder in self._folders
            if folder not in holding and folder.rpartition("/")[0] in holding
        }
