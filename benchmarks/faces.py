"""What the face pipeline is worth: the same embedders with and without finding the face.

Same or other person on `lfw10` (area under the ROC curve over all pairs), gender and age on
`utkface_a` (grouped cross-validation; accuracy by age band and race; mean absolute error in
years). Needs `mobilefacenet.onnx` and `face_yunet_n.onnx` among the weights.

    python benchmarks/faces.py
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from common import DATA, ROOT, WEIGHTS, commit, headstart, machine, need, parser, show, versions

DETECTOR = WEIGHTS / "face_yunet_n.onnx"
# As the weights' page states them: 112 high, 96 wide, (x - 127.5) / 128.
SETTINGS = {
    "input_size": [3, 112, 96],
    "mean": [0.5, 0.5, 0.5],
    "std": [128 / 255, 128 / 255, 128 / 255],
    "alignment": [
        [30.2946, 51.6963], [65.5318, 51.5014], [48.0252, 71.7366], [33.5493, 92.3655],
        [62.7299, 92.2041],
    ],
}  # fmt: skip


def face_embedder(place: Path) -> Path:
    """Puts the embedder and the JSON that declares it into a folder; returns the ONNX file."""
    file = place / "mobilefacenet.onnx"
    file.symlink_to((WEIGHTS / "mobilefacenet.onnx").resolve())
    file.with_suffix(".json").write_text(json.dumps(SETTINGS))
    return file


def auc(vectors: np.ndarray, people: np.ndarray, seed: int) -> tuple[float, float, float]:
    """Area under the ROC curve of cosines over all pairs; people are drawn for the interval."""
    from sklearn.metrics import roc_auc_score

    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    cosines = unit @ unit.T

    def of(rows: np.ndarray, whose: np.ndarray) -> float:
        one, other = np.triu_indices(len(rows), 1)
        apart = rows[one] != rows[other]  # a photo that was drawn twice is no pair
        same = (whose[one] == whose[other])[apart]
        return float(roc_auc_score(same, cosines[rows[one], rows[other]][apart]))

    rng = np.random.default_rng(seed)
    every = np.unique(people)
    draws = []
    for _ in range(200):
        chosen = rng.choice(every, len(every))
        rows = [np.flatnonzero(people == each) for each in chosen]
        names = np.repeat(chosen, [len(each) for each in rows])
        if len(np.unique(chosen)) > 1:
            draws.append(of(np.concatenate(rows), names))
    low, high = np.quantile(draws, [0.025, 0.975])
    return of(np.arange(len(people)), people), float(low), float(high)


def pipeline(embedders: dict[str, Path], seed: int) -> None:
    """Prints the table of alignment, box and whole photo."""
    from headstart.data.open import open_dataset
    from headstart.features.extract import extract
    from headstart.nets.pretrained.backbone import open_backbone
    from headstart.nets.pretrained.face_detector import faces_for

    print("\n| embedder | what it sees | AUC, same or other person (95 %) |\n|---|---|---|")
    dataset = open_dataset(DATA / "lfw10")
    for name, path in embedders.items():
        network = open_backbone(str(path))
        whole = replace(network.preprocess, geometry="square")
        faces = faces_for(network, str(DETECTOR))
        for summary, preprocess in (
            ("the whole photo", whole),
            ("the face's box", replace(whole, faces=replace(faces, align="box"))),
            ("the face, by five points", replace(whole, faces=faces)),
        ):
            features = extract(dataset, network, preprocess=preprocess)
            vectors = features.vectors[:, features.slices["last"]]
            found = auc(vectors, dataset.labels.targets, seed)
            print(f"| {name} | {summary} | {show(*found)} |", flush=True)


def gender(embedders: dict[str, Path], place: Path, args) -> None:
    """Prints accuracy of gender, by age band and race too."""
    print("\n| embedder | sees | gender, cross-validated (95 %) |\n|---|---|---|")
    tables = []
    for name, path in embedders.items():
        for summary, flags in (("photo", []), ("face", ["--faces", "--detector", DETECTOR])):
            run = place / f"{name}-{summary}"
            headstart(
                "train", DATA / "utkface_a", "-o", run, "--backbone", path, "--strategy", "probe",
                "--evaluation", "cv", "--baselines", "none", "--seed", args.seed, "--quiet", *flags,
                cache=place / "cache", python=args.python,
            ).check()  # fmt: skip
            told = headstart(
                "evaluate", run, "--by", "age,race", "--json",
                cache=place / "cache", python=args.python,
            ).check()  # fmt: skip
            value = json.loads(told.stdout)
            print(f"| {name} | {summary} | {_shown(value['test']['accuracy'])} |", flush=True)
            for each in value["subgroups"]:
                for group, accuracy in each["values"].items():
                    tables.append(
                        f"| {name}, {summary} | {each['column']} | {group} | {accuracy['n']} | "
                        f"{_shown(accuracy)} |"
                    )
                tables.append(
                    f"| {name}, {summary} | {each['column']} | gap: {each['best']} - "
                    f"{each['worst']}, "
                    f"p = {each['p_value']:.2g} | | {_shown(each['gap'])} |"
                )
    print("\n| embedder | by | subgroup | n | accuracy (95 %) |\n|---|---|---|---|---|")
    print("\n".join(tables))


def _shown(estimate: dict) -> str:
    return show(estimate["value"], estimate["low"], estimate["high"])


def age(embedders: dict[str, Path], place: Path, args) -> None:
    """Prints the mean absolute error of age in years, beside ridge regression and the median."""
    seed = args.seed
    from sklearn.linear_model import RidgeCV
    from sklearn.model_selection import GroupKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from headstart.checks.duplicates import clusters
    from headstart.data.open import open_dataset
    from headstart.features.extract import extract
    from headstart.metrics.interval import cluster_bootstrap
    from headstart.nets.pretrained.backbone import open_backbone
    from headstart.nets.pretrained.face_detector import faces_for

    print(
        "\n| embedder | sees | age, mean absolute error, years (95 %) | interval coverage (90 %) ",
        end="",
    )
    print("| ridge regression on the same features |\n|---|---|---|---|---|")
    dataset = open_dataset(DATA / "utkface_a")
    years = dataset.attributes["age"].astype(float)
    constant = None
    for name, path in embedders.items():
        network = open_backbone(str(path))
        whole = replace(network.preprocess, geometry="square")
        for summary, preprocess in (
            ("photo", whole), ("face", replace(whole, faces=faces_for(network, str(DETECTOR)))),
        ):  # fmt: skip
            features = extract(dataset, network, preprocess=preprocess)
            kept = features.stats.readable
            x, y = features.vectors[kept], years[kept]
            groups = clusters(features.stats)[kept]
            wrong, plain = np.zeros(len(y)), np.zeros(len(y))
            for own, rest in GroupKFold(5, shuffle=True, random_state=seed).split(x, y, groups):
                model = make_pipeline(StandardScaler(), RidgeCV(np.logspace(0, 6, 13)))
                found = model.fit(x[own], y[own]).predict(x[rest])
                wrong[rest] = np.abs(np.clip(found, 0, y[own].max()) - y[rest])
                plain[rest] = np.abs(np.median(y[own]) - y[rest])

            def error(values: np.ndarray, groups: np.ndarray = groups) -> str:
                each = cluster_bootstrap(
                    lambda weights: weights @ values / weights.sum(axis=1), groups,
                    n=len(values), bounds=(0.0, np.inf), seed=seed,
                )  # fmt: skip
                return f"{each.value:.2f} ({each.low:.2f} to {each.high:.2f})"

            constant = constant or error(plain)
            run = place / f"age-{name}-{summary}"
            flags = ["--faces", "--detector", DETECTOR] if summary == "face" else []
            headstart(
                "train", DATA / "utkface_a", "-o", run, "--backbone", path, "--strategy", "probe",
                "--task", "regression", "--label", "age", "--evaluation", "cv", "--baselines",
                "none", "--seed", seed, "--quiet", *flags,
                cache=place / "cache", python=args.python,
            ).check()  # fmt: skip
            test = json.loads((run / "metrics.json").read_text())["test"]
            own = (_shown(test[each]) for each in ("mean_absolute_error", "coverage"))
            print(f"| {name} | {summary} | {' | '.join(own)} | {error(wrong)} |", flush=True)
    print(f"| constant (median) baseline | | {constant} | | |")


def main() -> None:
    args = parser(__doc__).parse_args()
    need(Path(args.backbone), DETECTOR, WEIGHTS / "mobilefacenet.onnx")
    need(DATA / "lfw10", DATA / "utkface_a")
    print(f"Machine: {machine()}. Headstart {commit()}: {versions(args.python)}.")
    sys.path.insert(0, str(ROOT / "src"))
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        os.environ["HEADSTART_CACHE"] = str(place / "cache")
        embedders = {
            "mobilefacenet": face_embedder(place), "mobilenetv2_100": Path(args.backbone),
        }  # fmt: skip
        pipeline(embedders, args.seed)
        gender(embedders, place, args)
        age(embedders, place, args)


if __name__ == "__main__":
    main()
