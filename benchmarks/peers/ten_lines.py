"""The baseline of a good engineer in ten lines: last layer, logistic regression.

Knows nothing of Headstart. timm's own transform of the weights, the pooled last layer, and
scikit-learn's `LogisticRegression` with its defaults, given as many iterations as it needs to
converge. Nothing is chosen. Trains on DATA/train and predicts DATA/test (class folders); or, with
the `items.csv` of a run, on exactly what that run trained and tested on, round by round where it
was cross-validated, so that the two can be compared image by image.

    python benchmarks/peers/ten_lines.py DATA --weights FOLDER --out FILE [--items items.csv]
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from pathlib import Path

EXTENSIONS = {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".tif", ".tiff", ".webp"}
Row = tuple[str, str, str, int]  # name, class, split, and the round that tests it (0: none)


def rows_of_folders(data: Path) -> list[Row]:
    """Every image below DATA/train and DATA/test; its folder is its class."""
    return [
        (file.relative_to(data).as_posix(), file.parent.name, part, int(part == "test"))
        for part in ("train", "test")
        for file in sorted((data / part).rglob("*"))
        if file.suffix.lower() in EXTENSIONS
    ]


def rows_of_items(file: Path) -> list[Row]:
    """Every labelled item of a run but those that it dropped."""
    with file.open(newline="", encoding="utf-8") as stream:
        return [
            (row["name"], row["label"], row["split"], int(row["fold"] or 0))
            for row in csv.DictReader(stream)
            if row["label"] and row["split"] != "dropped"
        ]


def rounds(rows: list[Row]) -> list[tuple[list[int], list[int]]]:
    """Returns what trains and what tests: once, or in every fold of a cross-validation."""
    last = max(fold for *_, fold in rows)
    found = []
    for fold in range(1, last + 1):
        test = [i for i, row in enumerate(rows) if row[3] == fold]
        train = [i for i, row in enumerate(rows) if row[3] != fold and (last > 1 or not row[3])]
        found.append((train, test))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--weights", type=Path, required=True, help="folder in timm's layout")
    parser.add_argument("--out", type=Path, required=True, help="the JSON file to write")
    parser.add_argument("--items", type=Path, help="items.csv of a run: its split, its folds")
    parser.add_argument("--batch-size", type=int, default=64)
    args = parser.parse_args()

    begun = time.monotonic()
    import numpy as np
    import sklearn
    import timm
    import torch
    from PIL import Image
    from sklearn.linear_model import LogisticRegression

    imported = time.monotonic()
    rows = rows_of_items(args.items) if args.items else rows_of_folders(args.data)
    model = timm.create_model(f"local-dir:{args.weights}", pretrained=True, num_classes=0).eval()
    transform = timm.data.create_transform(**timm.data.resolve_model_data_config(model))
    vectors = []
    with torch.inference_mode():
        for start in range(0, len(rows), args.batch_size):
            files = [args.data / row[0] for row in rows[start : start + args.batch_size]]
            images = [transform(Image.open(file).convert("RGB")) for file in files]
            vectors.append(model(torch.stack(images)).numpy())
    x, y = np.concatenate(vectors), np.array([row[1] for row in rows])
    embedded = time.monotonic()
    predictions, iterations = [], 0
    for train, test in rounds(rows):
        classifier = LogisticRegression(max_iter=10_000).fit(x[train], y[train])
        iterations = max(iterations, int(classifier.n_iter_.max()))
        guesses = classifier.predict(x[test]).tolist()
        predictions += [
            {"name": rows[i][0], "truth": rows[i][1], "predicted": guess}
            for i, guess in zip(test, guesses, strict=True)
        ]
    args.out.write_text(
        json.dumps(
            {
                "peer": "last layer + logistic regression",
                "versions": {
                    "scikit-learn": sklearn.__version__,
                    "timm": timm.__version__,
                    "torch": torch.__version__,
                },
                "seconds": {
                    "imports": imported - begun,
                    "vectors": embedded - imported,
                    "fit and test": time.monotonic() - embedded,
                },
                "images_per_second": len(rows) / (embedded - imported),
                "iterations": iterations,
                "predictions": predictions,
            }
        )
    )


if __name__ == "__main__":
    main()
