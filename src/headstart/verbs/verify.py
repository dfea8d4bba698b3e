"""`verify`: whether two photos show the same person; or how well that can be told at all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from headstart.compute import Compute, Progress, silent
from headstart.errors import OptionError
from headstart.options.command import command
from headstart.options.verify import VerifyOptions

if TYPE_CHECKING:
    from headstart.gallery.recognition import Recognition
    from headstart.gallery.verification import Verification

__all__ = ["verify"]


@command(VerifyOptions)
def verify(options: VerifyOptions, progress: Progress = silent) -> Verification | Recognition:
    """Says whether two photos show the same person, or measures that on labelled photos.

    The people on the photos need not be enrolled: the gallery gives network and threshold.

    Returns:
        A `Verification` of two photos, a `Recognition` of a folder.

    Raises:
        DataError: If a photo cannot be used, or the folder does not say who is on its photos.
        ModelError: If there is no gallery, or it is damaged.
        OptionError: If no threshold could be calibrated and none is given.
        OutputError: If `out` cannot be written.
    """
    from headstart.gallery.folder import Gallery, GalleryReader
    from headstart.gallery.recognise import recognise
    from headstart.gallery.verification import verify_pair

    given = [options.photos] if isinstance(options.photos, str | Path) else list(options.photos)
    compute = Compute(options.device, options.workers, options.seed, progress)
    compute.begin("opening the gallery")
    opened = Gallery.open(options.gallery)
    reader = GalleryReader(opened)
    try:
        if len(given) == 1 and not _one_photo(given[0]):
            found = recognise(
                opened,
                reader,
                given[0],
                compute,
                threshold=options.threshold,
                label=options.label,
                image=options.image,
            )
            if options.out is not None:
                _write(found, Path(options.out))
            return found
        if len(given) == 2 and options.label is None and options.out is None:
            return verify_pair(opened, reader, given, options.threshold, compute)
        raise OptionError(
            "verify takes two photos, or one folder that holds one folder per person"
            " (-o and --label are for that)"
        )
    finally:
        reader.close()


def _one_photo(given: str | Path) -> bool:
    """Tells whether what was given can only be half of a pair."""
    from headstart.data.files.scan import EXTENSIONS

    return Path(given).suffix.lower() in EXTENSIONS and Path(given).is_file()


def _write(found: Recognition, file: Path) -> None:
    from headstart.reporting.recognition import write_page

    measures = found.measures
    at = None
    if "far_at_threshold" in measures:
        at = measures["far_at_threshold"], measures["tar_at_threshold"]
    write_page(file, lines=found.lines(), rows=found.rows(), curve=found.curve, at=at)
