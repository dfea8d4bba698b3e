"""Curves go to the trackers that are asked for, and a missing package is one clear line."""

from __future__ import annotations

import builtins
import math
import sys
import types

import pytest

from headstart.errors import OptionError
from headstart.training.record import Epoch
from headstart.training.track import open_trackers

EPOCH = Epoch(1, 3, 1e-3, 0.5, 0.9, 0.6, 0.85, math.nan, 2.0, 100)


def test_none_is_asked_for(tmp_path):
    on_epoch, close = open_trackers(None, run="run", options={}, folder=tmp_path)
    on_epoch("round1", EPOCH)
    close()
    assert not list(tmp_path.iterdir())


def test_an_unknown_name(tmp_path):
    with pytest.raises(OptionError, match="tensorboard, mlflow, wandb"):
        open_trackers("papyrus", run="run", options={}, folder=tmp_path)


def test_a_missing_package_names_the_command(tmp_path, monkeypatch):
    real = builtins.__import__

    def missing(name, *args, **options):
        if name.startswith("mlflow"):
            raise ImportError("No module named 'mlflow'")
        return real(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(OptionError, match="pip install mlflow"):
        open_trackers("mlflow", run="run", options={}, folder=tmp_path)


def test_numbers_reach_the_tracker_without_the_missing_ones(tmp_path, monkeypatch):
    seen = []
    fake = types.ModuleType("mlflow")
    fake.start_run = lambda run_name: seen.append(("start", run_name))
    fake.log_params = lambda options: seen.append(("params", options))
    fake.log_metrics = lambda numbers, step: seen.append((step, numbers))
    fake.end_run = lambda: seen.append("end")
    monkeypatch.setitem(sys.modules, "mlflow", fake)
    on_epoch, close = open_trackers("mlflow", run="run", options={"seed": 0}, folder=tmp_path)
    on_epoch("round1", EPOCH)
    close()
    assert seen[0] == ("start", "run")
    assert seen[1] == ("params", {"seed": "0"})
    step, numbers = seen[2]
    assert step == 1
    assert numbers["round1/loss"] == 0.5
    assert "round1/measure" not in numbers
    assert seen[3] == "end"
