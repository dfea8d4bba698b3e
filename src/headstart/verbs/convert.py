"""`convert`: a detector's published weights as a backbone folder, proven to answer alike."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from headstart.errors import BackboneError
from headstart.options.command import command
from headstart.options.convert import ConvertOptions
from headstart.output import check_output, new_folder

if TYPE_CHECKING:
    from headstart.nets.detectors.convert import Converted

__all__ = ["convert"]

_HOLDS = "config.json"


@command(ConvertOptions)
def convert(options: ConvertOptions) -> Converted:
    """Writes a backbone folder of what the authors of a detector publish.

    Returns:
        A `Converted`.

    Raises:
        BackboneError: If a file cannot be read, is of a network that is not known, or answers
            otherwise than what was made of it.
        OutputError: If `out` cannot be written.
    """
    from headstart.nets.detectors.convert import convert_detector

    folder = Path(options.out)
    check_output(folder, overwrite=options.overwrite, holds=_HOLDS, what="backbone")
    given = options.files
    files = [given] if isinstance(given, str | Path) else list(given)
    names = None if options.class_names is None else _names(Path(options.class_names))
    with new_folder(folder, overwrite=options.overwrite, holds=_HOLDS, what="backbone") as home:
        return replace(convert_detector(files, home, names=names), folder=folder)


def _names(file: Path) -> list[str]:
    """Reads one name a line.

    Raises:
        BackboneError: If that cannot be.
    """
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BackboneError(f"{file}: cannot be read as a text of class names ({error})") from None
    return [line.strip() for line in lines if line.strip()]
