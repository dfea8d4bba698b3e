"""Fixtures for the whole house: sample images, an own cache for every test, real data if there."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image, ImageDraw

ROOT = Path(__file__).resolve().parent.parent
CACHES = itertools.count()

# No test may reach the network: huggingface_hub reads this once, when it is first imported.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
# One thread each: tiny networks gain nothing from more, and on a busy machine they wait in turns.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# What is slow on a busy machine is not wrong.
settings.register_profile("house", deadline=None)
settings.load_profile("house")
# Subprocesses find the package in an uninstalled checkout too.
os.environ["PYTHONPATH"] = os.pathsep.join(
    filter(None, [str(ROOT / "src"), os.environ.get("PYTHONPATH")])
)


@pytest.fixture(autouse=True)
def isolated_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch) -> Path:
    """Gives every test, and the processes it starts, a cache of its own."""
    # Not mktemp, which lists the folders of all the tests before.
    cache = tmp_path_factory.getbasetemp() / "caches" / str(next(CACHES))
    cache.mkdir(parents=True)
    monkeypatch.setenv("HEADSTART_CACHE", str(cache))
    return cache


def draw_image(kind: int, seed: int, size: int = 48) -> Image.Image:
    """Draws one image: kind 0 red discs, 1 green squares, 2 blue stripes, on noise; repeats from 3.

    From kind 3 on colours change, so that any number of classes can be told apart.
    """
    rng = np.random.default_rng([kind, seed])
    noise = rng.integers(90, 166, (size, size, 3), dtype=np.uint8)
    image = Image.fromarray(noise)
    pen = ImageDraw.Draw(image)
    strong = np.roll([220, 60, 50], kind + kind // 3)
    colour = tuple(int(c) for c in np.clip(strong + rng.integers(-30, 31, 3), 0, 255))
    radius = int(rng.integers(size // 6, size // 3))
    x, y = (int(v) for v in rng.integers(radius, size - radius, 2))
    box = (x - radius, y - radius, x + radius, y + radius)
    if kind % 3 == 0:
        pen.ellipse(box, fill=colour)
    elif kind % 3 == 1:
        pen.rectangle(box, fill=colour)
    else:
        step = max(4, radius // 2)
        for left in range(x % step, size, 2 * step):
            pen.rectangle((left, 0, left + step - 1, size), fill=colour)
    return image


@pytest.fixture
def make_images(tmp_path: Path) -> Callable[..., Path]:
    """Returns a maker of class folders.

    ``make_images("name", classes=3, per_class=12, size=48, splits=())`` writes
    ``name/class_a/00.png`` and so on, or ``name/train/class_a/00.png`` with splits, every
    image another one, and returns the folder.
    """

    def make(
        name: str = "images",
        *,
        classes: int = 3,
        per_class: int = 12,
        size: int = 48,
        splits: tuple[str, ...] = (),
    ) -> Path:
        root = tmp_path / name
        for part, split in enumerate(splits or ("",)):
            for kind in range(classes):
                folder = root / split / f"class_{chr(ord('a') + kind)}"
                folder.mkdir(parents=True)
                for number in range(per_class):
                    image = draw_image(kind, part * 1000 + number, size)
                    image.save(folder / f"{number:02}.png")
        return root

    return make


@pytest.fixture
def images(make_images: Callable[..., Path]) -> Path:
    """A folder of three classes with twelve 48 px images each, the same in every run."""
    return make_images()


def _real(variable: str, default: str, name: str) -> Path:
    place = Path(os.environ.get(variable, ROOT.parent / "shared" / default)) / name
    if not place.exists():
        pytest.skip(f"{place} is absent (set {variable} to the folder that holds {name})")
    return place


@pytest.fixture
def real_data() -> Callable[[str], Path]:
    """``real_data("flowers12")`` is the folder of a real set; skips where it is absent."""
    return lambda name: _real("HEADSTART_DATA", "data", name)


@pytest.fixture
def real_weights() -> Callable[[str], Path]:
    """``real_weights("mobilenetv2_100")`` is a real backbone; skips where it is absent."""
    return lambda name: _real("HEADSTART_WEIGHTS", "weights", name)


@pytest.fixture
def cli() -> Callable[..., subprocess.CompletedProcess[str]]:
    """``cli("train", folder, "-o", run)`` runs the command in a process of its own."""

    def run(*args: object, **environment: str) -> subprocess.CompletedProcess[str]:
        code = "import sys; from headstart.cli import main; sys.exit(main())"
        return subprocess.run(
            [sys.executable, "-c", code, *map(str, args)],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
        )

    return run
