"""Maps of stages: flat rows that any engine gives as plain torch does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from headstart.errors import BackboneError
from headstart.nets.engines.engine import stream
from headstart.nets.pretrained.backbone import open_backbone
from headstart.nets.pretrained.maps import MapLayout, map_layout, maps_engine, stage_maps


def starter(size: int = 64):
    backbone = open_backbone("starter")
    return backbone, replace(backbone.preprocess, size=size, geometry="pad")


@pytest.mark.parametrize(("images", "engine"), [(1, "torch"), (100, "torch"), (10**6, "OpenVINO")])
def test_engines_give_what_plain_torch_gives(images, engine, tmp_path, monkeypatch):
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path))
    backbone, preprocess = starter()
    named = engine
    layout = map_layout(backbone, preprocess)
    pixels = np.random.default_rng(1).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)
    engine = maps_engine(backbone, preprocess, images=images, device="cpu")
    assert engine.summary.startswith(named)
    parts = stream(engine, enumerate([pixels[:2], pixels[2:]]))
    rows = np.concatenate([rows for _, rows in parts])
    with torch.inference_mode():
        wanted = stage_maps(backbone, preprocess).maps(torch.from_numpy(pixels))
    found = layout.split(torch.from_numpy(rows))
    assert [each.shape for each in found] == [each.shape for each in wanted]
    for mine, theirs in zip(found, wanted, strict=True):
        assert torch.allclose(mine, theirs, atol=1e-3 * float(theirs.abs().max()))


def test_the_network_is_made_once(tmp_path, monkeypatch):
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path))
    backbone, preprocess = starter()
    made = []

    def counted(*given):
        made.append(stage_maps(*given))
        return made[-1]

    monkeypatch.setattr("headstart.nets.pretrained.maps.stage_maps", counted)
    maps_engine(backbone, preprocess, images=30, device="cpu")
    assert len(made) == 1


def test_the_layout_is_known_without_the_network(monkeypatch):
    backbone, preprocess = starter()
    first = map_layout(backbone, preprocess)
    monkeypatch.setattr("headstart.nets.pretrained.maps.stage_maps", None)
    assert map_layout(backbone, preprocess) == first
    assert list(first.strides) == sorted(first.strides)


def test_some_stages_may_be_left_out():
    layout = MapLayout(8, ((2, 4, 4), (3, 2, 2)))
    assert (layout.strides, layout.bounds) == ((2, 4), (0, 32, 44))
    upper = layout.since(1)
    none, held = upper.split(torch.arange(24.0).view(2, 12))
    assert none.shape == (2, 0)
    assert held.shape == (2, 3, 2, 2)


def test_what_has_no_maps_is_refused(tmp_path):
    backbone = open_backbone("starter")
    source = replace(backbone.source, kind="onnx")
    with pytest.raises(BackboneError, match="one vector an image"):
        stage_maps(replace(backbone, source=source), backbone.preprocess)
