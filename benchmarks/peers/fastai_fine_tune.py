"""fastai as its own course teaches it: `vision_learner` + `fine_tune`, on a given split.

Runs in fastai's own environment and knows nothing of Headstart. Trains on DATA/train (class
folders), predicts DATA/test once, and writes one JSON file. Nothing is chosen on the test set,
and validation during training is switched off, which is in fastai's favour: it saves time.

fastai drops the last, incomplete batch of an epoch, and so trains on nothing, without a word, where
there are fewer training images than one batch holds. There the batch is halved until an epoch has
four of them (or a batch two images, the fewest that its normalisation takes), and `peer` says so.

`images_per_second` is of the unfrozen epochs alone: the images that were trained on (fastai drops
the last, incomplete batch of an epoch) by the wall time of those epochs.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

EXTENSIONS = {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".tif", ".tiff", ".webp"}


def files_of(folder: Path, limit: int | None) -> list[Path]:
    """Sorted image files; with a limit, spread evenly over the list and so over the classes."""
    files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in EXTENSIONS)
    if limit and len(files) > limit:
        files = [files[i * len(files) // limit] for i in range(limit)]
    return files


def batch_for(images: int, asked: int) -> int:
    """Returns the batch to train with: what was asked for, unless no batch of an epoch were full.

    Raises:
        ValueError: Fewer than two images, on which fastai trains with no batch at all.
    """
    if images < 2:
        raise ValueError(f"fastai needs two training images at least, not {images}")
    if asked <= images:
        return asked
    batch = asked
    while batch > 2 and images // batch < 4:
        batch //= 2
    return max(batch, 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--weights", type=Path, required=True, help="folder in timm's layout")
    parser.add_argument("--out", type=Path, required=True, help="the JSON file to write")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--batch-size", type=int, default=64, help="64 is fastai's default")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=int, help="this many images per split (smoke test)")
    args = parser.parse_args()

    begun = time.monotonic()
    import fastai
    import timm
    import torch
    from fastai.callback.core import Callback, CancelValidException
    from fastai.vision.all import (
        ImageDataLoaders,
        Resize,
        accuracy,
        aug_transforms,
        set_seed,
        vision_learner,
    )

    class NoValidation(Callback):
        def before_validate(self) -> None:
            raise CancelValidException

    rate = {"fits": 0, "images": 0, "seconds": 0.0}

    class Rate(Callback):
        """Counts in the second fit, of all layers; the first is of the head alone."""

        def before_fit(self) -> None:
            rate["fits"] += 1

        def before_train(self) -> None:
            rate["begun"] = time.monotonic()

        def after_batch(self) -> None:
            if self.training and rate["fits"] == 2:
                rate["images"] += len(self.xb[0])

        def after_train(self) -> None:
            if rate["fits"] == 2:
                rate["seconds"] += time.monotonic() - rate["begun"]

    imported = time.monotonic()
    set_seed(args.seed)
    train = files_of(args.data / "train", args.limit)
    test = files_of(args.data / "test", args.limit)
    batch = batch_for(len(train) - 1, args.batch_size)  # one goes to the validation part
    lowered = (
        f", batch {batch}"
        if batch == args.batch_size
        else (f", batch {batch}: no batch of {args.batch_size} would be full")
    )
    loaders = ImageDataLoaders.from_path_func(
        args.data,
        train,
        lambda path: path.parent.name,
        # fastai wants a validation part: one file, which it never looks at.
        valid_pct=1.5 / len(train),
        seed=args.seed,
        item_tfms=Resize(args.size),
        batch_tfms=aug_transforms(),
        bs=batch,
    )
    learner = vision_learner(loaders, f"local-dir:{args.weights}", metrics=accuracy)
    with learner.no_bar(), learner.no_logging():
        learner.fine_tune(args.epochs, cbs=[NoValidation(), Rate()])
        fitted = time.monotonic()
        probabilities, _ = learner.get_preds(dl=loaders.test_dl(test))
    classes = list(loaders.vocab)
    predicted = [classes[i] for i in probabilities.argmax(dim=1).tolist()]
    args.out.write_text(
        json.dumps(
            {
                "peer": f"fastai {fastai.__version__} vision_learner, "
                f"fine_tune({args.epochs}){lowered}",
                "batch_size": batch,
                "batches_per_epoch": (len(train) - 1) // batch,
                "versions": {
                    "fastai": fastai.__version__,
                    "timm": timm.__version__,
                    "torch": torch.__version__,
                },
                "seconds": {
                    "imports": imported - begun,
                    "fit": fitted - imported,
                    "test": time.monotonic() - fitted,
                },
                "images_per_second": rate["images"] / rate["seconds"] if rate["images"] else None,
                "predictions": [
                    {
                        "name": path.relative_to(args.data).as_posix(),
                        "truth": path.parent.name,
                        "predicted": guess,
                    }
                    for path, guess in zip(test, predicted, strict=True)
                ],
            }
        )
    )


if __name__ == "__main__":
    main()
