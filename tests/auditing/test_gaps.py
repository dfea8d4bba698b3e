import json

import numpy as np
import pytest
from PIL import Image
from tests.boxes_run import TRAIN, write_boxes_run
from tests.crowds import crowd
from tests.masks_run import draw_scenes, write_masks_run
from tests.squares import write_squares

from headstart.auditing import gaps
from headstart.auditing.gaps import audit_gaps
from headstart.compute import Compute
from headstart.errors import DataError, OptionError
from headstart.images.outer import OuterProperties
from headstart.metrics.groups import Subgroups
from headstart.records import Estimate
from headstart.tasks import task_of
from headstart.verbs.audit import audit
from headstart.verbs.train import train


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    root = tmp_path_factory.mktemp("masks")
    return write_masks_run(draw_scenes(root / "data"), root / "run")


def test_masks_are_asked_by_column_and_by_what_no_column_names(run):
    found = audit(run.folder)
    asked = {each.subgroups.column: each for each in found.gaps}
    assert not asked["camera"].outer
    assert {"brightness", "contrast"} & set(asked), "light was asked too"
    assert all(each.subgroups.measure == "mean IoU" for each in found.gaps)
    assert not found.serious
    value = json.loads(run.audit.read_text())
    assert len(value["gaps"]) == len(found.gaps) == len(found.said)
    page = run.audit_page.read_text()
    assert "By column and by property" in page
    assert "camera" in page
    only = audit(run.folder, by="camera")
    assert [each.subgroups.column for each in only.gaps] == ["camera"]


def test_a_gap_that_is_more_than_chance_is_a_warning(run, monkeypatch):
    import headstart.auditing.gaps as module

    real = module.by_subgroup

    def sure(*args, **options):
        one = real(*args, **options)
        return one.__class__(**{**vars(one), "p_value": 0.001, "gap": raised(one.gap)})

    def raised(gap):
        return gap.__class__(0.2, 0.1, 0.3, gap.n, gap.method)

    monkeypatch.setattr(module, "by_subgroup", sure)
    found = audit_gaps(run, ["camera"], Compute(), name="run", unnamed=False)
    (gap,) = found.gaps
    assert gap.verdict == "warning"
    assert "chance alone would not give" in gap.claim
    assert found.said[0].remedy.startswith("Gather more images of camera")


def test_what_cannot_be_asked_is_one_line(run, monkeypatch):
    with pytest.raises(DataError, match="--by nose"):
        audit(run.folder, by="nose")
    with monkeypatch.context() as patch:
        patch.setattr(gaps, "_gaps", lambda *given: ([], {"camera": "has one value only"}))
        with pytest.raises(DataError, match="--by camera: it has one value only"):
            audit(run.folder, by="camera")
    for options in ({"corruptions": True}, {"repair": "camera", "out": "x"}):
        with pytest.raises(OptionError, match="this run is of segmentation"):
            audit(run.folder, **options)


def blind(file):
    """Leaves nothing to be seen of an image."""
    pixels = np.asarray(Image.open(file))
    noise = np.random.default_rng(0).integers(90, 120, pixels.shape)
    Image.fromarray(noise.astype(np.uint8)).save(file)


def test_boxes_that_one_camera_hides_are_found_by_its_column(tmp_path):
    data = write_squares(tmp_path / "data", TRAIN + 60)
    camera = np.where(np.arange(TRAIN + 60) % 3 == 0, "old", "new")
    for number in range(TRAIN, TRAIN + 60):
        if camera[number] == "old":
            blind(data / "images" / f"{number:03}.png")
    lens = np.where(np.arange(TRAIN + 60) % 2 == 0, "wide", "long")
    run = write_boxes_run(
        tmp_path, report=False, data=data, columns={"camera": camera, "lens": lens}
    )
    found = audit(run.folder)
    told = {each.subgroups.column: each for each in found.gaps}
    assert told["camera"].verdict == "warning"
    assert told["camera"].subgroups.worst == "old"
    assert told["lens"].verdict == "fine"
    assert any(each.outer for each in found.gaps), "light was asked too"
    assert found.said[0].column in ("camera", "brightness", "contrast", "sharpness")
    assert "How well images are answered differs by camera" in [each.title for each in found.said]
    page = run.audit_page.read_text()
    assert page.count("a difference that chance alone") == len(found.gaps), "each is said once"
    assert "A repaired model" not in page


def test_what_is_alike_everywhere_is_said_so():
    values = {name: Estimate(1.0, 0.8, 1.0, 12, "x") for name in ("east", "west")}
    gap = Estimate(0.0, -0.1, 0.1, 24, "x")
    alike = Subgroups("site", "accuracy", values, gap, "east", "west", 1.0, {})
    accuracy = task_of("classification").PRIMARY
    assert gaps._claim(alike, 1.0, accuracy, False) == (
        "site: accuracy is 1.000 for every value: east (12), west (12)."
    )


def test_few_boxes_are_said_to_be_too_few(tmp_path, capsys):
    run = write_boxes_run(tmp_path, report=False)
    found = audit(run.folder)
    assert found.gaps == ()
    assert (
        "too few images were tested" in found.skipped["the look of the images and of their files"]
    )
    page = run.audit_page.read_text()
    assert "No two groups of tested images could be compared." in page
    assert "too few images were tested" in page
    assert "Nothing could be asked of" in page
    assert "tells the class" not in page, "nobody asked about classes"


def test_people_that_one_lamp_hides_are_found_by_its_column(tmp_path):
    data = crowd(tmp_path / "people", 12, 8)
    lines = ["file,lamp"]
    for file in sorted(data.rglob("*.png")):
        number = int(file.stem)
        lamp = "off" if number % 3 == 0 else "on"
        if lamp == "off":
            blind(file)
        lines.append(f"{file.relative_to(data).as_posix()},{lamp}")
    (data / "attributes.csv").write_text("\n".join(lines) + "\n")
    run = train(
        data, out=tmp_path / "run", task="identity", backbone="starter", image_size=32, epochs=1,
        recipe="identities=3,each=3,augment=light,hflip=no", baselines="none",
    )  # fmt: skip
    found = audit(run.folder, by="lamp")
    (gap,) = found.gaps
    assert gap.subgroups.measure == "rank-1 identification rate"
    assert gap.verdict == "warning", gap.claim
    assert gap.subgroups.worst == "off"
    assert found.said[0].remedy.startswith("Gather more images of lamp off")


def test_properties_are_told_as_people_say_them():
    numbers = {
        "date": [20240318102233.0], "size": [1200.0, 800.0, 1.5], "brightness": [98.7412],
        "bytes a pixel": [np.log(0.25)], "contrast": [np.nan],
    }  # fmt: skip
    one = OuterProperties({k: np.array(v) for k, v in numbers.items()}, {}, np.zeros(0))
    said = [gaps._cell(name, one) for name in numbers]
    assert said == ["2024-03-18", "0.96", "98.7", "0.25", ""]


def test_a_claim_has_intervals_and_says_what_was_too_small_and_joined():
    values = {"east": Estimate(0.9, 0.8, 1.0, 12, "x"), "west": Estimate(0.5, 0.2, 0.7, 11, "x")}
    gap = Estimate(0.4, -0.1, 0.6, 23, "x")
    one = Subgroups("site", "accuracy", values, gap, "east", "west", 0.2, {"north": 3})
    claim = gaps._claim(one, 0.2, task_of("classification").PRIMARY, False)
    assert claim == (
        "site: accuracy is 0.900 (0.800–1.000) for east (12 images) and 0.500 (0.200–0.700) for "
        "west (11), a difference that chance alone may give (p = 0.2); fewer than ten of north."
    )
    found = gaps.Gap(one, False, 0.2, "fine", claim)
    assert gaps._noted(found, {"site": "east also written East"}).claim.endswith(
        "of north (east also written East)."
    )
    assert gaps._noted(found, {"lens": "x"}) is found
