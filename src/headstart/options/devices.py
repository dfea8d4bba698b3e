"""Whether this machine has the device that was asked for: known in a moment, before any work."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import re
import sys
from pathlib import Path

from headstart.choices import Device
from headstart.errors import OptionError

__all__ = ["check_device"]

_NAMES = {"cuda": "NVIDIA GPU", "mps": "Apple GPU"}
# The driver's own library, which every machine with such a GPU has.
_DRIVERS = {"win32": "nvcuda.dll"}
_AMD = "/dev/kfd"  # torch calls AMD's GPUs cuda too


def check_device(device: Device) -> None:
    """Refuses a GPU that is not here.

    torch, whose import takes seconds, is asked only where there is a driver and torch was built
    to use it.

    Args:
        device: As an option has it.

    Raises:
        OptionError: If networks cannot run there.
    """
    if device not in _NAMES:
        return
    if not _has_driver(device) or not _built_for(device) or not _seen_by_torch(device):
        raise OptionError(
            f"--device {device}: torch sees no {_NAMES[device]} here; leave it out, or say "
            f"--device cpu"
        )


def _has_driver(device: Device) -> bool:
    if device == "mps":
        return sys.platform == "darwin"
    if os.path.exists(_AMD):
        return True
    try:
        ctypes.CDLL(_DRIVERS.get(sys.platform, "libcuda.so.1"))
    except OSError:
        return False
    return True


def _built_for(device: Device) -> bool:
    """Reads what torch's build says of itself; True where that is not to be found."""
    found = importlib.util.find_spec("torch")
    if found is None or found.origin is None:
        return False
    try:
        text = (Path(found.origin).parent / "version.py").read_text(encoding="utf-8")
    except OSError:
        return True
    builds = dict(re.findall(r"^(cuda|hip)\b[^=]*= *(.+)$", text, re.MULTILINE))
    return device == "mps" or not builds or any(each.strip() != "None" for each in builds.values())


def _seen_by_torch(device: Device) -> bool:
    import torch

    if device == "mps":
        return bool(torch.backends.mps.is_available())
    return bool(torch.cuda.is_available())
