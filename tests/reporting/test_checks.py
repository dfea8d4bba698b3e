"""The page of `check -o`: images of each class, and of every finding."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import headstart
from headstart.data.open import open_dataset
from headstart.errors import OutputError
from headstart.records import Finding
from headstart.reporting.checks import write_checks
from headstart.results.checkup import Checkup


@pytest.fixture
def data(tmp_path):
    rng = np.random.default_rng(0)
    for label in ("ant", "<b>ee"):
        (tmp_path / "data" / label).mkdir(parents=True)
        for k in range(8):
            pixels = rng.integers(0, 255, (40, 60, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "data" / label / f"{k}.png")
    same = (tmp_path / "data" / "ant" / "0.png").read_bytes()
    (tmp_path / "data" / "<b>ee" / "again.png").write_bytes(same)
    return tmp_path / "data"


def test_conflicting_images_lie_side_by_side(data, tmp_path):
    found = headstart.check(data, out=tmp_path / "page.html")
    assert found.findings[0].check == "conflicting_labels"
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    conflict = page[page.index("under two labels") : page.index("</li>\n</ul>\n</div>")]
    assert conflict.count("data:image/jpeg") == 2
    assert "<strong>ant</strong>" in conflict
    assert "&lt;b&gt;ee/again.png" in conflict
    samples = page[page.index('id="samples"') :]
    assert samples.count("data:image/jpeg") == 12
    assert "<b>" not in page
    assert "Read as: " in page


def test_what_names_no_image_is_listed(data, tmp_path):
    finding = Finding("sizes", "warning", "Sizes tell.", ("ant: 3", "ant/1.png (60 x 40)"), "Mend.")
    write_checks(
        tmp_path / "page.html", Checkup("x", 8, {"ant": 8}, (finding,)), open_dataset(data)
    )
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<li>ant: 3</li>" in page
    assert "<li>ant/1.png (60 x 40)</li>" not in page


def test_no_findings_and_no_labels(data, tmp_path):
    torn = Checkup("x", 8, {}, (), (("torn.jpg", "cut off"),))
    write_checks(tmp_path / "page.html", torn, open_dataset(data / "ant"))
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "found no problem" in page
    assert "torn.jpg: cut off" in page


def test_folders_are_made_and_a_page_that_cannot_be_written_is_an_error(data, tmp_path):
    headstart.check(data, out=tmp_path / "new" / "page.html")
    assert (tmp_path / "new" / "page.html").is_file()
    (tmp_path / "taken").mkdir()
    with pytest.raises(OutputError, match="choose another -o"):
        headstart.check(data, out=tmp_path / "taken")


def test_a_finding_about_a_place_shows_the_place_and_says_what_is_there(data, tmp_path):
    finding = Finding(
        "flat", "warning", "Flat.", ("ant/1.png (cat 1 2 to 3 4)", "ant/2.png (cat nan)"), "Mend.",
        2, ((1.0, 2.0, 30.0, 40.0), None),
    )  # fmt: skip
    write_checks(
        tmp_path / "page.html", Checkup("x", 8, {"ant": 8}, (finding,)), open_dataset(data)
    )
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<strong>cat 1 2 to 3 4</strong>" in page
    assert "<strong>ant</strong>" in page, "without a place the whole image with its label"
    whole = page.replace("ant/1.png", "")
    assert whole.count("data:image/jpeg") >= 2


def test_a_kind_that_is_the_rarest_of_no_image_has_its_images_too(tmp_path):
    """Every image has cells, some have a nucleus as well: no image is drawn for its cells."""
    rng = np.random.default_rng(0)
    for name in ("images", "masks"):
        (tmp_path / "data" / name).mkdir(parents=True)
    for k in range(4):
        pixels = rng.integers(0, 255, (32, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "data" / "images" / f"{k}.png")
        mask = np.zeros((32, 32), np.uint8)
        mask[8:24, 8:24] = 255
        Image.fromarray(mask).save(tmp_path / "data" / "masks" / f"{k}.png")
    headstart.check(tmp_path / "data", out=tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    samples = page[page.index('id="samples"') :]
    assert samples.count("4 images") == 2
    assert samples.count("data:image/jpeg") == 8
