"""Reading what authors publish: names, order, and nothing that could run."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from tests.published_files import checkpoint, folded, onnx_file

from headstart.errors import BackboneError
from headstart.nets.detectors.coco import DETECTORS, new_detector
from headstart.nets.detectors.published import (
    from_checkpoint,
    from_order,
    onnx_convolutions,
    running_order,
)


@pytest.mark.parametrize("architecture", DETECTORS)
def test_batchnorm_is_folded(architecture, tmp_path):
    state = checkpoint(tmp_path / "a.pth", architecture)
    found, tensors, _ = from_checkpoint(tmp_path / "a.pth")
    assert found == architecture
    assert set(tensors) == set(state)
    assert all(torch.allclose(tensors[name], state[name], atol=1e-4) for name in state)


def test_a_checkpoint_runs_nothing(tmp_path):
    class Harm:
        def __reduce__(self):
            return (open, (str(tmp_path / "harm"), "w"))

    torch.save({"model": {"a": torch.zeros(1)}, "more": Harm()}, tmp_path / "a.pth")
    with pytest.raises(BackboneError, match="without running"):
        from_checkpoint(tmp_path / "a.pth")
    (tmp_path / "b.pth").write_bytes(pickle.dumps(Harm()))
    with pytest.raises(BackboneError, match=r"b\.pth"):
        from_checkpoint(tmp_path / "b.pth")
    assert not (tmp_path / "harm").exists()


def test_other_networks_and_sizes_are_refused(tmp_path):
    torch.save({"model": {"conv.weight": torch.zeros(1)}}, tmp_path / "a.pth")
    with pytest.raises(BackboneError, match="not those of"):
        from_checkpoint(tmp_path / "a.pth")
    torch.save([1, 2], tmp_path / "b.pth")
    with pytest.raises(BackboneError, match="no named weights"):
        from_checkpoint(tmp_path / "b.pth")
    checkpoint(tmp_path / "c.pth", "yolox_nano")
    value = torch.load(tmp_path / "c.pth", weights_only=True)
    del value["model"]["backbone.C3_n4.conv3.conv.weight"]
    torch.save(value, tmp_path / "c.pth")
    with pytest.raises(BackboneError, match=r"C3_n4\.conv3\.conv\.weight"):
        from_checkpoint(tmp_path / "c.pth")


@pytest.mark.parametrize("architecture", DETECTORS)
def test_a_graph_is_named_by_its_order(architecture, tmp_path):
    onnx_file(tmp_path / "a.onnx", architecture)
    state = folded(architecture)
    found, tensors = from_order(tmp_path / "a.onnx", onnx_convolutions(tmp_path / "a.onnx"))
    assert found == architecture
    assert all(torch.equal(tensors[name], state[name]) for name in state)
    # Another size of the same network has other shapes.
    wider = [(np.zeros((1, 1, 1, 1)), np.zeros(1)) for _ in running_order(new_detector(found))]
    with pytest.raises(BackboneError, match="no detector that is known"):
        from_order(tmp_path / "a.onnx", wider)
    with pytest.raises(BackboneError, match="its 1 convolutions"):
        from_order(tmp_path / "a.onnx", wider[:1])
