"""From files to vectors of length 1, and what becomes of files that give none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from tests.conftest import draw_image
from tests.drawn_faces import detector_file, find_drawn_faces, photo

from headstart.compute import Compute
from headstart.data.dataset import Dataset
from headstart.data.labels import Classes
from headstart.fingerprint import fingerprint_file
from headstart.gallery import embed
from headstart.gallery.embed import crowds_on, embed_every_face, embed_photos, square_embedder
from headstart.images import detect
from headstart.images.faces import NO_FACE, Faces
from headstart.images.preprocess import Preprocess
from headstart.nets.pretrained.backbone import BackboneInfo

SEES = Preprocess(32, geometry="square")
INFO = BackboneInfo((("stage1", 2), ("last", 3)), 0, None)


class MeanColour:
    """An engine whose last layer is the mean colour; black gives zeros, and red no number."""

    summary, precision, batch, depth = "mean colours", "fp32", 4, 2

    def __init__(self) -> None:
        self.slots: dict[int, np.ndarray] = {}
        self.sizes: list[int] = []

    def start(self, slot: int, images: np.ndarray) -> None:
        colours = images.reshape(len(images), -1, 3).mean(axis=1)
        colours[(colours == [255, 0, 0]).all(axis=1)] = np.nan
        self.sizes.append(len(images))
        self.slots[slot] = np.concatenate([np.ones((len(images), 2)), colours], axis=1)

    def finish(self, slot: int) -> np.ndarray:
        return self.slots.pop(slot).astype(np.float32)


@pytest.fixture
def colours():
    """A backbone of mean colours."""
    made = SimpleNamespace(info=INFO, asked=[], engines=[])

    def engine(preprocess, *, images, proof, device):
        made.asked.append(images)
        made.engines.append(MeanColour())
        return made.engines[-1]

    made.engine = engine
    made.fingerprint = "colours"
    made.source = SimpleNamespace(kind="folder")
    return made


def data(root: Path, *names: str) -> Dataset:
    targets = np.zeros(len(names), int)
    return Dataset(root, names, Classes(("a",), targets), np.array([""] * len(names), "U5"))


def save(folder: Path, name: str, colour: tuple[int, int, int]) -> None:
    from PIL import Image

    Image.new("RGB", (40, 40), colour).save(folder / name)


def test_images_as_they_come(colours):
    look = square_embedder(colours, SEES, images=77)
    assert colours.asked == []  # nothing is loaded before it is needed
    images = np.random.default_rng(0).integers(0, 256, (9, 1, 32, 32, 3), dtype=np.uint8)
    found = look(images)
    wanted = images.reshape(9, -1, 3).mean(axis=1)
    wanted /= np.linalg.norm(wanted, axis=1, keepdims=True)
    assert found.dtype == np.float32
    assert np.allclose(found, wanted, atol=1e-5)
    assert np.allclose(look(images[4:5]), wanted[4:5], atol=1e-5)
    assert colours.asked == [77]
    assert colours.engines[0].sizes == [4, 4, 1, 1]


def test_what_gives_no_vector_is_zero(colours):
    images = np.zeros((3, 1, 32, 32, 3), np.uint8)
    images[1, ..., 0] = 255
    images[2] = 9
    found = square_embedder(colours, SEES)(images)
    assert not found[:2].any()
    assert np.linalg.norm(found[2]) == pytest.approx(1)


@pytest.fixture
def album(tmp_path) -> Path:
    for name, colour in (("a.png", (9, 9, 200)), ("b.png", (0, 0, 0)), ("d.png", (80, 160, 0))):
        save(tmp_path, name, colour)
    (tmp_path / "c.png").write_bytes(b"no image")
    return tmp_path


def features_of(colours: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets mean colours stand for what `extract` gives."""
    from headstart.images.stats import ImageStats

    def extract(dataset, backbone, **how):
        n = len(dataset)
        vectors, stats = np.zeros((n, 5), np.float32), ImageStats.empty(n)
        for row in range(n):
            try:
                from PIL import Image

                vectors[row, 2:] = np.asarray(Image.open(dataset.path(row))).mean(axis=(0, 1))
            except OSError:
                stats.errors[row] = "not an image"
            stats.keys[row] = np.frombuffer(fingerprint_file(dataset.path(row)), np.uint8)
        return SimpleNamespace(stats=stats, vectors=vectors, slices=INFO.slices)

    monkeypatch.setattr(embed, "extract", extract)


def test_photos_and_those_set_aside(album, colours, monkeypatch):
    features_of(colours, monkeypatch)
    found = embed_photos(
        data(album, "a.png", "b.png", "c.png", "d.png"), colours, preprocess=SEES, compute=Compute()
    )
    assert found.names == ("a.png", "d.png")
    assert found.rows.tolist() == [0, 3]
    assert np.linalg.norm(found.vectors, axis=1) == pytest.approx([1, 1])
    assert found.vectors[1] == pytest.approx(np.array([1, 2, 0]) / 5**0.5, abs=1e-6)
    assert found.fingerprints == tuple(fingerprint_file(album / name) for name in found.names)
    assert found.errors == {
        "b.png": "the network gives no vector for it",
        "c.png": "not an image",
    }
    assert found.boxes is None


@pytest.mark.parametrize("names", [(), ("c.png",)])
def test_nothing_that_can_be_used(album, colours, monkeypatch, names):
    features_of(colours, monkeypatch)
    found = embed_photos(data(album, *names), colours, preprocess=SEES, compute=Compute())
    assert (found.names, found.fingerprints, len(found.vectors)) == ((), (), 0)
    assert set(found.errors) == set(names)


# --- every face ---------------------------------------------------------------------------------


@pytest.fixture
def sees_faces(tmp_path_factory, monkeypatch) -> Preprocess:
    find_drawn_faces(monkeypatch)
    file = detector_file(tmp_path_factory.mktemp("net"))
    finder = Faces(str(file), detect.register_detector(file.read_bytes()))
    return Preprocess(32, geometry="square", faces=finder)


def test_every_face_has_a_row(tmp_path, colours, sees_faces):
    photo([(40, 60, 50, "pale"), (120, 60, 30, "dark")]).save(tmp_path / "two.png")
    photo([(80, 60, 40, "dark")]).save(tmp_path / "one.png")
    photo([]).save(tmp_path / "none.png")
    (tmp_path / "broken.png").write_bytes(b"")
    seen = []
    names = ("two.png", "none.png", "broken.png", "gone.png", "one.png")
    found = embed_every_face(
        data(tmp_path, *names), colours, preprocess=sees_faces,
        compute=Compute(progress=lambda what, done, total: seen.append((done, total))),
    )  # fmt: skip
    assert found.names == ("two.png", "two.png (face 2)", "one.png")
    assert found.rows.tolist() == [0, 0, 4]
    assert found.fingerprints[0] == found.fingerprints[1] == fingerprint_file(tmp_path / "two.png")
    assert found.errors["none.png"] == NO_FACE
    assert set(found.errors) == {"none.png", "broken.png", "gone.png"}
    middles = found.boxes[:, :2] + found.boxes[:, 2:] / 2
    assert middles == pytest.approx(np.array([[40, 60], [120, 60], [80, 60]]), abs=4)
    assert np.linalg.norm(found.vectors, axis=1) == pytest.approx(np.ones(3))
    # A dark face is nearer to a dark one than to a pale one.
    cosines = found.vectors @ found.vectors.T
    assert cosines[1, 2] > cosines[0, 2]
    assert seen == [*((at, 5) for at in range(1, 6)), (0, 1)], "then the network is loaded"
    assert colours.asked == [3]


def test_no_face_at_all_loads_no_network(tmp_path, colours, sees_faces):
    draw_image(2, 0).save(tmp_path / "a.png")
    found = embed_every_face(
        data(tmp_path, "a.png"), colours, preprocess=sees_faces, compute=Compute()
    )
    assert (found.names, found.boxes.shape, colours.asked) == ((), (0, 4), [])


def test_several_faces_are_counted_and_the_taken_one_told(tmp_path, monkeypatch):
    find_drawn_faces(monkeypatch)
    path = detector_file(tmp_path)
    faces = Faces(path, detect.register_detector(detect.read_detector(path)))
    sees = Preprocess(32, geometry="square", faces=faces)
    photo([(40, 60, 40, "pale"), (115, 60, 60, "dark")]).save(tmp_path / "two.png")
    photo([(80, 60, 60, "pale")]).save(tmp_path / "one.png")
    photo([]).save(tmp_path / "none.png")
    names = [str(tmp_path / f"{name}.png") for name in ("one", "two", "none", "gone")]
    found = crowds_on(Dataset.unlabelled(names), sees, Compute(workers=1))
    assert list(found) == [names[1]]
    crowd = found[names[1]]
    assert (crowd.faces, crowd.choose) == (2, "largest")
    left, _, width, _ = crowd.taken
    assert 80 < left + width / 2 < 150, "the right one is the larger"
    text = crowd.text("two.png")
    assert text.startswith("two.png shows 2 faces; the largest was taken, ")
    central = Preprocess(32, faces=replace(faces, choose="centre"))
    centre = crowds_on(Dataset.unlabelled(names[1:2]), central, Compute(workers=1))
    assert "nearest to the centre" in centre[names[1]].text("two.png")
    assert crowds_on(Dataset.unlabelled(names), SEES, Compute(workers=1)) == {}
