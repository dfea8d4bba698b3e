"""Realistic run folders, for the report."""

import csv
import io
import json

import numpy as np
import pytest
from PIL import Image

from headstart.data.labels import Classes
from headstart.metrics.calibration import apply_temperature
from headstart.metrics.interval import wilson
from headstart.predictions import ClassProbabilities
from headstart.records import Estimate, Finding, to_json
from headstart.scoring.curve import extrapolate
from headstart.scoring.score import score, transfer_gain

NASTY = ("<script>alert(1)</script>", "a\"b'c & d", "{{ 7*7 }}", "é 猫 " + "x" * 80)


def fake_run(folder, *, classes, n=200, strength=5.0, seed=0, pictures=True, train=4):
    """Writes every file of a run; the numbers come from the real `score`."""
    rng = np.random.default_rng(seed)
    count = len(classes)
    targets = np.arange(n) % count
    logits = rng.normal(size=(n, count))
    logits[np.arange(n), targets] += strength
    logits[targets == 0, 1] += 0.4 * strength  # two classes that look alike
    chances = apply_temperature(strength * logits, 1.0)  # the law of the logits: calibrated
    raw = apply_temperature(strength * logits, 3.0)
    names = tuple(f"{classes[t]}/img_{i:04d}.jpg" for i, t in enumerate(targets))
    labels = Classes(tuple(classes), targets)
    predictions = ClassProbabilities(names, tuple(classes), chances)
    before = ClassProbabilities(names, tuple(classes), raw)
    found, uncalibrated = (score("classification", each, labels) for each in (predictions, before))
    correct = predictions.labels == targets
    weak = rng.random(n) < 0.55
    guesses = np.where(weak, targets, (targets + 1) % count)
    pixels = {"raw_pixels": ClassProbabilities(names, tuple(classes), np.eye(count)[guesses])}
    metrics = {
        "format": 2,
        "task": "classification",
        "primary": found.primary,
        "test": found.measures,
        "details": found.details
        | {"reliability_uncalibrated": uncalibrated.details["reliability"]},
    }
    accuracy = correct.mean()
    sizes = [n // 2, n, 2 * n, train * n]
    folds = accuracy - 0.3 * (np.array(sizes) / sizes[0])[:, None] ** -1.0
    folds = np.clip(folds + 0.008 * rng.normal(size=(4, 5)) + 0.3 * train**-2.0, 0, 1)
    forecast = extrapolate(sizes, folds)
    metrics |= {
        "evaluation": {
            "kind": "holdout",
            "summary": f"Measured once, on {n} images that neither training nor choosing saw.",
        },
        "baselines": {
            "majority": {"accuracy": wilson((targets == 0).sum(), n)},
            "raw_pixels": {"accuracy": wilson(weak.sum(), n)},
        },
        "transfer_gain": transfer_gain("classification", predictions, pixels, labels),
        "learning_curve": {
            "points": [
                {"n": size, "accuracy": wilson(float(fold.mean()) * size, size)}
                for size, fold in zip(sizes, folds, strict=True)
            ],
            "forecast": forecast,
        },
        "calibration": {
            "temperature": 1.37,
            "before": {"ece": uncalibrated.measures["ece"]},
            "after": {"ece": found.measures["ece"]},
        },
        "model": {
            "summary": "logistic regression on all stages of mobilenetv2_100, squashed to 224 px"
        },
    }
    findings = [
        Finding(
            "class_imbalance",
            "note",
            "The largest class has 1.4 times as many images as the smallest.",
            (),
            "Nothing needs doing; balanced class weights were tried.",
        ),
        Finding(
            "near_duplicates_across_splits",
            "serious",
            f"5 images of {classes[0]} are near-duplicates of images in the test split.",
            tuple(f"{classes[0]}/a{i}.jpg = {classes[0]}/b{i}.jpg" for i in range(5)),
            "Let Headstart split the data, or give a --group column.",
            12,
        ),
        Finding(
            "blank",
            "warning",
            "2 images are nearly blank.",
            (names[0], names[1]),
            "Look at them and remove them if they are mistakes.",
            2,
        ),
    ]
    folder.mkdir(parents=True, exist_ok=True)
    per = {name: int(train * n / count * rng.uniform(0.7, 1.3)) for name in classes}
    dataset = {
        "root": "/data/images of things",
        "fingerprint": "9f2c51d0c7a84b1e6f1b3a52c1d7e890",
        "classes": list(classes),
        "counts": {
            "train": per,
            "test": {name: int((targets == i).sum()) for i, name in enumerate(classes)},
        },
        "items": sum(per.values()) + n,
        "set_aside": [[f"{classes[0]}/broken.jpg", "truncated file"], ["notes.txt", "no image"]],
    }
    (folder / "metrics.json").write_text(to_json(metrics), encoding="utf-8")
    (folder / "findings.json").write_text(to_json(findings), encoding="utf-8")
    (folder / "dataset.json").write_text(json.dumps(dataset), encoding="utf-8")
    (folder / "options.json").write_text(
        json.dumps({"data": dataset["root"], "out": "runs/first", "seed": 0, "quiet": False})
    )
    environment = {
        "versions": {"headstart": "0.1.0", "python": "3.11.7", "timm": "1.0.24"},
        "engine": "OpenVINO fp32, 2 threads",
        "machine": "Linux x86_64, 2 cores",
        "seconds": {"imports": 0.71, "decode": 1.2, "network": 3.44, "fit": 0.8, "total": 6.31},
    }
    (folder / "environment.json").write_text(json.dumps(environment))
    with (folder / "trials.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        columns = "classifier features dimensions C class_weight folds repeats accuracy low"
        writer.writerow(f"{columns} high log_loss seconds chosen".split())
        kinds = ["logistic regression", "nearest mean", "5 nearest neighbours", "ridge"]
        for i in range(20):
            value = wilson(round(800 * (accuracy - 0.012 * i)), 800)
            head = [kinds[i % 4], ["last", "all stages"][i % 2], 1280, 10.0 ** (i % 5 - 2)]
            tail = [value.value, value.low, value.high, 0.2 + 0.03 * i, 0.05 * (i + 1), i == 1]
            writer.writerow([*head, "balanced" if i % 3 else "", 5, 2, *tail])
    if pictures and metrics["details"]["mistakes"]:
        (folder / "mistakes").mkdir(exist_ok=True)
        for k in range(len(metrics["details"]["mistakes"])):
            noise = rng.integers(0, 255, (6, 8, 3), dtype=np.uint8)
            image = Image.fromarray(noise).resize((200, 150), Image.Resampling.BICUBIC)
            buffer = io.BytesIO()
            image.save(buffer, "JPEG", quality=80)
            (folder / "mistakes" / f"{k}.jpg").write_bytes(buffer.getvalue())
    return folder


HISTORY = (
    "training,epoch,trainable_stages,lr,loss,accuracy,"
    "val_loss,val_accuracy,measure,seconds,images\n"
)
RECIPE = {
    "epochs": 10,
    "batch": 32,
    "lr": 0.002,
    "layer_decay": 0.9,
    "schedule": "cosine",
    "freeze": "none",
    "augment": "standard",
    "hflip": True,
    "balance": "auto",
    "ema": 0.99,
    "patience": None,
}


def history_rows(epochs=10, *, training="round1", validation=True, fits=True, seed=0):
    """Rows of history.csv as a fine-tuning of so many epochs might leave them."""
    rng = np.random.default_rng(seed)
    rows = []
    for epoch in range(1, epochs + 1):
        share = epoch / epochs
        loss = 0.45 + 1.3 * np.exp(-3.5 * share) + 0.015 * rng.normal()
        accuracy = 0.97 - 0.35 * np.exp(-3.5 * share) + 0.006 * rng.normal()
        val_loss = 0.14 + 0.3 * np.exp(-5 * share) + 0.008 * rng.normal()
        val_accuracy = 0.945 - 0.08 * np.exp(-4 * share) + 0.004 * rng.normal()
        if not fits:  # what is memorised
            val_loss, val_accuracy = val_loss + 0.5 * share**2, val_accuracy - 0.06 * share
        rate = 2e-3 * (1 + np.cos(np.pi * share)) / 2
        val_cells = [val_loss, val_accuracy, val_accuracy] if validation else ["", "", ""]
        cells = [training, epoch, min(5, 1 + int(6 * share)), rate, loss, accuracy]
        rows.append([*cells, *val_cells, 21.4 + rng.normal(), 1840])
    return rows


def add_finetuning(folder, rows=None, *, kept="finetune", recipe=None, preview=True):
    """Adds what a fine-tuning leaves in a run's folder."""
    rows = history_rows() if rows is None else rows
    with (folder / "history.csv").open("w", newline="", encoding="utf-8") as stream:
        stream.write(HISTORY)
        csv.writer(stream).writerows(rows)
    probe, tuned = wilson(421, 460), wilson(435, 460)
    gain = Estimate(14 / 460, 3 / 460, 25 / 460, 460, "paired bootstrap, 95%")
    epochs = sorted({row[1] for row in rows if row[0] == rows[0][0]})[-3:]
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    metrics["finetuning"] = {
        "kept": kept,
        "summary": "Fine-tuning was kept: on 460 held-out images it named 3.0 points more "
        "of them "
        "rightly than the probe.",
        "share": 0.75 if kept == "finetune" else 0.0,
        "epochs": epochs,
        "refitted": kept == "finetune",
        "recipe": RECIPE if recipe is None else recipe,
        "validation": {"n": 460, "probe": probe, "finetune": tuned, "gain": gain},
        "diagnoses": [
            Finding(
                "underfitting",
                "note",
                "Held-out loss was still falling in the last epoch (0.148 to 0.141).",
                tuple(f"epoch {e}: loss 0.5, accuracy 0.9; held out: 0.1, 0.9" for e in (1, 4, 9)),
                "Train longer: twice the --epochs, or a larger --budget.",
                1,
            ),
            Finding(
                "too_few_groups",
                "serious",
                "Training images are classified correctly (0.990) and held-out groups are not "
                "(0.710).",
                (),
                "Add groups (people, patients), not images of the same ones.",
                1,
            ),
        ],
    }
    (folder / "metrics.json").write_text(to_json(metrics), encoding="utf-8")
    if preview:
        save_preview(folder / "augmentation.jpg")


def save_preview(path):
    """Saves a grid of noisy tiles, as a preview of an augmentation might look."""
    rng = np.random.default_rng(5)
    tiles = []
    for _ in range(4):
        base = rng.integers(40, 220, (5, 5, 3))
        row = [np.clip(np.rot90(base, k) + 12 * k - 20, 0, 255).astype(np.uint8) for k in range(6)]
        large = [np.array(Image.fromarray(tile).resize((112, 112))) for tile in row]
        tiles.append(np.concatenate([np.pad(x, ((2, 2), (2, 2), (0, 0))) for x in large], axis=1))
    Image.fromarray(np.concatenate(tiles)).save(path, "JPEG", quality=80)


def add_advice(folder):
    """Adds what comparing the ways to train leaves in a run's folder."""
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    rows = [
        ("probe", "convnext_tiny", 288, None, wilson(421, 460), 8.4),
        ("fine-tune", "convnext_tiny", 224, 10, wilson(435, 460), 214.0),
        ("fine-tune", "convnext_small", 288, 20, None, 8040.0),
    ]
    keys = ("strategy", "backbone", "image_size", "epochs", "accuracy", "seconds")
    metrics["advice"] = {
        "summary": ["Fine-tuning is worth its time here.", "A larger network was not tried."],
        "rows": [dict(zip(keys, row, strict=True)) for row in rows],
        "rule_of_thumb": "Below 20 images a class the probe is seldom beaten.",
    }
    (folder / "metrics.json").write_text(to_json(metrics), encoding="utf-8")


@pytest.fixture
def make_run(tmp_path):
    """Returns a function that writes a fake run under the test's own folder."""
    return lambda **options: fake_run(tmp_path / "run", **options)


@pytest.fixture
def make_finetuned(make_run):
    """Returns a function that writes a fake run with a fine-tuning."""

    def make(rows=None, **options):
        run = make_run(classes=["defect", "fine", "scratch"], n=120, strength=3.0)
        add_finetuning(run, rows, **options)
        return run

    return make


@pytest.fixture
def make_history():
    """Returns a function that makes rows of history.csv."""
    return history_rows


@pytest.fixture
def advise():
    """Returns a function that adds a comparison of ways to train to a run."""
    return add_advice


@pytest.fixture
def nasty():
    """Returns class names that want to break out of the page."""
    return NASTY
