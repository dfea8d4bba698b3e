import json

import numpy as np
import pytest
import torch
from torch import nn

from headstart.auditing.audit import read_with
from headstart.auditing.from_run import evidence_of_run
from headstart.auditing.second import SecondAsk, try_backbones
from headstart.compute import Compute
from headstart.errors import ModelError, OptionError
from headstart.nets.model import Model
from headstart.verbs.audit import audit


class Colours(nn.Module):
    """Means of some channels in 16 places: green knows the class, red and blue the tint."""

    def __init__(self, channels):
        super().__init__()
        self.channels = channels

    def forward(self, x):
        kept = torch.stack([x[:, each] for each in self.channels], dim=1)
        return nn.functional.avg_pool2d(kept, 8).flatten(1)


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    home = tmp_path_factory.mktemp("networks")
    for name, channels in (("green", [1]), ("tinted", [0, 2])):
        torch.onnx.export(
            Colours(channels), (torch.zeros(2, 3, 32, 32),), home / f"{name}.onnx", dynamo=False,
            input_names=["x"], output_names=["y"], dynamic_axes={"x": {0: "n"}, "y": {0: "n"}},
        )  # fmt: skip
        settings = {"input_size": [3, 32, 32], "mean": [0.5] * 3, "std": [0.5] * 3}
        (home / f"{name}.json").write_text(json.dumps(settings))
    return home


@pytest.fixture
def asked(confounded, monkeypatch):
    monkeypatch.setenv("HEADSTART_CACHE", str(confounded[0].parent / "cache"))
    _, run = confounded
    evidence = evidence_of_run(run, Compute(), everything=True)
    read, _ = read_with(evidence, "tint", evidence.dataset.attributes["tint"])
    return Model.load(run.folder), evidence, read


def test_a_network_that_cannot_see_the_column_wins_and_one_that_sees_nothing_else_does_not(
    asked, networks
):
    names = f"{networks / 'tinted.onnx'},{networks / 'green.onnx'}"
    best, other = try_backbones(SecondAsk(names), *asked, Compute())
    assert "green" in best.summary
    assert "tinted" in other.summary
    assert best.name == "backbone"
    assert not best.kept
    assert best.gain.low > 0
    assert best.opposing.value > 0.2
    assert best.gain.value > other.gain.value
    assert f"--backbone {networks / 'green.onnx'} --balance tint" in best.summary


def test_it_is_told_beside_the_repair_and_not_written(confounded, networks, tmp_path, asked):
    _, run = confounded
    found = audit(
        run.folder, repair="tint", out=tmp_path / "second", by="tint",
        backbone=str(networks / "green.onnx"),
    )  # fmt: skip
    assert found.repair[0].startswith("Kept: weights")
    assert found.repair[1].startswith("Another network, tried and not written: green")
    own = Model.load(run.folder).backbone.fingerprint
    assert Model.load(tmp_path / "second").backbone.fingerprint == own
    kept = json.loads((tmp_path / "second" / "metrics.json").read_text())["repair"]
    assert [each["name"] for each in kept["candidates"]] == ["weights"]
    assert len(kept["said"]) == 2


def test_the_own_network_and_images_that_are_gone_are_one_line(asked, networks, confounded):
    model, evidence, read = asked
    with pytest.raises(OptionError, match="network of this run itself"):
        try_backbones(SecondAsk("starter"), model, evidence, read, Compute())
    data, _ = confounded
    data.rename(data.with_name("gone"))
    try:
        with pytest.raises(ModelError, match=r"only 0 of \d+ images can be looked at"):
            try_backbones(SecondAsk(str(networks / "green.onnx")), *asked, Compute())
    finally:
        data.with_name("gone").rename(data)


def test_images_that_it_cannot_look_at_are_left_out(asked, networks, confounded):
    _, evidence, _ = asked
    whole = evidence.dataset.path(3)
    content = whole.read_bytes()
    whole.write_bytes(b"no image")
    try:
        (found,) = try_backbones(SecondAsk(str(networks / "green.onnx")), *asked, Compute())
    finally:
        whole.write_bytes(content)
    assert f"on the {len(evidence) - 1} images that it can look at" in found.summary
    assert found.gain.n == len(evidence) - 1
    assert np.isfinite(found.price.value)


def test_a_second_network_needs_a_repair(confounded):
    _, run = confounded
    with pytest.raises(OptionError, match="say that too"):
        audit(run.folder, backbone="starter")
    with pytest.raises(OptionError, match="name one, or leave it out"):
        audit(run.folder, faces=True)
