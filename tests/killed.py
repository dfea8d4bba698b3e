"""A training on the command line that ends itself in the middle of a step, as by kill -9."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

# States are kept after every step.
_CODE = """
import os, signal, sys
from headstart.training.checkpoint import Checkpoints
from headstart.training.loop import Training
from headstart.cli import main
Checkpoints.__init__.__kwdefaults__["every"] = 0.0
learn, left = Training._learn, int(sys.argv[1])
def stops(self, *given):
    global left
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
    return learn(self, *given)
Training._learn = stops
sys.exit(main(sys.argv[2:]))
"""


def killed(step: int, *command: str) -> None:
    """Runs `headstart` with these words in a process of its own, which dies in that step."""
    done = subprocess.run(
        [sys.executable, "-c", _CODE, str(step), *command], env=os.environ, capture_output=True
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
