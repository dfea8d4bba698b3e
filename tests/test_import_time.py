"""`--help` answers at once: nothing heavy is imported before there is work for it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from headstart.cli import VERBS

HEAVY = (
    "torch", "torchvision", "timm", "openvino", "sklearn", "scipy", "pyarrow", "pandas",
    "matplotlib", "huggingface_hub",
)  # fmt: skip

FLAGS = [(verb, flag) for verb in VERBS for flag in ("--help", "--no-such-flag")]
HELP = "import sys; sys.argv = ['headstart', '--help']; from headstart.cli import main; main()"


def loaded(code: str) -> set[str]:
    """The heavy modules that a fresh interpreter holds after running some code."""
    report = (
        "import atexit, sys\n"
        f"found = lambda: [name for name in {HEAVY!r} if name in sys.modules]\n"
        "atexit.register(lambda: print('\\nLOADED', *found()))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", report + code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split()[1:])


@pytest.mark.parametrize("code", ["import headstart", "import headstart; dir(headstart)", HELP])
def test_nothing_heavy_is_imported(code):
    assert loaded(code) == set()


def test_torch_waits_until_images_are_decoded_beside_it():
    """What chooses the input and begins to decode imports none of what trains."""
    code = (
        "import headstart.features.extract_maps, headstart.strategies.look\n"
        "from headstart.strategies.ways import input_of\n"
        "assert input_of('segmentation') and input_of('detection')\n"
    )
    assert loaded(code) == set()


def test_help_of_every_verb_and_what_is_wrong_import_nothing_heavy():
    """All in one process, which would hold whatever one of them imported."""
    code = (
        "import contextlib, io\n"
        "from headstart.cli import main\n"
        f"for verb, flag in {FLAGS!r}:\n"
        "    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):\n"
        "        main([verb, 'nowhere', flag])\n"
        "    assert not found(), (verb, flag, found())\n"
    )
    assert loaded(code) == set()


@pytest.mark.parametrize("flag", ["--help", "--no-such-flag"])
def test_the_verb_of_most_options_answers_at_once(flag):
    code = f"from headstart.cli import main; main(['train', 'nowhere', {flag!r}])"
    assert used_seconds(code) < (0.6 if os.environ.get("CI") else 0.3)


def test_what_is_wrong_is_told_from_python_before_anything_heavy_is_imported():
    code = (
        "import headstart\n"
        f"for verb in {[*VERBS]!r}:\n"
        "    try: getattr(headstart, verb)(no_such_option=1)\n"
        "    except headstart.OptionError: pass\n"
        "    else: raise AssertionError(verb)\n"
        "    assert 'numpy' not in sys.modules, verb\n"
    )
    assert loaded(code) == set()


def used_seconds(code: str) -> float:
    """The least CPU time of three processes that run some code."""
    seconds = []
    for _ in range(3 if hasattr(os, "wait4") else 0):
        child = subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        assert child.returncode == 0
        seconds.append(used.ru_utime + used.ru_stime)
    return min(seconds, default=0.0)


@pytest.mark.skipif(not hasattr(os, "wait4"), reason="needs os.wait4 (POSIX)")
def test_help_takes_less_than_half_a_second():
    """Best of three, in the process's own CPU seconds: it neither waits nor has threads.

    On an idle machine that is its wall time, and other work on the machine does not count.
    Machines of continuous integration are slower than desks and get twice the time.
    """
    assert used_seconds(HELP) < (1.0 if os.environ.get("CI") else 0.5)
