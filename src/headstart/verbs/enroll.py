"""`enroll`: people into a gallery, and out of it, without training anything."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from headstart.compute import Compute, Progress, silent
from headstart.errors import DataError
from headstart.options.command import command
from headstart.options.enroll import EnrollOptions
from headstart.output import check_output

if TYPE_CHECKING:
    from headstart.gallery.enrolment import Enrolment

__all__ = ["enroll"]


@command(EnrollOptions)
def enroll(options: EnrollOptions, progress: Progress = silent) -> Enrolment:
    """Adds people to a gallery, or removes people or photos, and calibrates its thresholds anew.

    Nothing is trained: a person is the vectors of a few photos. Photos that are enrolled
    already are known by their content and passed over; photos that cannot be used are set
    aside by name. Each person is committed at once and survives a crash from then on.

    Returns:
        An `Enrolment`.

    Raises:
        DataError: If no photo at all can be used.
        BackboneError: If the backbone cannot be had.
        ModelError: If the gallery is damaged, or the folder is none.
        OptionError: If an argument makes no sense, or nobody has the name to remove, or no photo.
        OutputError: If the gallery cannot be written.
    """
    from headstart.gallery.enrolling import Enrolling, remove_photo
    from headstart.gallery.enrolment import finish
    from headstart.gallery.folder import MARKER, Gallery
    from headstart.gallery.names import person_name
    from headstart.gallery.photos import photos_of_one, photos_of_people

    folder = Path(options.gallery)
    given = options.photos
    if given is not None and not isinstance(given, str | Path):
        given = list(given)
    compute = Compute(options.device, options.workers, options.seed, progress)
    work = Enrolling(folder, options.wanted, compute, move=options.move)
    if given and not work.made:
        check_output(folder, overwrite=False, holds=MARKER, what="gallery")
    removing = options.remove is not None or options.remove_photo is not None
    if not work.made and (removing or not given):
        Gallery.open(folder)  # says what is missing
    compute.begin("opening the network")
    work.open_or_prepare(options.backbone, options.detector if options.faces else None)
    removed: dict[str, int] = {}
    if options.remove is not None:
        with work.gallery.store(write=True) as store:
            removed[person_name(options.remove)] = store.remove(options.remove)
    if options.remove_photo is not None:
        person = remove_photo(work.gallery, options.remove_photo)
        removed[person] = removed.get(person, 0) + 1
    if given:
        compute.begin("finding the photos")
        if options.name is not None:
            work.enroll(photos_of_one(given, options.name))
        else:
            first = given if isinstance(given, str | Path) else given[0]
            what = "put them in one folder per person, or say --name NAME if all are of one"
            work.enroll(photos_of_people(first, options.label, image=options.image, otherwise=what))
        if not work.enrolled and not work.known and not work.moved:
            reason = next(iter(work.errors.values()))
            raise DataError(
                f"no photo can be enrolled; the first of {len(work.errors):,}: "
                f"{next(iter(work.errors))}: {reason}"
            )
    return finish(work, removed, compute)
