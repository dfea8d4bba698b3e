"""Decoding in a process of its own, while this one imports and converts a network.

Building an engine takes seconds and one processor. Threads that decoded meanwhile would
take the interpreter's lock from it for every image; another process only uses the processor
that idles. What it decodes reaches this one through the cache.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from headstart.data.dataset import Dataset
from headstart.images.cached import cacheable
from headstart.images.pixels import cpu_count, read_pixels
from headstart.images.preprocess import Preprocess
from headstart.images.stats import ImageStats

__all__ = ["prefetch"]

# Fewer images are decoded sooner than a process starts.
_WORTH_STARTING = 150
_PATIENCE = 10.0


@contextlib.contextmanager
def prefetch(
    dataset: Dataset, preprocess: Preprocess, positions: tuple[float, ...]
) -> Iterator[None]:
    """Decodes into the cache for as long as the block runs.

    Args:
        dataset: What will be read afterwards, from its beginning.
        preprocess: How the images are fitted.
        positions: Crop positions.

    It is a help that may fail: whatever it did not leave in the cache is decoded as ever.
    """
    worth = len(dataset) >= _WORTH_STARTING and cpu_count() > 1
    if not worth or not cacheable(len(dataset), preprocess, positions):
        yield
        return
    request = {
        "root": os.fspath(dataset.root.absolute()),
        "names": dataset.names,
        "preprocess": asdict(preprocess),
        "positions": positions,
    }
    with contextlib.ExitStack() as stack:
        try:
            helper = subprocess.Popen(
                [sys.executable, "-m", "headstart.images.prefetch"],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                start_new_session=True,  # an interrupt of this process reaches it by its input
            )
        except OSError:
            yield
            return
        stack.callback(_end, helper)
        # A pipe holds less than the names of many images, and must not hold this process up.
        text = json.dumps(request).encode() + b"\n"
        threading.Thread(target=_write, args=(helper, text), daemon=True).start()
        yield


def _write(helper: subprocess.Popen[bytes], text: bytes) -> None:
    assert helper.stdin is not None
    with contextlib.suppress(OSError, ValueError):
        helper.stdin.write(text)
        helper.stdin.flush()


def _end(helper: subprocess.Popen[bytes]) -> None:
    """Tells the helper to write what it has, and waits for that."""
    assert helper.stdin is not None
    with contextlib.suppress(OSError, ValueError):
        helper.stdin.close()
    try:
        helper.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        helper.kill()
        helper.wait()


def main() -> None:
    """The helper: decodes until all is done or its input ends."""
    value = json.loads(sys.stdin.buffer.readline())
    count = len(value["names"])
    dataset = Dataset.unlabelled(value["names"], root=Path(value["root"]))
    ended = threading.Event()

    def listen() -> None:
        sys.stdin.buffer.read()
        ended.set()

    threading.Thread(target=listen, daemon=True).start()
    reader = read_pixels(
        dataset, ImageStats.empty(count), preprocess=Preprocess.from_json(value["preprocess"]),
        positions=tuple(value["positions"]), workers=1,
    )  # fmt: skip
    with contextlib.closing(reader):  # which writes what it has to the cache
        for _ in reader:
            if ended.is_set():
                break


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)
