"""`identify`: who of a gallery is on a photo or in a video, or nobody that it knows."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from headstart.compute import Compute, Progress, silent
from headstart.errors import OptionError
from headstart.options.command import command
from headstart.options.identify import IdentifyOptions
from headstart.options.idle import fps_of

if TYPE_CHECKING:
    from headstart.gallery.identification import Identification

__all__ = ["identify"]


@command(IdentifyOptions)
def identify(options: IdentifyOptions, progress: Progress = silent) -> Identification:
    """Says who of a gallery is on each photo or in a video, or that it is nobody enrolled.

    Returns:
        An `Identification`; a photo that cannot be used is an answer with its reason. In a gallery
        of faces every face on a photo is answered for; with `labelled`, the largest. In a video
        every face is followed and answered for once; a gallery of whole photos answers for every
        frame looked at. A video that breaks off, or a camera that goes, leaves a last answer with
        the reason.

    Raises:
        DataError: If no photo is named at all, a video cannot be opened, or the truth is asked for
            and not there.
        ModelError: If there is no gallery, or it is damaged.
        OptionError: If no threshold could be calibrated and none is given, or an argument makes no
            sense.
        OutputError: If `out` is there already or cannot be written.
    """
    from headstart.data.files.paths import NO_FILE, missing_paths
    from headstart.gallery.embed import square_embedder
    from headstart.gallery.folder import Gallery, GalleryReader
    from headstart.gallery.identification import Identification
    from headstart.gallery.identify_photos import identify_photos, measure_photos, threshold_of
    from headstart.images.video import is_video
    from headstart.video.identify_video import Search, identify_in_video

    photos = options.photos
    given = [photos] if isinstance(photos, str | Path | int) else list(photos)
    names = [os.fspath(each) for each in given if not isinstance(each, int)]
    moving = any(is_video(each) for each in given)
    if moving and len(given) > 1:
        raise OptionError("one video or camera at a time, and no photos beside it")
    if moving and options.labelled:
        raise OptionError("--labelled is for photos, in one folder per person")
    if options.out is not None and not moving:
        raise OptionError("-o is for videos and cameras; of photos use --json")
    fps = fps_of(options.fps, 5.0, moving=moving)
    compute = Compute(options.device, options.workers, options.seed, progress)
    gallery, top = str(options.gallery), options.top
    compute.begin("opening the gallery")
    reader = GalleryReader(opened := Gallery.open(options.gallery))
    try:
        threshold, far, notes = threshold_of(reader, gallery, options.threshold)
        if moving:
            pairs = reader.calibration.verify if reader.calibration else None
            search = Search(
                names[0] if names else int(str(given[0])),
                reader.index,
                opened.preprocess,
                square_embedder(opened.backbone, opened.preprocess, device=options.device),
                threshold,
                pairs.threshold.value if pairs else None,
                top,
            )
            place = Path(options.out) if options.out is not None else None
            answers, more = identify_in_video(search, fps, place, progress)
            return Identification(gallery, threshold, far, answers, {}, (*notes, *more))
        if options.labelled:
            answers, measures, more = measure_photos(
                opened,
                reader,
                names,
                threshold,
                compute,
                top=top,
                label=options.label,
                image=options.image,
            )
            return Identification(gallery, threshold, far, answers, measures, (*notes, *more))
        missing = missing_paths(names)
        answers = tuple(
            replace(each, error=NO_FILE) if each.error and each.photo in missing else each
            for each in identify_photos(opened, reader, names, threshold, compute, top=top)
        )
        return Identification(gallery, threshold, far, answers, {}, tuple(notes))
    finally:
        reader.close()
