"""Boxes that cannot be are found by file name, and the file alone."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from tests.tasks.detection.planted import SIDE, found, fresh, sound

from headstart.tasks.detection.box_shapes import (
    check_odd_shapes,
    check_shapes,
    check_small_boxes,
)


def test_sound_boxes_have_nothing_wrong():
    dataset, _ = sound()
    assert not list(check_shapes(dataset))
    assert not list(check_small_boxes(dataset))


@pytest.mark.parametrize(
    ("box", "check", "severity"),
    [
        ((50, 60, 50, 90), "degenerate_boxes", "serious"),
        ((50, 60, 80, 60), "degenerate_boxes", "serious"),
        ((np.nan, 60, 80, 90), "degenerate_boxes", "serious"),
        ((np.inf, 60, np.inf, 90), "degenerate_boxes", "serious"),
        ((90, 60, 50, 90), "crossed_corners", "serious"),
        ((50, 90, 90, 60), "crossed_corners", "serious"),
        ((310, 10, 350, 40), "boxes_outside", "serious"),
        ((-40, 10, -3, 40), "boxes_outside", "serious"),
        ((200, 200, 330, 280), "boxes_over_the_edge", "warning"),
        ((-20, 20, 80, 80), "boxes_over_the_edge", "warning"),
    ],
)
def test_what_cannot_be_is_found_by_name(box, check, severity):
    dataset, _ = sound()
    dataset.labels.corners[31] = box
    (finding,) = check_shapes(dataset)
    assert (finding.check, finding.severity, finding.count) == (check, severity, 1)
    (line,) = finding.evidence
    assert line.startswith(f"{dataset.names[15]} (dog ")
    (region,) = finding.regions
    assert region == (tuple(box) if np.isfinite(box).all() else None)


def test_a_pixel_over_the_edge_is_nothing():
    dataset, _ = sound()
    dataset.labels.corners[3, 2:] = SIDE + 1
    dataset.labels.corners[5, 0] = -0.8
    assert not list(check_shapes(dataset))


def as_sizes(corners):
    return np.hstack([corners[:, :2], corners[:, 2:] - corners[:, :2]])


def test_sizes_that_were_read_as_corners_over_the_whole_data():
    dataset, _ = sound()
    corners = dataset.labels.corners
    corners[:, :2] += 60
    corners[:, 2:] = np.minimum(corners[:, :2] + 70, 299)
    corners[:] = as_sizes(corners)
    findings = found(check_shapes(dataset))
    assert findings["sizes_as_corners"].severity == "serious"
    assert "as left, top, width, height nearly all would fit" in findings["sizes_as_corners"].claim
    assert "would fit as left, top, width, height" in findings["crossed_corners"].claim


def test_corners_that_were_read_as_sizes_over_the_whole_data():
    dataset, _ = sound()
    corners = dataset.labels.corners
    corners[:, :2] += 60
    corners[:, 2:] = np.minimum(corners[:, :2] + 120, 299)
    corners[:, 2:] += corners[:, :2]
    assert found(check_shapes(dataset))["corners_as_sizes"].severity == "serious"


def test_one_image_with_sizes_is_named():
    dataset, _ = sound()
    dataset.labels.corners[30] = [150, 160, 70, 80]
    (finding,) = check_shapes(dataset)
    assert finding.check == "crossed_corners"
    assert "1 of them would fit as left, top, width, height" in finding.claim
    assert finding.evidence[0].startswith(dataset.names[15])


def test_small_objects_and_the_input_that_shows_them():
    dataset, _ = sound()
    corners = dataset.labels.corners
    corners[7, 2:] = corners[7, :2] + [5, 50]
    (note,) = check_small_boxes(dataset, side=416)
    assert (note.severity, note.count) == ("note", 1)
    assert note.evidence[0].startswith(dataset.names[3])
    corners[1::4, 2:] = corners[1::4, :2] + 4
    dataset = fresh(dataset)
    (warning,) = check_small_boxes(dataset, side=416)
    assert warning.severity == "warning"
    assert "52% of dog" in warning.claim
    assert "At 608 pixels" in warning.remedy
    assert not list(check_small_boxes(dataset, side=608))


def test_a_box_unlike_all_others_of_its_class():
    dataset, _ = sound()
    dataset.labels.corners[8] = [10, 10, 12, 250]
    (finding,) = check_odd_shapes(dataset)
    assert finding.evidence[0].startswith(dataset.names[4])


def test_a_box_without_an_end_is_not_learnt():
    dataset, _ = sound()
    dataset.labels.corners[31] = (50, 60, np.inf, 90)
    changed = fresh(dataset)
    assert not changed.labels.usable[31]
    assert list(found(check_shapes(changed))) == ["degenerate_boxes"]


def test_some_boxes_as_shares_are_found_by_name():
    dataset, _ = sound()
    dataset.labels.corners[31] = (0.2, 0.1, 0.5, 0.6)
    finding = found(check_shapes(fresh(dataset)))["shares_as_pixels"]
    assert finding.severity == "serious"
    assert finding.evidence[0].startswith(dataset.names[15])


def read_as(dataset, corners, files=""):
    dataset.labels.corners[:] = corners
    return dataclasses.replace(fresh(dataset), reading={"files": files})


@pytest.mark.parametrize(
    ("check", "files", "planted"),
    [
        ("corners_as_centres", "9 text files (YOLO)", lambda c: around(c[:, :2], c[:, 2:])),
        ("sizes_as_centres", "9 text files (YOLO)", lambda c: around(
            c[:, :2], c[:, 2:] - c[:, :2])),
        ("corners_as_sizes", "x.json (COCO)", lambda c: np.hstack([c[:, :2], c[:, :2] + c[:, 2:]])),
        ("centres_as_sizes", "columns x, y, w, h as left, top, width, height", lambda c: np.hstack(
            [(c[:, :2] + c[:, 2:]) / 2, (c[:, :2] + c[:, 2:]) / 2 + c[:, 2:] - c[:, :2]])),
    ],
)  # fmt: skip
def test_numbers_that_mean_something_else_are_told_by_what_fits(check, files, planted):
    dataset, _ = sound()
    changed = read_as(dataset, planted(dataset.labels.corners.copy()), files)
    kinds = found(check_shapes(changed))
    assert kinds[check].severity == "serious"
    assert not set(kinds) & {"axes_swapped"}


def around(middle, sides):
    return np.hstack([middle - sides / 2, middle + sides / 2])


def test_y_before_x_is_told():
    dataset, _ = sound()
    wide = dataset.labels.corners * np.array([2.0, 0.6, 2.0, 0.6])
    dataset.labels.sizes[:] = (600, 180)
    kinds = found(check_shapes(read_as(dataset, wide[:, [1, 0, 3, 2]])))
    assert "axes_swapped" in kinds
    assert not list(check_shapes(read_as(dataset, wide)))
