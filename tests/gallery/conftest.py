"""One gallery of four people, shared by the tests of what is asked of a gallery."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.verbs.albums import album

from headstart.compute import Compute
from headstart.gallery.enrolling import Enrolling
from headstart.gallery.enrolment import finish
from headstart.gallery.folder import Gallery, GalleryReader
from headstart.gallery.photos import photos_of_people


@pytest.fixture(scope="session")
def club(tmp_path_factory) -> tuple[Gallery, Path]:
    """(gallery, photos): four people with four whole photos each, by the packaged network."""
    root = tmp_path_factory.mktemp("club")
    photos, compute = album(root / "photos"), Compute(device="cpu", workers=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(root / "cache"))
        work = Enrolling(root / "gallery", {"far": 0.1}, compute)
        work.open_or_prepare("starter", None)
        work.enroll(photos_of_people(photos, None, otherwise=""))
        finish(work, {}, compute)
    return Gallery.open(root / "gallery"), photos


@pytest.fixture
def reader(club) -> Iterator[GalleryReader]:
    """The people of that gallery."""
    reader = GalleryReader(club[0])
    yield reader
    reader.close()
