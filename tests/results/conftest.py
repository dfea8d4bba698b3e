"""One training on grouped data, shared by the tests of what a run leaves."""

import numpy as np
import pytest
from PIL import Image

from headstart.verbs.train import train

NAMES = ("name", "truth", "größe, [red]")


def paint(place, colour, seed):
    rng = np.random.default_rng([colour, seed])
    pixels = rng.integers(0, 170, (32, 32, 3), np.uint8)
    pixels[..., colour] += 40
    place.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(place)


@pytest.fixture(scope="session")
def grouped(tmp_path_factory):
    """(data, run): three classes, twelve films of three frames, tested in three rounds."""
    root = tmp_path_factory.mktemp("grouped")
    rows = ["file,label,film,camera"]
    for colour, name in enumerate(NAMES):
        for number in range(12):
            place = f"images/{colour}-{number}.png"
            seen = colour if number % 6 else (colour + 1) % 3  # a few look like another class
            paint(root / "data" / place, seen, 100 * colour + number)
            rows.append(f'{place},"{name}",{colour}-{number // 3},{"ab"[number % 2]}')
    (root / "data" / "all.csv").write_text("\n".join(rows), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(root / "cache"))
        run = train(
            root / "data" / "all.csv", out=root / "run", backbone="starter", strategy="probe",
            evaluation="cv", folds=3, group="film", image_size=32,
        )  # fmt: skip
    return root / "data", run
