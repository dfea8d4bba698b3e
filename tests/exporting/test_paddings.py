"""Paddings as constants."""

from __future__ import annotations

import numpy as np
import torch
from timm.layers import Conv2dSame
from torch import nn

from headstart.exporting.paddings import fix_paddings


class Pool(nn.Module):
    """Two convolutions that pad as TensorFlow does."""

    def __init__(self) -> None:
        super().__init__()
        self.size = 17
        self.first = Conv2dSame(3, 4, 3, stride=2)
        self.inner = nn.Sequential(Conv2dSame(4, 2, 5, dilation=2))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(N, H, W, 3) to (N, 2, h, w)."""
        return self.inner(self.first(images.permute(0, 3, 1, 2).float()))


def test_paddings_are_constants_and_answers_stay():
    torch.manual_seed(0)
    pool = Pool().eval()
    images = torch.randint(0, 256, (2, 17, 17, 3), dtype=torch.uint8)
    with torch.inference_mode():
        wanted = pool(images).numpy()
        fix_paddings(pool)
        found = pool(images).numpy()
    assert not any(isinstance(each, Conv2dSame) for each in pool.modules())
    np.testing.assert_allclose(found, wanted, atol=1e-4)
