"""The normalisation of new layers on maps: in groups of channels.

A few images make poor statistics for BatchNorm.
"""

from __future__ import annotations

import math

from torch import nn

__all__ = ["group_norm"]

_GROUPS = 16


def group_norm(channels: int) -> nn.Module:
    """Returns a normalisation of so many channels."""
    return nn.GroupNorm(math.gcd(_GROUPS, channels), channels)
