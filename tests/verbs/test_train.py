import csv
import json
import shutil

import pytest
from PIL import Image

from headstart.errors import BackboneError, DataError, OptionError, OutputError
from headstart.images.deep import EIGHT_BITS
from headstart.run import Run
from headstart.verbs.train import train

ESTIMATE = {"value", "low", "high", "n", "method"}


def test_metrics_layout(trained):
    _, run = trained
    metrics = json.loads(run.metrics.read_text(encoding="utf-8"))
    accuracy = metrics["test"]["accuracy"]
    assert set(accuracy) == ESTIMATE
    assert accuracy["n"] == 13
    assert 0 <= accuracy["low"] <= accuracy["value"] <= accuracy["high"] <= 1
    for name in ("balanced_accuracy", "macro_f1", "log_loss", "ece"):
        assert set(metrics["test"][name]) == ESTIMATE
    assert metrics["format"] == 2
    assert (metrics["task"], metrics["primary"]) == ("classification", "accuracy")
    assert metrics["evaluation"]["kind"] == "holdout"
    assert set(metrics["baselines"]) == {"majority", "raw_pixels"}
    for baseline in metrics["baselines"].values():
        assert set(baseline["accuracy"]) == ESTIMATE
    assert set(metrics["transfer_gain"]["gain"]) == ESTIMATE
    assert metrics["details"]["confusion"]["classes"] == ["blue", "green", "red"]
    assert sum(map(sum, metrics["details"]["confusion"]["counts"])) == 13
    assert [row["class"] for row in metrics["details"]["per_class"]] == ["blue", "green", "red"]
    for point in metrics["learning_curve"]["points"]:
        assert point["accuracy"]["low"] < point["accuracy"]["high"], "no certainty out of folds"


def test_the_mislabelled_image_is_shown(trained):
    _, run = trained
    metrics = json.loads(run.metrics.read_text(encoding="utf-8"))
    names = [mistake["name"] for mistake in metrics["details"]["mistakes"]]
    assert "test/red/wrong.png" in names
    assert {path.name for path in run.mistakes.iterdir()} == {f"{k}.jpg" for k in range(len(names))}


def test_predictions_have_one_row_per_test_image(trained):
    _, run = trained
    with run.predictions.open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    known = ["p(blue)", "p(green)", "p(red)"]
    assert list(rows[0]) == ["name", "truth", "class", "probability", "sure", *known]
    assert len(rows) == 13
    for row in rows:
        chances = {name: float(row[f"p({name})"]) for name in ("blue", "green", "red")}
        assert sum(chances.values()) == pytest.approx(1, abs=1e-4)
        assert max(chances, key=chances.get) == row["class"]
        assert float(row["probability"]) == max(chances.values())
        assert row["name"].split("/")[1] == row["truth"]


def test_trials_name_the_chosen_one(trained):
    _, run = trained
    with run.trials.open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    columns = "classifier features dimensions C class_weight folds repeats accuracy low high"
    assert " ".join(rows[0]).startswith(columns)
    assert [row["chosen"] for row in rows].count("True") == 1
    assert rows[0]["chosen"] == "True"
    assert all(float(row["low"]) <= float(row["accuracy"]) <= float(row["high"]) for row in rows)


def test_the_run_tells_what_it_was_made_of(trained):
    data, run = trained
    dataset = json.loads(run.dataset.read_text(encoding="utf-8"))
    assert dataset["counts"] == {
        "train": {"blue": 8, "green": 8, "red": 8},
        "test": {"blue": 4, "green": 4, "red": 5},
    }
    assert dataset["items"] == 37
    options = json.loads(run.options.read_text(encoding="utf-8"))
    assert options["data"] == str(data)
    assert options["seed"] == 0
    environment = json.loads(run.environment.read_text(encoding="utf-8"))
    assert {"engine", "versions", "seconds"} <= set(environment)


def test_the_report_bears_the_name_of_the_run(trained):
    _, run = trained
    text = run.report.read_text(encoding="utf-8")
    assert "<title>run: Headstart report</title>" in text
    assert ".headstart-" not in text


def test_repr_and_html(trained):
    _, run = trained
    assert "test accuracy" in repr(run)
    assert "unfinished" in repr(Run(run.folder / "nowhere"))
    assert "accuracy" in run._repr_html_()


def test_leaks_are_left_out_of_training(make_images):
    data = make_images(splits=("train", "test"), per_class=6)
    shutil.copy(data / "test" / "class_a" / "00.png", data / "train" / "class_a" / "copy.png")
    run = train(
        data,
        out=data.parent / "run",
        backbone="starter",
        baselines="none",
        folds=2,
        strategy="probe",
    )
    dataset = json.loads(run.dataset.read_text(encoding="utf-8"))
    assert dataset["left_out_as_leaks"] == ["train/class_a/copy.png"]
    assert dataset["counts"]["train"]["class_a"] == 6
    assert "1 training image" in run.results["evaluation"]["summary"]


def refuse(error, match, data, out, **options):
    with pytest.raises(error, match=match) as caught:
        train(data, out=out, **{"backbone": "starter", **options})
    assert "\n" not in str(caught.value)


def test_nonsense_is_refused_before_any_work(images, tmp_path):
    out = tmp_path / "run"
    refuse(OptionError, "--folds 1", images, out, folds=1)
    refuse(OptionError, "--tta 4", images, out, tta=4)
    refuse(OptionError, "--image-size 7", images, out, image_size=7)
    refuse(DataError, "nowhere", tmp_path / "nowhere", out)
    refuse(BackboneError, "satrter", images, out, backbone="satrter")
    refuse(OptionError, "--detector ssd .* this is classification", images, out, detector="ssd")
    assert not out.exists()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"masks": "binary"}, "--masks binary is of masks, and this is classification"),
        ({"tile": 512}, "--tile 512 is of masks, and this is classification"),
        ({"segmenter": "unet"}, "--segmenter unet"),
    ],
)
def test_what_the_task_of_the_data_cannot_use_is_refused(images, tmp_path, given, said):
    refuse(OptionError, said, images, tmp_path / "run", **given)


def test_a_face_alone_shows_no_places(tmp_path):
    from tests.masks_run import draw_scenes

    data = draw_scenes(tmp_path / "scenes", count=4)
    refuse(OptionError, "--faces .* this is segmentation", data, tmp_path / "run", faces=True)


def test_an_output_is_never_replaced_unasked(trained, images, tmp_path):
    _, run = trained
    before = run.metrics.read_bytes()
    refuse(OutputError, "--overwrite", images, run.folder)
    assert run.metrics.read_bytes() == before
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("precious")
    refuse(OutputError, "not a run", images, tmp_path / "thesis", overwrite=True)
    assert (tmp_path / "thesis" / "chapter.txt").read_text() == "precious"


def test_no_run_among_its_own_images(images):
    refuse(OutputError, "among the images", images, images / "run")
    refuse(OutputError, "among the images", images, images / "class_a" / "deep" / "run")
    assert sorted(path.name for path in images.iterdir()) == ["class_a", "class_b", "class_c"]


@pytest.mark.parametrize(("side", "size"), [(32, 128), (112, 128), (113, 224)])
def test_small_images_are_not_enlarged_to_the_networks_own_size(tmp_path, side, size):
    from types import SimpleNamespace

    from headstart.images.preprocess import Preprocess
    from headstart.strategies.prepare import choose_preprocess

    Image.new("RGB", (side, side + 10)).save(tmp_path / "a.png")
    data = type("Data", (), {"path": lambda s, i: tmp_path / "a.png", "__len__": lambda s: 1})()
    network = SimpleNamespace(preprocess=Preprocess(224), takes_any_size=lambda: True)
    assert choose_preprocess(data, network, "auto", "square", levels=EIGHT_BITS).size == size
    assert choose_preprocess(data, network, 96, "square", levels=EIGHT_BITS).size == 96
    small = SimpleNamespace(preprocess=Preprocess(96), takes_any_size=lambda: True)
    assert choose_preprocess(data, small, "auto", "square", levels=EIGHT_BITS).size == 96


def test_every_phase_is_named_and_a_failure_leaves_nothing(images, tmp_path, monkeypatch):
    named = []
    with pytest.raises(BackboneError):
        train(
            images, out=tmp_path / "a" / "b" / "run", backbone="no_such_network_at_all",
            progress=lambda phase, done, total: named.append(phase),
        )  # fmt: skip
    assert named[-1] == "opening the network", "what takes seconds is said before"
    assert not (tmp_path / "a").exists()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BackboneError):
        train(images, backbone="no_such_network_at_all")
    assert not (tmp_path / "runs").exists()
    named.clear()
    train(
        images, out=tmp_path / "run", backbone="starter", strategy="probe",
        progress=lambda phase, done, total: named.append(phase),
    )  # fmt: skip
    order = list(dict.fromkeys(named))
    phases = [
        "finding the images", "opening the network", "reading images", "checking the data",
        "trying classifiers", "measuring baselines", "writing run and report",
    ]  # fmt: skip
    assert [each for each in order if each in phases] == phases
