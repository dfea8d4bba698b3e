"""The process that decodes: the same inputs as `predict` has, and a reason for what has none."""

from __future__ import annotations

import io
import subprocess
import sys
from dataclasses import asdict
from types import SimpleNamespace

import numpy as np
import pytest
from tests.models import write_photos

from headstart.deploy import decoding as module
from headstart.deploy.decoding import place_of, put_frame, seen_of, take_frame, warm_up
from headstart.errors import DataError, ImageError
from headstart.images.given import inputs_of
from headstart.images.preprocess import Preprocess


def test_frames_come_as_they_went():
    stream = io.BytesIO()
    put_frame(stream, {"a": [1, "ü"]}, b"content")
    put_frame(stream, {})
    stream.seek(0)
    assert take_frame(stream) == ({"a": [1, "ü"]}, b"content")
    assert take_frame(stream) == ({}, b"")
    with pytest.raises(EOFError):
        take_frame(stream)


def test_a_frame_that_was_cut():
    stream = io.BytesIO()
    put_frame(stream, {"a": 1}, b"content")
    for cut in (3, 12, 15, 22):
        with pytest.raises(EOFError):
            take_frame(io.BytesIO(stream.getvalue()[:cut]))


def test_of_a_crowd_so_many_are_named(monkeypatch):
    faces = [(SimpleNamespace(box=np.full(4, i, float)), np.zeros((1, 8, 8, 3))) for i in range(70)]
    photo = SimpleNamespace(ratio=2.0, faces=faces)
    monkeypatch.setattr(module, "every_face_of", lambda *given, **how: photo)
    seen = seen_of(b"", SimpleNamespace(faces="any"), 1, 1 << 20)
    assert len(seen) == 50
    np.testing.assert_array_equal(seen[3][0], np.full(4, 6.0))


def test_warming_up_tells_what_is_missing(monkeypatch):
    def gone(*given, **how):
        raise DataError("finding faces needs OpenCV")

    warm_up(Preprocess(), 1)
    monkeypatch.setattr(module, "every_face_of", gone)
    with pytest.raises(DataError, match="OpenCV"):
        warm_up(SimpleNamespace(faces="any"), 1)


def test_our_own_mistake_is_told_and_survived(tmp_path):
    data = write_photos(tmp_path, 1)[0].read_bytes()
    head, content = module._answer(data, Preprocess(size=32), 5, 1 << 20)  # there are no five views
    assert (head["fault"], content) == ("ValueError", b"")
    assert head["place"].startswith("images/views.py:")


@pytest.mark.parametrize(("tile", "squares"), [(32, 1), (None, 8)])
def test_views_that_are_one_square_are_sent_once(tmp_path, tile, squares):
    data = write_photos(tmp_path, 1)[0].read_bytes()
    head, content = module._answer(data, Preprocess(size=64, tile=tile), 8, 1 << 20)
    assert (head["shape"], head["views"]) == ((1, squares, 64, 64, 3), 8)
    assert len(content) == squares * 64 * 64 * 3


def test_a_place_without_words():
    with pytest.raises(ImageError) as raised:
        raise ImageError("somebody's name")
    assert place_of(raised.value).startswith("deploy/test_decoding.py:")
    assert place_of(ValueError()) == "unknown"


def test_the_process_decodes_and_ends_with_its_input(tmp_path):
    photo = write_photos(tmp_path, 1)[0]
    settings = {
        "preprocess": asdict(Preprocess(size=32)), "tta": 2, "pixels": 1 << 20, "seconds": 5.0,
    }  # fmt: skip
    given = io.BytesIO()
    put_frame(given, settings)
    for content in (photo.read_bytes(), b"text", photo.read_bytes()):
        put_frame(given, {}, content)
    script = (
        "import sys; from headstart.deploy.decoding import decode_given; decode_given(); "
        "heavy = {'torch', 'fastapi', 'uvicorn', 'onnxruntime'} & set(sys.modules); "
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], input=given.getvalue(), capture_output=True, timeout=60
    )
    assert done.returncode == 0
    assert done.stderr == b""
    answers = io.BytesIO(done.stdout)
    assert take_frame(answers) == ({"ready": True}, b"")
    wanted = inputs_of(photo, Preprocess(size=32), 2)
    for number in range(3):
        head, content = take_frame(answers)
        if number == 1:
            assert "text" in head["error"]
            continue
        assert head["boxes"] == [[0.0, 0.0, 67.0, 60.0]]  # all of it
        found = np.frombuffer(content, np.uint8).reshape(head["shape"])
        np.testing.assert_array_equal(found[0], wanted)
