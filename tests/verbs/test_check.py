import shutil

import numpy as np
import pytest
from tests.tasks.segmentation.scenes import made

from headstart.cli import main
from headstart.errors import DataError
from headstart.verbs.check import check


def test_clean_data_have_no_serious_finding(images):
    result = check(images)
    assert result.images == 36
    assert result.classes == {"class_a": 12, "class_b": 12, "class_c": 12}
    assert not result.serious
    assert "36 images" in result._repr_html_()


def test_bad_files_and_leaks_are_named(make_images):
    data = make_images(splits=("train", "test"), per_class=6)
    shutil.copy(data / "train" / "class_a" / "00.png", data / "test" / "class_a" / "copy.png")
    (data / "train" / "class_b" / "bad.jpg").write_text("no image")
    result = check(data)
    found = {each.check: each for each in result.findings}
    assert result.serious
    assert result.images == 37
    assert "train/class_b/bad.jpg" in "".join(found["unreadable_files"].evidence)
    leak = found["duplicates_across_splits"]
    assert "test/class_a/copy.png" in leak.evidence[0]
    assert leak.severity == "serious"


def test_every_file_that_is_left_out_is_named_with_its_reason(make_images):
    """A finding shows the first few; whoever mends them needs all."""
    data = make_images(classes=2, per_class=3)
    for number in range(40):
        (data / "class_a" / f"bad{number:02}.jpg").write_text("no image")
    (data / "class_b" / "self.jpg").symlink_to(data / "class_b" / "self.jpg")
    result = check(data)
    aside = dict(result.set_aside)
    assert len(result.set_aside) == len(aside) == 41
    assert "text" in aside["class_a/bad39.jpg"]
    assert aside["class_b/self.jpg"]
    assert result.images == 6


def test_findings_are_escaped_in_notebooks(make_images):
    data = make_images("a<b>c", classes=1)
    assert "a&lt;b&gt;c" in check(data)._repr_html_()


def test_images_without_labels_are_checked_too(make_images):
    result = check(make_images() / "class_a")
    assert result.classes == {}
    assert result.images == 12


def test_progress_is_told(images):
    told = []
    check(images, progress=lambda *each: told.append(each))
    assert told[:2] == [("finding the images", 0, 1), ("reading images", 0, 36)]
    assert told[-2:] == [("reading images", 36, 36), ("checking the data", 0, 1)]


@pytest.mark.parametrize("what", ["nowhere", "empty"])
def test_nothing_to_check(tmp_path, what):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=what):
        check(tmp_path / what)


def test_masks_are_checked_from_the_shell_and_their_reading_is_said(tmp_path, capfd):
    def empty(number, image, mask):
        return image, mask * (number != 3)

    made(tmp_path / "set", 8, empty)
    (tmp_path / "set/classes.txt").write_text("0 ground\n255 leaf\n")
    assert main(["check", str(tmp_path / "set"), "-o", str(tmp_path / "page.html")]) == 0
    printed = capfd.readouterr()
    assert "masks of 8: 0 ground, 255 leaf (named by classes.txt)" in printed.err
    assert "8 images, 2 classes" in printed.out
    assert "1 of 8 masks are ground all over" in printed.out
    assert "images/003.png" in printed.out
    assert "ground all over" in (tmp_path / "page.html").read_text()


def test_ids_of_instances_are_one_line_from_the_shell_and_one_class_with_the_flag(tmp_path, capfd):
    def numbered(number, image, mask):
        ids = np.zeros(mask.shape, np.uint16)
        for k in range(5 + number):
            ids[(k // 8) * 12 : (k // 8) * 12 + 9, (k % 8) * 20 : (k % 8) * 20 + 15] = k + 1
        return image, ids

    data = str(made(tmp_path, 5, numbered))
    assert main(["check", data]) == 2
    printed = capfd.readouterr().err
    assert len(printed.strip().splitlines()) == 1
    assert "9 different values, up to 9" in printed
    assert "--masks binary" in printed
    assert main(["check", data, "--masks", "binary"]) in (0, 1)
    assert "every other value foreground, as asked" in capfd.readouterr().err
