"""Objects keep their numbers, and are counted once."""

from __future__ import annotations

import numpy as np
import pytest

from headstart.video.object_tracks import ObjectTracks


def boxes(*middles: tuple[float, float], side: float = 20) -> np.ndarray:
    found = np.array(middles, float).reshape(-1, 2)
    return np.hstack((found - side / 2, found + side / 2))


def fed(frames, *, rate: float = 10, least: float = 0.5) -> tuple[ObjectTracks, list[list[int]]]:
    """(middles, labels, scores) of each frame."""
    tracks, numbers = ObjectTracks(), []
    for at, (middles, labels, scores) in enumerate(frames):
        found = tracks.update(
            at / rate, boxes(*middles), np.array(labels, int), np.array(scores, float), least=least
        )
        numbers.append(found.tolist())
    return tracks, numbers


def test_objects_keep_their_numbers_while_they_move_and_change_places_in_the_list():
    frames = []
    for t in range(8):
        middles = [(20 + 9 * t, 50), (200 - 9 * t, 90)]
        order = [0, 1] if t % 2 else [1, 0]
        frames.append(([middles[i] for i in order], [0, 0], [0.9, 0.8]))
    tracks, numbers = fed(frames)
    assert [sorted(each) for each in numbers] == [[1, 2]] * 8
    assert numbers[0] != numbers[1]
    assert numbers[0] == numbers[2] == numbers[6]
    assert [each.looks for each in tracks.counted] == [8, 8]


def test_two_that_cross_go_on_as_they_went():
    frames = [([(20 + 12 * t, 50), (200 - 12 * t, 52)], [0, 0], [0.9, 0.9]) for t in range(15)]
    _, numbers = fed(frames)
    assert numbers == [[1, 2]] * 15


def test_one_that_is_hidden_for_a_moment_or_weak_is_the_same_afterwards():
    seen = [([(20 + 8 * t, 50)], [0], [0.9]) for t in range(20)]
    for t in (8, 9, 10):
        seen[t] = ([], [], [])
    seen[13] = ([(20 + 8 * 13, 50)], [0], [0.3])  # below the threshold, where it is expected
    tracks, numbers = fed(seen)
    assert {each[0] for each in numbers if each} == {1}
    assert len(tracks.counted) == 1
    assert tracks.counted[0].score == 0.9


def test_weak_boxes_begin_nothing_and_a_flicker_is_not_counted():
    frames = [([(50, 50)], [0], [0.3])] * 5 + [([(90, 90)], [0], [0.9])] + [([], [], [])] * 3
    tracks, numbers = fed(frames)
    assert numbers[0] == [0]
    assert numbers[5] == [1]
    assert tracks.counted == []
    assert tracks.glimpsed == 1


def test_another_place_is_another_object_also_of_another_class():
    frames = [([(50, 50)], [0], [0.9])] * 3 + [([(300, 300)], [1], [0.9])] * 3
    tracks, _ = fed(frames)
    assert [each.label for each in tracks.counted] == [0, 1]


def test_one_object_that_is_taken_for_another_class_is_of_the_class_with_most_votes():
    """As where it comes in and leaves, and only half of it is seen."""
    frames = [([(50 + 5 * t, 50)], [int(t in (0, 1, 8))], [0.9]) for t in range(9)]
    tracks, numbers = fed(frames)
    assert [each.label for each in tracks.counted] == [0]
    assert numbers == [[1]] * 9


def test_one_object_under_two_classes_at_once_is_counted_once():
    twice = ([(50, 50), (52, 50)], [0, 1], [0.9, 0.6])
    tracks, numbers = fed([([(50, 50)], [0], [0.9])] * 2 + [twice] * 2 + [twice])
    assert [each.label for each in tracks.counted] == [0]
    assert numbers[2] == [1, 1]
    first, _ = fed([twice] * 3)
    assert [each.label for each in first.counted] == [0]
    apart, _ = fed([([(50, 50), (300, 50)], [0, 1], [0.9, 0.6])] * 3)
    assert [each.label for each in apart.counted] == [0, 1]


def test_a_flicker_takes_nothing_over():
    """It lies where an object will be a moment later."""
    frames = [([(50 + 8 * t, 50)], [0], [0.9]) for t in range(12)]
    frames[3] = ([(74, 50), (110, 50)], [0, 0], [0.9, 0.8])
    tracks, _ = fed(frames)
    assert len(tracks.counted) == 1
    assert tracks.glimpsed == 1


def test_one_that_left_long_ago_is_another_one():
    frames = [([(50, 50)], [0], [0.9])] * 3 + [([], [], [])] * 15 + [([(50, 50)], [0], [0.9])] * 3
    tracks, _ = fed(frames)
    assert len(tracks.counted) == 2
    single, _ = fed(frames[:1])
    assert len(single.counted) == 1, "of one frame what is on it"


@pytest.mark.parametrize("rate", [3, 5, 25])
def test_a_stream_of_objects_is_counted_at_any_rate(rate):
    """Forty come in one after the other, 60 pixels a second."""
    frames = []
    for t in range(30 * rate):
        now = t / rate
        middles = [(60 * (now - 0.6 * k), 50.0 + 40 * (k % 3)) for k in range(40)]
        inside = [each for each in middles if 0 <= each[0] <= 300]
        frames.append((inside, [0] * len(inside), [0.9] * len(inside)))
    tracks, _ = fed(frames, rate=rate)
    assert len(tracks.counted) == pytest.approx(40, rel=0.05)
