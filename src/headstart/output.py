"""Output folders: built in a hidden folder beside their final place, and moved there whole.

A killed process leaves either nothing or a complete folder.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import logging
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from headstart.errors import ModelError, OutputError

if sys.platform != "win32":
    import fcntl

__all__ = [
    "check_output",
    "hold",
    "new_folder",
    "parents_made",
    "read_json",
    "write_atomic",
]

_log = logging.getLogger(__name__)
_PREFIX = ".headstart-"
_GRACE = 60.0
_LEFTOVER = re.compile(r"\.headstart-(building|old)-[a-z0-9_]{8}")


def read_json(path: Path, *, remedy: str = "run 'headstart train' again") -> Any:
    """Reads a JSON file of a run, model or gallery.

    Args:
        path: The file.
        remedy: What to do when it cannot be read.

    Raises:
        ModelError: If it is missing or damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path} cannot be read ({error}); {remedy}") from None


def write_atomic(path: Path, data: bytes | str) -> None:
    """Writes a file whole or not at all, through a temporary neighbour.

    Raises:
        OSError: If the disk refuses.
    """
    data = data.encode() if isinstance(data, str) else data
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=_PREFIX)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def check_output(
    folder: Path, *, overwrite: bool, holds: str = "metrics.json", what: str = "run"
) -> None:
    """Refuses an output folder early, before any work is done.

    Args:
        folder: Where something is to be written.
        overwrite: Whether an earlier one there may be replaced.
        holds: The file that tells it from other folders.
        what: Its name for people.

    Raises:
        OutputError: If it exists and may not be replaced, or cannot be written.
    """
    _put_back(folder.absolute().parent)
    if folder.exists():
        is_one = folder.is_dir() and ((folder / holds).is_file() or not any(folder.iterdir()))
        if not is_one:
            raise OutputError(
                f"{folder} exists and is not {_a(what)} of headstart: nothing was changed; "
                f"choose another -o"
            )
        if not overwrite and any(folder.iterdir()):
            raise OutputError(
                f"{folder} already holds {_a(what)}; choose another -o, or say --overwrite (in "
                f"Python overwrite=True) to replace it"
            )
    parent = folder.absolute().parent
    missing = _missing(parent)
    try:
        # Nothing is made before there is something to write.
        with tempfile.TemporaryFile(dir=missing[0].parent if missing else parent):
            pass
    except OSError as error:
        raise OutputError(
            f"cannot write in {parent} ({error.strerror}); choose another -o"
        ) from None


def _missing(folder: Path) -> list[Path]:
    """Returns a folder and those above it that are not there, the highest first."""
    lineage = [folder, *folder.parents]
    return [each for each in reversed(lineage) if not os.path.lexists(each)]


@contextlib.contextmanager
def parents_made(place: Path) -> Iterator[None]:
    """Makes the folders that a place lies in; where what follows fails, they go again.

    Args:
        place: A file or folder that is to be written.

    Raises:
        OSError: If they cannot be made.
    """
    parent = place.absolute().parent
    made = _missing(parent)
    try:
        parent.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for each in reversed(made):
            with contextlib.suppress(OSError):  # somebody else has put something into it
                each.rmdir()
        raise


@contextlib.contextmanager
def new_folder(
    folder: Path, *, overwrite: bool, holds: str = "metrics.json", what: str = "run"
) -> Iterator[Path]:
    """Gives an empty folder to fill; moves it into place only when all went well.

    Args:
        folder: The final place.
        overwrite: Whether an earlier one there may be replaced.
        holds: The file that tells it from other folders.
        what: Its name for people.

    Yields:
        A hidden folder beside `folder`.

    Raises:
        OutputError: If the place is taken, read-only or the disk is full.
    """
    check_output(folder, overwrite=overwrite, holds=holds, what=what)
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(parents_made(folder))
        except OSError as error:
            parent = folder.absolute().parent
            raise OutputError(f"cannot write in {parent} ({error.strerror})") from None
        yield from _filled(folder, overwrite, holds, what)


def _filled(folder: Path, overwrite: bool, holds: str, what: str) -> Iterator[Path]:
    """Gives a hidden folder beside the place of another, and puts it there."""
    parent = folder.absolute().parent
    try:
        _sweep(parent)
        building = Path(tempfile.mkdtemp(dir=parent, prefix=f"{_PREFIX}building-"))
    except OSError as error:
        raise OutputError(f"cannot write in {parent} ({error.strerror})") from None
    held = hold(building)
    try:
        yield building
        building.chmod(0o755)
        if folder.exists():
            # Another process may have been faster.
            check_output(folder, overwrite=overwrite, holds=holds, what=what)
            _take_place(building, folder)
        else:
            os.replace(building, folder)
    except OutputError as error:
        # Whoever failed inside named the hidden folder, which is gone a moment later.
        if str(building) not in str(error):
            raise
        raise OutputError(
            f"{str(error).replace(str(building), str(folder))}; free some space or choose "
            f"another -o; nothing half-written was left"
        ) from None
    except OSError as error:
        raise OutputError(
            f"could not write {folder} ({error.strerror or error}); free some space or choose "
            f"another -o; nothing half-written was left"
        ) from None
    finally:
        shutil.rmtree(building, ignore_errors=True)
        if held is not None:
            os.close(held)


def _take_place(new: Path, earlier: Path) -> None:
    """Puts a folder where another one is, which is thrown away.

    Where the system can exchange two folders, one of both is there at every instant. Elsewhere it
    takes two renames: what a kill between them has taken away, the next command puts back.

    Raises:
        OSError: If it cannot be done; `earlier` is then where it was.
    """
    if _exchange(new, earlier):
        if new.is_symlink():
            new.unlink()
        shutil.rmtree(new, ignore_errors=True)
        return
    old = Path(tempfile.mkdtemp(dir=earlier.absolute().parent, prefix=f"{_PREFIX}old-"))
    held = hold(old)
    kept = old / earlier.absolute().name
    try:
        os.replace(earlier, kept)
        try:
            os.replace(new, earlier)
        except OSError:
            os.replace(kept, earlier)
            raise
    finally:
        with contextlib.suppress(OSError):
            if earlier.exists():
                shutil.rmtree(old)
        if held is not None:
            os.close(held)


def _put_back(parent: Path) -> None:
    """Puts back what was to be replaced, where a kill came before the new one took its place."""
    with contextlib.suppress(OSError):
        for entry in os.scandir(parent):
            kind = _LEFTOVER.fullmatch(entry.name)
            if kind and kind[1] == "old" and _is_own_folder(entry):
                _put_back_from(Path(entry.path))


def _is_own_folder(entry: os.DirEntry[str]) -> bool:
    """No link, and of this user: in a folder for all, others could name anything like ours."""
    status = entry.stat(follow_symlinks=False)
    mine = not hasattr(os, "geteuid") or status.st_uid == os.geteuid()
    return mine and entry.is_dir(follow_symlinks=False)


def _put_back_from(old: Path) -> None:
    held = hold(old)
    try:
        if held is None and time.time() - old.stat().st_mtime < _GRACE:
            return  # somebody is between the two renames
        kept = list(old.iterdir())
        if len(kept) != 1 or os.path.lexists(old.parent / kept[0].name):
            return
        place = old.parent / kept[0].name
        os.rename(kept[0], place)
        old.rmdir()
        _log.warning(
            "%s is back as it was: an --overwrite was stopped before it had replaced it",
            place,
        )
    finally:
        if held is not None:
            os.close(held)


def _exchange(one: Path, other: Path) -> bool:
    """Exchanges two folders in one step; False where the system or the disk cannot."""
    if sys.platform == "win32":
        return False
    libc = ctypes.CDLL(None)
    first, second = os.fsencode(one), os.fsencode(other)
    if hasattr(libc, "renameat2"):  # Linux
        here = ctypes.c_int(-100)  # AT_FDCWD
        return bool(libc.renameat2(here, first, here, second, ctypes.c_uint(2)) == 0)
    if hasattr(libc, "renamex_np"):  # macOS
        return bool(libc.renamex_np(first, second, ctypes.c_uint(2)) == 0)
    return False


def hold(folder: Path) -> int | None:
    """Locks a folder for as long as this process lives; None where that cannot be had."""
    if sys.platform == "win32":
        return None
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle


def _sweep(parent: Path) -> None:
    """Removes what killed processes left: unfinished runs that no living process holds.

    A minute's grace covers the moment between making a folder and locking it; where there are
    no locks, and for the earlier run of a replacement that was killed halfway, it is a day.
    """
    for entry in os.scandir(parent):
        kind = _LEFTOVER.fullmatch(entry.name)
        if not kind:
            continue
        with contextlib.suppress(OSError):
            age = time.time() - entry.stat(follow_symlinks=False).st_mtime
            held = hold(Path(entry.path)) if kind[1] == "building" and age > _GRACE else None
            if held is not None or age > 24 * 3600:
                shutil.rmtree(entry.path, ignore_errors=True)
            if held is not None:
                os.close(held)


def _a(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeio' else 'a'} {noun}"
