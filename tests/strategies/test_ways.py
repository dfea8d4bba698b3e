"""Which way a task is trained, and what is refused before any image is read."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from headstart.data.dataset import Dataset
from headstart.data.labels import Classes
from headstart.errors import BackboneError, DataError
from headstart.options.ways import has_own_way, recipe_of
from headstart.strategies.classes.train import train_classes
from headstart.strategies.ways import reads_maps, refuse_early, way_of
from headstart.tasks import TASKS
from headstart.tasks.identity.recipe import MetricRecipe
from headstart.training.schedule import Recipe


def backbone(kind: str = "folder") -> SimpleNamespace:
    return SimpleNamespace(name="net", source=SimpleNamespace(kind=kind))


def people(count: int, task: str) -> Dataset:
    who = np.repeat(np.arange(count), 3)
    names = tuple(f"{i}.jpg" for i in range(len(who)))
    labels = Classes(tuple(f"p{k}" for k in range(count)), who)
    return Dataset(None, names, labels, np.full(len(who), ""), task=task)


def test_a_task_is_trained_class_by_class_unless_it_names_its_own_way():
    assert way_of("classification") is way_of("regression") is train_classes
    assert way_of("something new") is train_classes
    assert way_of("identity").__name__ == "train_identities"
    own = ["identity", "segmentation", "detection"]
    assert [each for each in TASKS if has_own_way(each)] == own


def test_recipes():
    assert recipe_of("classification") == recipe_of("auto") == Recipe()
    assert recipe_of("identity") == MetricRecipe()


def test_identities_are_refused_before_images_are_read():
    refuse_early(people(6, "identity"), backbone(), MetricRecipe(), seed=0)
    with pytest.raises(BackboneError, match="only be used frozen"):
        refuse_early(people(6, "identity"), backbone("onnx"), MetricRecipe(), seed=0)
    with pytest.raises(DataError, match="5 identities are too few"):
        refuse_early(people(5, "identity"), backbone(), MetricRecipe(), seed=0)
    refuse_early(people(2, "classification"), backbone("onnx"), Recipe(), seed=0)


def test_maps_are_read_unless_all_of_a_detector_is_trained():
    assert not reads_maps("detection", {"detector": "ssd", "strategy": "finetune"})
    assert reads_maps("detection", {"detector": "ssd", "strategy": "probe"})
    assert reads_maps("detection", {"detector": "auto", "strategy": "finetune"})
    assert reads_maps("segmentation", {"segmenter": "unet"})


def test_what_is_decided_before_images_are_read_takes_no_torch():
    code = (
        "import sys, headstart.features.extract_maps\n"
        "from headstart.strategies.ways import input_of, reads_maps\n"
        "for task in ('segmentation', 'detection'):\n"
        "    input_of(task), reads_maps(task, {'detector': 'auto'})\n"
        "print({'torch', 'timm'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n", "images wait until torch is imported"
