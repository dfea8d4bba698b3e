"""Every face of a photo named and drawn, and what becomes of photos without one."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from tests.drawn_faces import detector_file, find_drawn_faces, photo

from headstart.errors import OutputError
from headstart.images import detect
from headstart.images.faces import NO_FACE, Faces
from headstart.images.preprocess import Preprocess
from headstart.records import OutputSpec
from headstart.tasks.predictor import Predictor
from headstart.video.people import draw_faces, name_faces

GREEN, GREY = (20, 110, 60), (110, 100, 90)


@pytest.fixture
def model(tmp_path_factory, monkeypatch):
    """Names faces pale or dark by how bright their middle is."""
    find_drawn_faces(monkeypatch)
    file = detector_file(tmp_path_factory.mktemp("net"))
    finder = Faces(str(file), detect.register_detector(file.read_bytes()))
    return Brightness(finder)


class Brightness(Predictor):
    """A model without a network."""

    def __init__(self, finder):
        self.spec = OutputSpec("classification", ("dark", "pale"))
        self.preprocess = Preprocess(32, geometry="square", faces=finder)
        self.tta, self.threshold, self.batches = 1, 0.6, []

    def outputs(self, inputs):
        self.batches.append(len(inputs))
        bright = inputs[:, 0, 8:24, 8:24].mean(axis=(1, 2, 3)) > 125
        return {"probabilities": np.where(bright[:, None], [0.1, 0.9], [0.95, 0.05])}


def named(model, *photos, **how):
    return name_faces(model, [str(each) for each in photos], progress=lambda *given: None, **how)


def save(folder, name, *faces, **how):
    photo(list(faces), **how).save(folder / name)
    return folder / name


def test_a_row_a_face(model, tmp_path):
    two = save(tmp_path, "two.png", (40, 60, 50, "pale"), (120, 60, 30, "dark"))
    one = save(tmp_path, "ö.png", (80, 60, 40, "dark"))
    found = named(model, two, one)
    assert found.names == (str(two), f"{two} (face 2)", str(one))
    assert found.labels.tolist() == [1, 0, 0]
    assert found.errors == {}
    middles = found.boxes[:, :2] + found.boxes[:, 2:] / 2
    assert middles == pytest.approx(np.array([[40, 60], [120, 60], [80, 60]]), abs=4)


def test_what_cannot_be_used_is_a_row_with_a_reason(model, tmp_path):
    good = save(tmp_path, "good.png", (80, 60, 40, "pale"))
    none = save(tmp_path, "none.png")
    (tmp_path / "bad.png").write_bytes(b"")
    found = named(model, none, tmp_path / "bad.png", good, tmp_path / "gone.png")
    assert len(found.names) == 4
    assert found.labels.tolist() == [-1, -1, 1, -1]
    assert found.errors[str(none)] == NO_FACE
    assert len(found.errors) == 3
    assert np.isnan(found.boxes[[0, 1, 3]]).all()
    assert np.isfinite(found.boxes[2]).all()


def test_only_bad_photos_ask_the_network_for_shapes_alone(model, tmp_path):
    found = named(model, tmp_path / "a.png", tmp_path / "b.png")
    assert found.labels.tolist() == [-1, -1]
    assert model.batches == [1]


def test_photos_go_through_together_and_in_order(model, tmp_path):
    skins = ["pale" if at % 3 else "dark" for at in range(35)]
    photos = [
        save(tmp_path, f"{at}.png", (80, 60, 40, skin), seed=at) for at, skin in enumerate(skins)
    ]
    done = []
    found = name_faces(
        model, [str(each) for each in photos], workers=3,
        progress=lambda what, at, total: done.append((at, total)),
    )  # fmt: skip
    assert [found.classes[label] for label in found.labels] == skins
    assert model.batches == [16, 16, 3]
    assert done == [(at, 35) for at in range(1, 36)]


def test_photos_are_drawn_on(model, tmp_path):
    (tmp_path / "x").mkdir()
    first = save(tmp_path, "a.png", (80, 60, 40, "pale"))
    second = save(tmp_path / "x", "a.png", (80, 60, 40, "dark"))
    save(tmp_path, "none.png")
    named(model, first, second, tmp_path / "none.png", out=tmp_path / "deep" / "out")
    out = tmp_path / "deep" / "out"
    assert sorted(each.name for each in out.iterdir()) == ["a-2.png", "a.png"]
    drawn, before = (np.asarray(Image.open(each)) for each in (out / "a.png", first))
    assert drawn.shape == before.shape
    assert (drawn != before).any()
    assert (drawn == GREEN).all(axis=2).any()


def test_where_nothing_can_be_written(model, tmp_path):
    first = save(tmp_path, "a.png", (80, 60, 40, "pale"))
    (tmp_path / "out").write_text("a file")
    with pytest.raises(OutputError, match=r"out.a\.png cannot be written"):
        named(model, first, out=tmp_path / "out")


# --- drawing ------------------------------------------------------------------------------------


def coloured(pixels: np.ndarray, colour: tuple) -> np.ndarray:
    return (pixels == colour).all(axis=2)


@pytest.mark.parametrize(("sure", "colour"), [(True, GREEN), (False, GREY)])
def test_a_box_in_the_colour_of_how_sure_it_is(sure, colour):
    white = np.full((200, 300, 3), 255, np.uint8)
    drawn = draw_faces(white, [(np.array([100, 80, 60, 70]), "ann", sure)])
    marked = coloured(drawn, colour)
    assert marked[80:150, 100].all()
    assert marked[80, 100:160].all()
    assert not marked[100:140, 110:150].any()
    assert (white == 255).all()


@pytest.mark.parametrize("left", [-30, 0, 250, 290])
@pytest.mark.parametrize("top", [-20, 0, 5, 100, 190])
def test_words_stay_on_the_photo(left, top):
    white = np.full((200, 300, 3), 255, np.uint8)
    drawn = draw_faces(white, [(np.array([left, top, 60, 60]), "somebody", True)])
    rows = coloured(drawn, GREEN).sum(axis=1)
    # The words lie on a filled patch: rows far wider than the two edges of a box.
    assert rows.max() > 25


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (40, 30)])
def test_photos_of_every_size(size):
    pixels = np.zeros((*size, 3), np.uint8)
    assert draw_faces(pixels, [(np.array([0, 0, 5, 5]), "größer als das Bild", False)]).shape == (
        *size, 3,
    )  # fmt: skip
    assert np.array_equal(draw_faces(pixels, []), pixels)


def test_photos_need_not_be_files(model, tmp_path):
    pixels = np.asarray(photo([(40, 60, 50, "pale"), (120, 60, 30, "dark")]).convert("RGB"))
    data = save(tmp_path, "one.png", (80, 60, 40, "dark")).read_bytes()
    found = name_faces(
        model, [pixels, data, str(tmp_path / "gone.png")], progress=lambda *given: None,
        out=tmp_path / "drawn",
    )  # fmt: skip
    assert found.names[:3] == ("image 1", "image 1 (face 2)", "image 2")
    assert found.labels.tolist() == [1, 0, 0, -1]
    assert found.errors == {str(tmp_path / "gone.png"): "no such file"}
    assert sorted(each.name for each in (tmp_path / "drawn").iterdir()) == [
        "image 1.png", "image 2.png",
    ]  # fmt: skip
