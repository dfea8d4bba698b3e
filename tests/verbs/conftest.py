"""One training, shared by the tests of the verbs."""

import shutil

import numpy as np
import pytest
from PIL import Image

from headstart.verbs.train import train


def paint(place, colour, seed, size=40):
    """Writes a noisy image of one colour."""
    rng = np.random.default_rng([colour, seed])
    pixels = rng.integers(0, 120, (size, size, 3), np.uint8)
    pixels[..., colour] += 100
    place.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(place)


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """(data, run): train and test folders of red, green and blue; one test image is mislabelled."""
    root = tmp_path_factory.mktemp("trained")
    data = root / "data"
    for colour, name in enumerate(("red", "green", "blue")):
        for number in range(8):
            paint(data / "train" / name / f"{number}.png", colour, number)
        for number in range(4):
            paint(data / "test" / name / f"{number}.png", colour, 100 + number)
    paint(data / "test" / "red" / "wrong.png", 1, 200)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(root / "cache"))
        return data, train(data, out=root / "run", backbone="starter", strategy="probe")


@pytest.fixture(scope="session")
def exported(trained, tmp_path_factory):
    """(record, folder) of that run's export in every precision."""
    from headstart.verbs.export import export

    _, run = trained
    out = tmp_path_factory.mktemp("exported") / "export"
    return export(run.folder, out=out, int8=True, fp16=True, max_drop=100.0), out


@pytest.fixture
def new(tmp_path):
    """A folder of four new images, two of which cannot be read, and a note."""
    folder = tmp_path / "new"
    paint(folder / "a.png", 0, 900)
    paint(folder / "deeper" / "b ä.png", 2, 901)
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 and no more")
    (folder / "empty.png").write_bytes(b"")
    (folder / "note.txt").write_text("not an image")
    return folder


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """(gallery, enrolment, photos): four people with four photos each, in two groups."""
    from tests.verbs.albums import PEOPLE, album

    from headstart.verbs.enroll import enroll

    root = tmp_path_factory.mktemp("gallery")
    photos = album(root / "photos")
    rows = ["file,group"]
    rows += [f"{p}/{n}.png,{'ab'[i % 2]}" for i, p in enumerate(PEOPLE) for n in range(4)]
    (photos / "attributes.csv").write_text("\n".join(rows))
    (photos / "Ann" / "broken.png").write_text("no image")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(root / "cache"))
        done = enroll(root / "gallery", photos, backbone="starter", far=0.1)
        return root / "gallery", done, photos


@pytest.fixture
def gallery(made, tmp_path):
    """A copy of it to change."""
    shutil.copytree(made[0], tmp_path / "gallery")
    return tmp_path / "gallery"
