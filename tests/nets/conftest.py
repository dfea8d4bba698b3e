"""Fixtures of the networks' tests: a tiny backbone in timm's layout, and torch on one thread."""

from __future__ import annotations

from pathlib import Path

import pytest
import timm
import torch
from tests.nets.pools import SIZE, lived
from timm.models import save_for_hf

from headstart.nets.pretrained.backbone import Backbone, open_backbone


@pytest.fixture
def one_thread(monkeypatch):
    """On a busy machine torch's threads, which wait by spinning, are sixty times slower."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # for the processes that tests start
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def timm_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny residual network with random weights in timm's layout."""
    torch.manual_seed(0)
    network = lived(timm.create_model("test_resnet", num_classes=3))
    network.pretrained_cfg["input_size"] = (3, SIZE, SIZE)
    place = tmp_path_factory.mktemp("backbone")
    save_for_hf(network, place, safe_serialization=True)
    return place


@pytest.fixture
def backbone(timm_folder: Path) -> Backbone:
    return open_backbone(str(timm_folder))
