"""Heat maps: hot where the answer comes from."""

from __future__ import annotations

import pytest
from PIL import Image

from headstart.cli import main
from headstart.errors import OptionError
from headstart.nets.model import Model
from headstart.verbs.predict import predict


@pytest.mark.parametrize("kind", ["exported", "run"])
def test_one_picture_for_each_image_that_can_be_read(exported, trained, new, tmp_path, kind):
    model = exported[1] / "model.onnx" if kind == "exported" else trained[1].folder
    found = predict(model, new, explain=tmp_path / "why" / "here")
    pictures = sorted((tmp_path / "why" / "here").iterdir())
    assert len(pictures) == (found.labels >= 0).sum() == 2
    size = Model.load(trained[1].folder).preprocess.size
    assert all(Image.open(each).size == (2 * size, size) for each in pictures)
    assert pictures[0].name.endswith("-a.png")


def test_the_command_and_what_it_refuses(exported, new, tmp_path):
    model = str(exported[1] / "model.onnx")
    words = ["predict", model, str(new / "a.png"), "--explain", str(tmp_path / "why"), "--quiet"]
    assert main(words) == 0
    assert len(list((tmp_path / "why").iterdir())) == 1
    with pytest.raises(OptionError, match="--explain"):
        predict(model, "0", explain=tmp_path)
