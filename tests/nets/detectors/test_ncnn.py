"""ncnn's two files: every layer that is known, and what is refused."""

from __future__ import annotations

import struct

import numpy as np
import pytest
import torch
from torch import nn

from headstart.errors import BackboneError
from headstart.nets.detectors.ncnn import NcnnGraph

LINES = """7767517
11 14
Input            data   0 1 data
Convolution      first  1 1 data a 0=4 1=3 3=2 4=1 5=1 6=108 9=2 -23310=1,1.000000e-01
ShuffleChannel   mix    1 1 a b 0=2
Split            fork   1 2 b b1 b2
Crop             cut    1 1 b1 c -23309=1,0 -23310=1,2 -23311=1,0
ConvolutionDepthWise deep 1 1 c d 0=2 1=3 4=1 5=0 6=18 7=2
Slice            part   1 2 b2 e f -23300=2,2,-233
BinaryOp         add    2 1 d e g
Concat           all    2 1 g f h
Interp           large  1 1 h i 0=2 1=2.0 2=2.0
Pooling          small  1 1 i j 1=3 2=2 3=1 5=1
Sigmoid          last   1 1 j k
Reshape          flat   1 1 k l 0=-1 1=4
Permute          turn   1 1 l out 0=1
"""


def files(folder, text=LINES, tail=b""):
    rng = np.random.default_rng(0)
    first, bias = rng.normal(size=(4, 3, 3, 3)), rng.normal(size=4)
    deep = rng.normal(size=(2, 1, 3, 3))
    content = struct.pack("<I", 0) + first.astype("<f4").tobytes() + bias.astype("<f4").tobytes()
    content += struct.pack("<I", 0x01306B47) + deep.astype("<f2").tobytes()
    content += b"\0" * (-len(content) % 4)
    (folder / "a.param").write_text(text)
    (folder / "a.bin").write_bytes(content + tail)
    return (torch.from_numpy(each.astype(np.float32)) for each in (first, bias, deep))


def test_every_layer_does_what_it_says(tmp_path):
    first, bias, deep = files(tmp_path)
    graph = NcnnGraph(tmp_path / "a.param", tmp_path / "a.bin")
    assert [weight.shape for weight, _ in graph.convolutions] == [(4, 3, 3, 3), (2, 1, 3, 3)]
    assert graph.convolutions[1][1] is None
    image = torch.randn(1, 3, 8, 8)
    maps = nn.functional.leaky_relu(nn.functional.conv2d(image, first, bias, 2, 1), 0.1)
    maps = maps[:, [0, 2, 1, 3]]
    deep = deep.half().float()
    left = nn.functional.conv2d(maps[:, :2], deep, None, 1, 1, 1, 2) + maps[:, :2]
    both = torch.cat([left, maps[:, 2:]], 1)
    both = nn.functional.interpolate(both, scale_factor=2, mode="bilinear", align_corners=False)
    wanted = nn.functional.max_pool2d(both, 3, 2, 1).sigmoid().flatten(2).transpose(1, 2)
    assert torch.allclose(graph.run(image), wanted, atol=1e-6)


@pytest.mark.parametrize(
    ("text", "tail", "said"),
    [
        (LINES.replace("7767517", "7"), b"", "7767517"),
        (LINES, b"more", "left over"),
        (LINES.replace("6=108", "6=99999999"), b"", "one network"),
        (LINES.replace("0=4 1=3", "0=5 1=3"), b"", "one network"),
        (LINES.replace("0 1 data\n", "x 1 data\n", 1), b"", "one network"),
    ],
)
def test_files_that_do_not_fit_are_refused(tmp_path, text, tail, said):
    files(tmp_path, text, tail)
    with pytest.raises(BackboneError, match=said):
        NcnnGraph(tmp_path / "a.param", tmp_path / "a.bin")


def test_a_layer_that_is_not_known_is_named(tmp_path):
    files(tmp_path, LINES.replace("Sigmoid ", "HardSwish "))
    graph = NcnnGraph(tmp_path / "a.param", tmp_path / "a.bin")
    with pytest.raises(BackboneError, match="last is a HardSwish"):
        graph.run(torch.zeros(1, 3, 8, 8))
