"""Memory that a step frees is kept for the next one, where the C library is glibc."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from headstart.training.memory import give_back_memory, keep_freed_memory

# Holds 20 blocks, lets them go, and says how many pages were given back to the system.
CHILD = """
import ctypes, sys
from headstart.training.memory import give_back_memory, keep_freed_memory
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
size = 24 << 20
if sys.argv[1] != "leave":
    keep_freed_memory()
def held():
    return int(open("/proc/self/statm").read().split()[1]) * 4096
blocks = [libc.malloc(size) for _ in range(4)]
for each in blocks:
    ctypes.memset(each, 1, size)
before = held()
for each in blocks:
    libc.free(each)
if sys.argv[1] == "give back":
    give_back_memory()
print((before - held()) / (4 * size))
"""


def given_back(how: str) -> float:
    done = subprocess.run(
        [sys.executable, "-c", CHILD, how], capture_output=True, text=True, check=True
    )
    return float(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_freed_memory_stays_until_it_is_given_back():
    assert given_back("leave") > 0.7
    assert given_back("keep") < 0.3
    assert given_back("give back") > 0.7


def test_elsewhere_nothing_is_touched(monkeypatch):
    def refused(*given: object) -> None:
        raise AssertionError("no library should be opened")

    monkeypatch.setattr("sys.platform", "darwin")
    monkeypatch.setattr("ctypes.CDLL", refused)
    keep_freed_memory.__wrapped__()
    give_back_memory()


@pytest.mark.parametrize("error", [OSError, AttributeError])
def test_another_library_is_no_failure(monkeypatch, error):
    def missing(*given: object) -> None:
        raise error

    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("ctypes.CDLL", missing)
    keep_freed_memory.__wrapped__()
    give_back_memory()
