"""New layers are normalised without statistics of a batch."""

from __future__ import annotations

import torch

from headstart.nets.heads.norm import group_norm


def test_groups_fit_any_number_of_channels():
    assert group_norm(24)(torch.ones(1, 24, 2, 2)).shape == (1, 24, 2, 2)
    assert group_norm(7).num_groups == 1
