"""Tracks: one face from look to look, whoever comes, goes or steps in front."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headstart.images.detect import Face
from headstart.images.video import Frame
from headstart.video.tracks import Tracker, Tracks, _apart


def box(x: float, y: float = 50, side: float = 20) -> np.ndarray:
    """A box around a place."""
    return np.array([x - side / 2, y - side / 2, side, side])


def feed(tracks: Tracks, seconds: float, *places: float, rows=None, **how) -> list[int]:
    boxes = np.array([box(x) for x in places]).reshape(-1, 4)
    given = np.ones((len(places), 2)) / 2 if rows is None else np.array(rows, float)
    return [track.number for track in tracks.update(seconds, boxes, given, **how)]


def test_who_steps_in_front_is_somebody_else():
    boxes = np.array([[10.0, 10, 20, 20]])
    rows = np.eye(2)

    def alike(track, row):
        return bool(track.sums @ row > 0)

    for shift, numbers in ((2, [1, 1]), (14, [1, 2])):  # a step aside, more than half a face
        tracks = Tracks()
        first = tracks.update(0.0, boxes, rows[:1], alike=alike)
        second = tracks.update(0.2, boxes + np.array([shift, 0, 0, 0]), rows[1:], alike=alike)
        assert [first[0].number, second[0].number] == numbers
    tracks = Tracks()
    tracks.update(0.0, boxes, rows[:1])
    assert tracks.update(0.2, boxes + np.array([14, 0, 0, 0]), rows[1:])[0].number == 1


def test_no_faces_no_tracks():
    tracks = Tracks()
    assert feed(tracks, 0) == []
    assert tracks.all == []


def test_numbers_are_given_in_order_of_appearance():
    tracks = Tracks()
    assert feed(tracks, 0, 10, 100) == [1, 2]
    assert feed(tracks, 0.1, 102, 12) == [2, 1]
    assert feed(tracks, 0.2, 200, 14, 104) == [3, 1, 2]
    assert [track.number for track in tracks.all] == [1, 2, 3]


@pytest.mark.parametrize(("gap", "same"), [(0.5, True), (2.0, True), (2.1, False), (60, False)])
def test_out_of_sight_for_a_while(gap, same):
    tracks = Tracks()
    feed(tracks, 0, 50)
    assert feed(tracks, gap, 50) == [1 if same else 2]


@pytest.mark.parametrize(("step", "same"), [(5, True), (19, True), (21, False), (200, False)])
def test_how_far_a_face_may_move(step, same):
    tracks = Tracks()
    feed(tracks, 0, 50)
    assert feed(tracks, 0.2, 50 + step) == [1 if same else 2]


@pytest.mark.parametrize(("growth", "same"), [(1.7, True), (1.9, False), (0.6, True), (0.5, False)])
def test_how_much_it_may_grow(growth, same):
    tracks = Tracks()
    tracks.update(0, box(50)[None], np.ones((1, 1)))
    [after] = tracks.update(0.1, box(50, side=20 * growth)[None], np.ones((1, 1)))
    assert (after.number == 1) == same


def test_the_nearest_pair_goes_first():
    tracks = Tracks()
    feed(tracks, 0, 50, 64)
    # The first is nearest to where the second was; the other one takes what is left.
    assert feed(tracks, 0.1, 63, 52) == [2, 1]


def test_rows_add_up():
    tracks = Tracks()
    feed(tracks, 0, 50, rows=[[0.9, 0.1]])
    feed(tracks, 0.5, 50, rows=[[0.5, 0.5]])
    feed(tracks, 1.0, 50, rows=[[0.1, 0.9]])
    [track] = tracks.all
    assert track.row == pytest.approx([0.5, 0.5])
    assert (track.looks, track.begun, track.seen) == (3, 0, 1.0)


def test_what_was_given_is_not_changed():
    tracks, rows = Tracks(), np.array([[0.9, 0.1]])
    tracks.update(0, box(50)[None], rows)
    tracks.update(0.1, box(50)[None], rows)
    assert rows.tolist() == [[0.9, 0.1]]


def test_who_is_doubtful_is_asked_about_and_no_other():
    asked = []

    def alike(track, row):
        asked.append(track.number)
        return True

    tracks = Tracks()
    feed(tracks, 0.0, 50, alike=alike)
    feed(tracks, 0.2, 52, alike=alike)
    assert asked == []
    feed(tracks, 0.4, alike=alike)
    feed(tracks, 0.6, 52, alike=alike)  # was out of sight
    assert asked == [1]
    feed(tracks, 0.8, 64, alike=alike)  # jumped
    assert asked == [1, 1]


def test_who_was_refused_does_not_come_back_as_the_same():
    tracks = Tracks()
    feed(tracks, 0.0, 50)
    feed(tracks, 0.2)
    assert feed(tracks, 0.4, 50, alike=lambda *given: False) == [2]
    assert feed(tracks, 0.6, 50, alike=lambda *given: True) == [2]


@given(
    st.lists(st.lists(st.floats(0, 500), max_size=5), min_size=1, max_size=8),
    st.floats(0.05, 3),
)
def test_every_face_has_one_track_and_every_track_one_face(frames, step):
    tracks = Tracks()
    total = 0
    for at, places in enumerate(frames):
        numbers = feed(tracks, at * step, *places)
        assert len(set(numbers)) == len(numbers) == len(places)
        total += len(places)
    assert [track.number for track in tracks.all] == list(range(1, len(tracks.all) + 1))
    assert sum(track.looks for track in tracks.all) == total


@pytest.mark.parametrize(
    ("one", "other", "wanted"),
    [
        (box(0), box(0), 0),
        (box(0), box(20), 1),
        (box(0), box(0, 70), 1),
        (box(0, side=10), box(0, side=30), np.inf),
    ],
)
def test_distances_are_in_sides(one, other, wanted):
    assert _apart(one, other) == pytest.approx(wanted)
    assert _apart(other, one) == pytest.approx(wanted)


@pytest.mark.parametrize("side", [0, 1e-9])
def test_boxes_of_no_size_are_told_by_their_place(side):
    assert _apart(box(50, side=side), box(50, side=side)) == 0
    assert _apart(box(50, side=side), box(90, side=side)) > 1
    assert _apart(box(50, side=side), box(50)) == _apart(box(50), box(50, side=side)) == np.inf
    tracks = Tracks()
    for seconds, x in ((0, 50), (0.1, 50), (0.2, 90)):
        tracks.update(seconds, box(x, side=side)[None], np.ones((1, 1)))
    assert [each.looks for each in tracks.all] == [2, 1]


# --- from frames --------------------------------------------------------------------------------


class Eyes:
    """Preprocessing that finds a face at each place that a frame's first pixels name."""

    def every_face(self, pixels: np.ndarray, tta: int) -> list:
        places = [x for x in pixels[0, :, 0].tolist() if x]
        view = np.zeros((tta, 8, 8, 3), np.uint8)
        return [(Face(box(x), np.zeros((5, 2)), 0.9), view + x) for x in places]


def frame(seconds: float, *places: int) -> Frame:
    pixels = np.zeros((1, 6, 3), np.uint8)
    pixels[0, : len(places), 0] = places
    return Frame(seconds, pixels, True)


def test_frames_become_tracks_with_their_answers():
    sizes = []

    def rows(inputs):
        sizes.append(inputs.shape)
        return inputs.reshape(len(inputs), -1)[:, :1].astype(float)

    tracker = Tracker(Eyes(), 2, rows)
    found = list(tracker.follow([frame(0, 50, 120), frame(0.1), frame(0.2, 122)]))
    assert [[track.number for track, *_ in each] for each in found] == [[1, 2], [], [2]]
    assert [row[0] for *_, row in found[0]] == [50, 120]
    assert sizes == [(3, 2, 8, 8, 3)]
    [more] = tracker.follow([frame(0.3, 51)])
    assert [track.number for track, *_ in more] == [1]
    assert [track.looks for track in tracker.tracks] == [2, 2]


def test_many_faces_go_in_parts():
    sizes = []

    def rows(inputs):
        sizes.append(len(inputs))
        return np.zeros((len(inputs), 1))

    tracker = Tracker(Eyes(), 1, rows)
    found = list(tracker.follow([frame(at / 10, 10, 60, 110, 160, 210) for at in range(7)]))
    assert sizes == [16, 16, 3]
    assert len(tracker.tracks) == 5
    assert all(len(each) == 5 for each in found)


def test_no_frames_ask_nothing():
    tracker = Tracker(SimpleNamespace(), 1, lambda inputs: pytest.fail("asked"))
    assert list(tracker.follow([])) == []
