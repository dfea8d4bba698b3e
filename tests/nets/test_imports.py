"""timm is imported without torch's compiler, and the compiler still works afterwards."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import sys, torch
from headstart.nets.imports import import_timm
disable = torch.compiler.disable
timm = import_timm()
assert "torch._dynamo" not in sys.modules, "the compiler was imported"
assert "torch._dynamo.utils" not in sys.modules and torch.compiler.disable is disable
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
import torch._dynamo.utils
assert torch._dynamo.utils.is_compile_supported("cpu") in (True, False)
print("fine")
"""


def test_the_compiler_waits_and_then_works():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "fine"


def test_with_the_compiler_there_nothing_is_changed():
    code = "import torch._dynamo\nfrom headstart.nets.imports import import_timm\nimport_timm()\n"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
