"""What torch and timm are imported without still works afterwards."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from headstart.nets import imports

CODE = """
import sys
from headstart.nets.imports import import_timm, leave_rules_out
leave_rules_out()
import torch
disable = torch.compiler.disable
timm = import_timm()
assert "torch._dynamo" not in sys.modules, "the compiler was imported"
assert "torch._dynamo.utils" not in sys.modules and torch.compiler.disable is disable
assert "torch._decomp" not in sys.modules, "the rules of tensors without numbers were imported"
assert "huggingface_hub" not in sys.modules, "the hub was imported"
from timm.models import _hub
try:
    _hub.hf_hub_download("nobody/nothing", "config.json", local_files_only=True)
except _hub.EntryNotFoundError as error:
    assert type(error).__module__ == "huggingface_hub.errors"
import torchvision
from torchvision.ops import roi_align  # its `is_compile_supported` is the one that waits
boxes = [torch.tensor([[0.0, 0.0, 4.0, 4.0]])]
pixels = torch.arange(64.0).reshape(1, 1, 8, 8)
eager = roi_align(pixels, boxes, 2)
torch.use_deterministic_algorithms(True)
assert torch.allclose(roi_align(pixels, boxes, 2), eager)
network = timm.create_model("test_resnet", num_classes=0).eval()
images = torch.rand(1, 3, 32, 32)
with torch.inference_mode():
    compiled = torch.compile(network, backend="eager")(images)
    assert torch.allclose(compiled, network(images), atol=1e-5)
convolved = torch.nn.Conv2d(3, 4, 3, device="meta")(images.to("meta"))
assert convolved.shape == (1, 4, 30, 30), "the compiler brought the rules"
import torch._dynamo.utils
assert torch._dynamo.utils.is_compile_supported("cpu") in (True, False)
print("fine")
"""


def test_what_waits_works_then():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "fine"


def test_with_the_compiler_there_nothing_is_changed():
    code = "import torch._dynamo\nfrom headstart.nets.imports import import_timm\nimport_timm()\n"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def house(tmp_path, monkeypatch):
    """A package with rules, what they are made with, and what asks them, as torch has them."""
    folder = tmp_path / "house_of_rules"
    folder.mkdir()
    (folder / "__init__.py").write_text("from house_of_rules import _rules as rules\n")
    (folder / "_rules.py").write_text("from house_of_rules._made import table\ntable.append(1)\n")
    (folder / "_made.py").write_text("table = []\n")
    (folder / "asking.py").write_text("from house_of_rules._made import table\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(imports, "_RULES", "house_of_rules._rules")
    monkeypatch.setattr(imports, "_ASKING", {"house_of_rules._made", "house_of_rules.asking"})
    monkeypatch.setattr(sys, "meta_path", [imports._Rules(), *sys.meta_path])
    importlib.invalidate_caches()
    found = importlib.import_module("house_of_rules")
    assert "house_of_rules._made" not in sys.modules, "the rules wait"
    yield found
    for name in [each for each in sys.modules if each.startswith("house_of_rules")]:
        del sys.modules[name]


@pytest.mark.parametrize("name", ["asking", "_made"])
def test_rules_are_there_before_what_asks_them_and_once(house, name):
    asking = importlib.import_module(f"house_of_rules.{name}")
    assert asking.table == [1]
    assert asking.__spec__.origin.endswith(f"{name}.py")
    assert house._rules.table is asking.table is sys.modules["house_of_rules._made"].table
    assert importlib.import_module("house_of_rules._rules").table == [1]


def test_who_takes_a_rule_gets_it(house):
    assert house.rules.table == [1]


def test_torch_that_is_there_is_left_alone(monkeypatch):
    before = list(sys.meta_path)
    monkeypatch.setitem(sys.modules, "torch", importlib.import_module("types"))
    imports.leave_rules_out()
    assert sys.meta_path == before
