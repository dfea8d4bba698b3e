"""Weights of an ONNX file that lie in files of their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from headstart.errors import BackboneError
from headstart.nets.files.external import external_files
from headstart.nets.pretrained.source import resolve


def elsewhere(name: str, location: str) -> TensorProto:
    tensor = numpy_helper.from_array(np.ones((2, 2), np.float32), name)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    return tensor


def write(file: Path, *locations: str, inside: str | None = None) -> Path:
    """A file whose weights lie in some places; `inside`: that of a constant within a branch."""
    branch = helper.make_graph(
        [helper.make_node("Constant", [], ["c"], value=elsewhere("c", inside or "-"))],
        "branch", [], [helper.make_tensor_value_info("c", TensorProto.FLOAT, [2, 2])],
    )  # fmt: skip
    nodes = [helper.make_node("Identity", ["x"], ["y"])]
    if inside is not None:
        nodes.append(helper.make_node("If", ["b"], ["z"], then_branch=branch, else_branch=branch))
    graph = helper.make_graph(
        nodes, "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 2])],
        [elsewhere(f"w{i}", place) for i, place in enumerate(locations)],
    )  # fmt: skip
    file.write_bytes(helper.make_model(graph).SerializeToString())
    return file


def test_all_files_are_found_wherever_they_are_named(tmp_path):
    for name in ("a.bin", "b.bin", "c.bin"):
        (tmp_path / name).write_bytes(b"0" * 16)
    file = write(tmp_path / "net.onnx", "b.bin", "a.bin", "b.bin", inside="c.bin")
    assert external_files(file) == ("a.bin", "b.bin", "c.bin")
    assert resolve(str(file)).data == ("a.bin", "b.bin", "c.bin")


def test_most_files_have_none(tmp_path):
    assert external_files(write(tmp_path / "net.onnx")) == ()
    (tmp_path / "x.onnx").write_bytes(b"no model")
    assert external_files(tmp_path / "x.onnx") == ()


def test_other_weights_are_another_network(tmp_path):
    """The graph is the same: only what it names differs."""
    file = write(tmp_path / "net.onnx", "a.bin", inside="b.bin")
    prints = set()
    for first, second in (("1", "1"), ("2", "1"), ("1", "2")):
        (tmp_path / "a.bin").write_text(first * 16)
        (tmp_path / "b.bin").write_text(second * 16)
        prints.add(resolve(str(file)).fingerprint)
    assert len(prints) == 3


@pytest.mark.parametrize(
    "place", ["../out.bin", "/etc/passwd", "a/../../out.bin", "", "..\\out.bin", "C:out.bin"]
)
def test_what_lies_outside_is_refused_by_name(tmp_path, place):
    (tmp_path / "in").mkdir()
    (tmp_path / "out.bin").write_bytes(b"0" * 16)
    file = write(tmp_path / "in" / "net.onnx", place)
    with pytest.raises(BackboneError, match="outside") as caught:
        resolve(str(file))
    assert str(file) in str(caught.value)


def test_what_is_missing_or_a_link_to_elsewhere_is_refused(tmp_path):
    (tmp_path / "in").mkdir()
    file = write(tmp_path / "in" / "net.onnx", "w.bin")
    with pytest.raises(BackboneError, match="not beside it"):
        resolve(str(file))
    (tmp_path / "out.bin").write_bytes(b"0" * 16)
    (tmp_path / "in" / "w.bin").symlink_to(tmp_path / "out.bin")
    with pytest.raises(BackboneError, match="link"):
        resolve(str(file))


def test_a_name_cannot_break_the_line(tmp_path):
    with pytest.raises(BackboneError) as caught:
        external_files(write(tmp_path / "net.onnx", "a\nb"))
    assert "\n" not in str(caught.value)


def test_damaged_files_are_one_line(tmp_path):
    file = write(tmp_path / "net.onnx", "a.bin")
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(BackboneError, match="damaged"):
        external_files(file)


def test_onnx_itself_writes_such_files(tmp_path):
    weights = numpy_helper.from_array(np.ones((8, 8), np.float32), "w")
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", 8]) for n in "xy")
    model = helper.make_model(helper.make_graph([node], "g", [x], [y], [weights]))
    onnx.save(model, tmp_path / "n.onnx", save_as_external_data=True, location="n.onnx.data",
              size_threshold=0)  # fmt: skip
    assert external_files(tmp_path / "n.onnx") == ("n.onnx.data",)
