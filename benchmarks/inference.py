"""An exported model against plain torch: the same labels, what int8 costs, how fast, how large.

For each run, in one process after the other and by turns: fp32 torch as everybody runs it (eager,
NCHW, nothing folded), the exported fp32 ONNX file, and int8 where `headstart export --int8` did
not refuse it. Labels and accuracy are of the whole test split of the run, which calibration never
saw; speeds are medians over several turns at batch 1 and 16, without decoding.

    python benchmarks/inference.py RUN [RUN ...]
"""

from __future__ import annotations

import csv
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from common import ROOT, commit, headstart, machine, parser, read_json, show, versions, wilson

sys.path.insert(0, str(ROOT / "src"))

TURNS = 7


def test_images(run: Path) -> tuple[list[Path], list[str]]:
    """Returns files and true classes of a run's test."""
    from headstart.data.open import open_dataset

    options = read_json(run / "options.json")
    dataset = open_dataset(
        options["data"], label=options["label"], group=options["group"], split=options["split"]
    )
    place = {name: dataset.path(i) for i, name in enumerate(dataset.names)}
    with (run / "predictions.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    return [place[row["name"]] for row in rows], [row["truth"] for row in rows]


def rates(runners: dict, inputs: np.ndarray) -> dict[str, dict[int, float]]:
    """Returns images a second of each at batch 1 and 16; they take turns."""
    found: dict = {name: {1: [], 16: []} for name in runners}
    for turn in range(TURNS + 1):
        for name, run in runners.items():
            for batch in (1, 16):
                images = np.resize(inputs, (batch, *inputs.shape[1:]))
                begun = time.perf_counter()
                for _ in range(4 if batch == 1 else 1):
                    run(images)
                seconds = (time.perf_counter() - begun) / (4 if batch == 1 else 1)
                if turn:  # the first warms up
                    found[name][batch].append(batch / seconds)
    return {
        name: {batch: statistics.median(values) for batch, values in each.items()}
        for name, each in found.items()
    }


def measure(run: Path, args) -> list[str]:
    import torch

    from headstart.deploy.runtime import OnnxPredictor
    from headstart.images.given import inputs_of
    from headstart.scoring.run_predictor import RunPredictor
    from headstart.tasks.predictor import in_batches

    with tempfile.TemporaryDirectory() as place:
        out = Path(place) / "export"
        headstart(
            "export", run, "-o", out, "--int8", "--quiet", cache=Path(place), python=args.python
        ).check()
        files = {"fp32 ONNX": out / "model.onnx", "int8 ONNX": out / "model-int8.onnx"}
        models = {name: OnnxPredictor(file) for name, file in files.items() if file.exists()}
        summary = read_json(out / "export.json")["summary"]
        paths, truth = test_images(run)
        ours = RunPredictor(run, exact=True)
        model = ours.model
        inputs = np.stack([inputs_of(path, model.preprocess, model.tta) for path in paths])
        pool = model.backbone.pool(model.preprocess)  # NCHW, as timm builds it

        def eager(images: np.ndarray) -> np.ndarray:
            with torch.inference_mode():
                return pool.last(torch.from_numpy(images.reshape(-1, *images.shape[2:]))).numpy()

        labels = {"fp32 torch": ours.outputs(inputs)["probabilities"].argmax(axis=1)}
        for name, each in models.items():
            labels[name] = in_batches(each.outputs, inputs, 16)["probabilities"].argmax(axis=1)
        speed = rates(
            {"fp32 torch": eager} | {name: each.outputs for name, each in models.items()},
            inputs[:16],
        )
        torch_size = sum(each.numel() * each.element_size() for each in pool.parameters()) / 1e6
        rows = []
        base = labels["fp32 torch"]
        right = np.array([model.spec.names.index(name) for name in truth])
        for name, found in labels.items():
            size = files[name].stat().st_size / 1e6 if name in files else torch_size
            whole = files["fp32 ONNX"].stat().st_size / 1e6
            one, many = (speed[name][b] / speed["fp32 torch"][b] for b in (1, 16))
            accuracy = show(*wilson(int((found == right).sum()), len(right)))
            rows.append(
                f"| {run.name} | {name} | {size:.2f} ({size / whole:.0%}) | {accuracy} | "
                f"{int((found != base).sum())} of {len(base)} | "
                f"{speed[name][1]:.0f} ({one:.1f}x) | "
                f"{speed[name][16]:.0f} ({many:.1f}x) |"
            )
        rows += [f"| {run.name} | | {each} | | | | |" for each in summary if "int8" in each]
    return rows


def main() -> None:
    options = parser(__doc__)
    options.add_argument("runs", nargs="+", type=Path, help="folders that train wrote")
    args = options.parse_args()
    print(f"Machine: {machine()}. Headstart {commit()}: {versions(args.python)}.\n")
    print(
        "| run | what | MB | test accuracy (95 %) | labels unlike torch's | images/s at 1 | "
        "images/s at 16 |\n|---|---|---|---|---|---|---|"
    )
    for run in args.runs:
        print("\n".join(measure(run, args)), flush=True)


if __name__ == "__main__":
    main()
