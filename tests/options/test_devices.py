"""A GPU that is not here is refused in a moment, of every verb that takes a device."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

import headstart
from headstart.cli import VERBS, main
from headstart.errors import OptionError
from headstart.options import devices
from headstart.options.devices import check_device
from headstart.options.record import options_of


def record_of(verb: str):
    return getattr(importlib.import_module(f"headstart.options.{verb}"), f"{verb.title()}Options")


WITH_DEVICE = [v for v in VERBS if "device" in {each.name for each in options_of(record_of(v))}]


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(devices, "_has_driver", lambda device: False)


def test_every_verb_that_runs_a_network_takes_a_device():
    assert {"train", "predict", "evaluate", "enroll", "identify", "verify"} <= set(WITH_DEVICE)


@pytest.mark.parametrize("verb", WITH_DEVICE)
def test_it_is_refused_before_anything_is_looked_for(verb, no_gpu, capsys):
    asked = [each for each in options_of(record_of(verb)) if each.needed or each.subject]
    needed = {each.name: "nowhere" for each in asked}
    with pytest.raises(OptionError, match="--device cuda: torch sees no NVIDIA GPU here; leave"):
        getattr(headstart, verb)(**needed, device="cuda")
    words = []
    for each in asked:
        words += ["nowhere"] if each.subject else [each.flags[0], "nowhere"]
    assert main([verb, *words, "--device", "mps"]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("headstart: --device mps: torch sees no Apple GPU here")


def test_without_a_driver_or_a_build_for_it_torch_is_not_imported(monkeypatch):
    monkeypatch.setattr(devices, "_seen_by_torch", lambda device: pytest.fail("imported"))
    for driver, build in ((False, True), (True, False)):
        monkeypatch.setattr(devices, "_has_driver", lambda device, has=driver: has)
        monkeypatch.setattr(devices, "_built_for", lambda device, has=build: has)
        with pytest.raises(OptionError):
            check_device("cuda")
    check_device("auto")
    check_device("cpu")


def test_with_all_of_them_torch_has_the_word(monkeypatch):
    monkeypatch.setattr(devices, "_has_driver", lambda device: True)
    monkeypatch.setattr(devices, "_built_for", lambda device: True)
    for seen in (True, False):
        monkeypatch.setattr(devices, "_seen_by_torch", lambda device, sees=seen: sees)
        if seen:
            check_device("cuda")
        else:
            with pytest.raises(OptionError):
                check_device("cuda")


@pytest.mark.parametrize(
    ("text", "built"),
    [
        ("debug = False\ncuda: Optional[str] = None\nhip: Optional[str] = None\n", False),
        ("cuda: Optional[str] = '12.8'\nhip: Optional[str] = None\n", True),
        ("cuda = None\nhip = '6.4'\n", True),
        ("nothing of the kind\n", True),
    ],
)  # fmt: skip
def test_what_a_build_of_torch_says_of_itself(monkeypatch, tmp_path, text, built):
    (tmp_path / "version.py").write_text(text)
    spec = type("Spec", (), {"origin": str(tmp_path / "__init__.py")})
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    assert devices._built_for("cuda") == built
    assert devices._built_for("mps")


def test_it_takes_a_moment():
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "headstart", "train", "nowhere", "--device",
         "cuda"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "torch sees no NVIDIA GPU here" in done.stderr
    imported = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines()}
    assert not imported & {"torch", "timm", "sklearn", "openvino"}
