"""Flags that would do nothing are refused."""

from __future__ import annotations

import pytest

from headstart.errors import OptionError
from headstart.options.audit import AuditOptions
from headstart.options.idle import fps_of, read_of_no_data
from headstart.options.train import TrainOptions


def test_frames_a_second_are_of_what_moves():
    assert fps_of(None, 5.0, moving=False) == 5.0
    assert fps_of(2.0, 5.0, moving=True) == 2.0
    with pytest.raises(OptionError, match="--fps 2 is of videos and cameras"):
        fps_of(2.0, 5.0, moving=False)


def test_how_nothing_is_read():
    assert list(read_of_no_data(AuditOptions(run="run", data="other"))) == []
    assert list(read_of_no_data(AuditOptions(run="run"))) == []


@pytest.mark.parametrize(
    "given", [{"epochs": 5}, {"lr": 0.1}, {"augment": "strong"}, {"recipe": "dropout=0.2"},
              {"log": "tensorboard"}]
)  # fmt: skip
def test_a_probe_is_not_fine_tuned(given):
    with pytest.raises(OptionError, match=rf"--{next(iter(given))} .* is of fine-tuning, and"):
        TrainOptions(data="x", task="classification", strategy="probe", **given)
    assert TrainOptions(data="x", strategy="probe", **given)  # boxes may be learnt, as yet unknown
    assert TrainOptions(data="x", task="classification", **given)
