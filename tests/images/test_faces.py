"""From a photo to one upright face."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

cv2 = pytest.importorskip("cv2", reason="needs OpenCV")

from headstart.data.dataset import Dataset  # noqa: E402
from headstart.errors import BackboneError, DataError, ImageError  # noqa: E402
from headstart.images import detect  # noqa: E402
from headstart.images.faces import TEMPLATE, Faces, blur, crop_face  # noqa: E402
from headstart.images.pixels import read_pixels  # noqa: E402
from headstart.images.preprocess import Preprocess  # noqa: E402
from headstart.images.stats import ImageStats  # noqa: E402

from ..drawn_faces import DrawnFaceNet, detector_file, find_drawn_faces, photo  # noqa: E402


@pytest.fixture
def faces(tmp_path, monkeypatch):
    """How drawn faces are found."""
    find_drawn_faces(monkeypatch)
    file = detector_file(tmp_path)
    return Faces(str(file), detect.register_detector(file.read_bytes()))


def pixels(*given, **how):
    return np.asarray(photo(list(given), **how))


def test_the_largest_or_the_nearest_to_the_centre_stands_for_a_photo(faces):
    crowd = pixels((40, 60, 50, "pale"), (120, 60, 30, "dark"), (88, 60, 24, "dark"))
    found = faces.find(crowd)
    assert [round(face.side) for face in found] == pytest.approx([50, 30, 24], abs=3)
    nearest = Faces(faces.detector, faces.fingerprint, choose="centre").chosen(crowd)
    assert nearest.side == pytest.approx(24, abs=3)


@pytest.mark.parametrize("angle", [0, 25, -40])
def test_five_points_bring_a_leaning_face_upright(faces, angle):
    image = pixels((80, 60, 60, "pale"), angle=angle)
    face = faces.chosen(image)
    assert face.roll == pytest.approx(angle, abs=3)
    assert face.yaw == pytest.approx(0, abs=0.1)
    crop = faces.crop(image, face, 112)
    again = DrawnFaceNet()
    again.setInputSize((112, 112))
    points = again.detect(crop[:, :, ::-1])[1][0, 4:14].reshape(5, 2)
    # The drawn face's proportions are not the template's, so points lie near it, not on it.
    assert np.abs(points - 112 * np.array(TEMPLATE)).max() < 8
    assert points[0, 1] == pytest.approx(points[1, 1], abs=1.5)


def test_a_margin_shows_more_and_black_where_the_photo_ends(faces):
    image = pixels((30, 60, 50, "pale"))
    face = faces.chosen(image)
    near, far = (crop_face(image, face, 64, margin=margin) for margin in (0.0, 1.0))
    assert (near == 0).all(axis=2).mean() < 0.1
    assert (far == 0).all(axis=2).mean() > 0.2
    nowhere = detect.Face(np.array([900, 900, 20, 20]), face.points + 900, 0.9)
    assert not crop_face(image, nowhere, 32).any()


def test_the_box_alone_keeps_the_face_as_it_leans(faces):
    image = pixels((80, 60, 60, "pale"), angle=30)
    crop = crop_face(image, faces.chosen(image), 64, align="box")
    net = DrawnFaceNet()
    net.setInputSize((64, 64))
    row = net.detect(crop[:, :, ::-1])[1][0]
    assert row[7] - row[5] > 6  # one eye is still higher


@pytest.mark.parametrize(("turns", "turned"), [(1, 3), (2, 2), (3, 1)])
@pytest.mark.parametrize("align", ["points", "box"])
def test_a_photo_on_its_side_is_found_by_turning_it(faces, turns, turned, align):
    upright = pixels((50, 70, 60, "pale"))
    lying = np.ascontiguousarray(np.rot90(upright, turns))
    face = faces.chosen(lying)
    assert face.turned == turned
    left, top, width, height = face.box
    assert lying[int(top + height / 2), int(left + width / 2)] == pytest.approx(
        upright[70, 50], abs=4
    )
    one = crop_face(upright, faces.chosen(upright), 64, align=align).astype(int)
    other = crop_face(lying, face, 64, align=align).astype(int)
    assert np.abs(one - other).mean() < 12


def test_a_face_that_fills_a_large_photo_is_found_at_a_smaller_scale(faces):
    face = faces.chosen(pixels((600, 600, 1000, "pale"), size=(1200, 1200)))
    assert face.side == pytest.approx(1000, rel=0.03)
    assert face.points[0] == pytest.approx([400, 450], abs=20)


def test_a_photo_without_a_face_says_so(faces):
    with pytest.raises(ImageError, match="no face"):
        faces.chosen(pixels())
    with pytest.raises(ImageError, match="no face"):
        Preprocess(size=32, faces=faces).inputs(pixels((20, 20, 6, "pale")), 1)


def test_preprocessing_gives_the_face_and_its_mirror_image(faces):
    image = pixels((80, 60, 60, "pale"))
    preprocess = Preprocess(size=48, faces=faces)
    inputs = preprocess.inputs(image, 2)
    assert inputs.shape == (2, 48, 48, 3)
    assert (inputs[0][:, ::-1] == inputs[1]).all()
    assert (inputs[0] == preprocess.fit(image)).all()
    crowd = pixels((40, 60, 50, "pale"), (120, 60, 30, "dark"))
    every = preprocess.every_face(crowd, 1)
    assert len(every) == 2
    assert (every[0][1][0] == preprocess.fit(crowd)).all()


def test_what_is_cached_depends_on_the_detector_and_not_on_where_it_lies(faces):
    def key(**changes):
        return Preprocess(faces=Faces(**{**faces.__dict__, **changes})).pixel_key

    assert key() == key(detector="elsewhere.onnx")
    assert len({key(), key(fingerprint="0"), key(margin=0.1), key(align="box")}) == 4
    assert Preprocess().pixel_key != key()


def test_it_survives_json(faces):
    import json
    from dataclasses import asdict

    given = Preprocess(size=40, faces=faces)
    assert Preprocess.from_json(json.loads(json.dumps(asdict(given)))) == given
    assert Preprocess.from_json(json.loads(json.dumps(asdict(Preprocess())))) == Preprocess()


def test_photos_without_a_face_are_set_aside_by_a_pass_and_the_others_found_once(
    faces, tmp_path, monkeypatch
):
    for number in range(6):
        given = [] if number == 3 else [(80, 60, 60, "pale")]
        photo(given, seed=number).save(tmp_path / f"{number}.png")
    names = tuple(f"{number}.png" for number in range(6))
    dataset = Dataset.unlabelled(names, root=tmp_path)
    looked = []
    find = Faces.find
    monkeypatch.setattr(Faces, "find", lambda self, image: looked.append(1) or find(self, image))
    for turn in range(2):
        stats = ImageStats.empty(6)
        preprocess = Preprocess(size=224, faces=faces)  # larger than the photos
        got = {index for index, _, _ in read_pixels(dataset, stats, preprocess=preprocess)}
        assert got == {0, 1, 2, 4, 5}
        assert list(stats.errors) == [3]
        assert "no face" in stats.errors[3]
        assert len(looked) == 6 + turn  # the one without is looked at again


def test_another_file_in_the_detectors_place_is_refused(faces, tmp_path):
    (tmp_path / "drawn.onnx").write_bytes(b"another")
    detect._KEPT.pop(faces.fingerprint)
    with pytest.raises(BackboneError, match="not the face detector"):
        faces.find(pixels())
    (tmp_path / "drawn.onnx").unlink()
    with pytest.raises(BackboneError, match="cannot be read"):
        faces.find(pixels())


def test_a_file_that_is_no_detector_is_refused(tmp_path):
    file = tmp_path / "bad.onnx"
    file.write_bytes(b"nothing of the kind")
    bad = Faces(str(file), detect.register_detector(file.read_bytes()))
    with pytest.raises(BackboneError, match="not YuNet"):
        bad.find(pixels())


def test_without_opencv_it_says_what_to_install(faces, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(DataError, match=r"headstart\[faces\]"):
        faces.find(pixels())


def test_a_blurred_face_has_a_lower_figure():
    from PIL import ImageFilter

    sharp = photo([(56, 56, 100, "pale")], size=(112, 112))
    soft = sharp.filter(ImageFilter.GaussianBlur(3))
    assert blur(np.asarray(soft)) < 0.2 * blur(np.asarray(sharp))
    darker = np.asarray(sharp) // 2
    assert blur(darker) == pytest.approx(blur(np.asarray(sharp)), rel=0.1)


def test_real_faces_are_found_and_aligned(real_data, real_weights):
    from headstart.nets.pretrained.face_detector import find_detector

    file, fingerprint = find_detector(str(real_weights("face_yunet_n.onnx")))
    finder = Faces(file, fingerprint)
    photos = sorted(real_data("lfw10").rglob("*.jpg"))[::9]
    for path in photos:
        image = np.asarray(Image.open(path).convert("RGB"))
        face = finder.chosen(image)
        assert abs(face.box[:2] + face.box[2:] / 2 - 125).max() < 40  # they are centred
        crop = finder.crop(image, face, 160)
        again = finder.chosen(crop)
        assert abs(again.roll) < 12  # a profile has its own
        lying = np.ascontiguousarray(np.rot90(image))
        face = finder.chosen(lying)
        assert face.turned == 3
        assert np.abs(finder.crop(lying, face, 160).astype(int) - crop).mean() < 12
