"""Sample data that needs no download: the handwritten digits that scikit-learn brings along."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from headstart.errors import OutputError

__all__ = ["write_digits"]

_SCALE = 4


def write_digits(folder: Path) -> Path:
    """Writes 1,797 handwritten digits as PNG files, one folder for each of the ten classes.

    The 8 x 8 grey images are enlarged to 32 x 32 pixels by bicubic interpolation, dark ink
    on white.

    Source: E. Alpaydin and C. Kaynak (1998), Optical Recognition of Handwritten Digits, UCI;
    the test part, as in `sklearn.datasets.load_digits`.

    Args:
        folder: Where to write; must not be there, or be empty. It appears complete or not
            at all.

    Returns:
        `folder`.

    Raises:
        OutputError: Something is there already, or it cannot be written.
    """
    from sklearn.datasets import load_digits

    folder = Path(folder)
    digits = load_digits()
    levels = np.rint(255 - digits.images * (255 / 16)).astype(np.uint8)
    try:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
        if folder.exists() or folder.is_symlink():
            raise OutputError(f"{folder} is there already; name another folder or delete it")
        folder.parent.mkdir(parents=True, exist_ok=True)
        # Written beside its place, on the same disk, so that the last step is a mere renaming.
        with tempfile.TemporaryDirectory(prefix=".digits-", dir=folder.parent) as temporary:
            written = Path(temporary) / "digits"
            for name in digits.target_names:
                (written / str(name)).mkdir(parents=True)
            size = (levels.shape[2] * _SCALE, levels.shape[1] * _SCALE)
            for number, (image, target) in enumerate(zip(levels, digits.target)):
                large = Image.fromarray(image).resize(size, Image.Resampling.BICUBIC)
                large.save(written / str(target) / f"{number:04d}.png")
            shutil.move(written, folder)
    except OSError as error:
        raise OutputError(f"cannot write {folder}: {error.strerror or error}") from None
    return folder
