"""The same people on both sides of a split, told by embeddings."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from headstart.checks.same_person import same_person_findings, same_person_pairs
from headstart.data.dataset import Dataset
from headstart.data.labels import Classes
from headstart.errors import OptionError
from headstart.verbs.check import check


def people(count, each, *, spread=0.5, seed=0, width=64):
    """(vectors, who): photos of some people, as an embedder would place them."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(count, width))
    who = np.repeat(np.arange(count), each)
    return (centres[who] + spread * rng.normal(size=(len(who), width))).astype(np.float32), who


def dataset(targets, splits, groups=None):
    n = len(targets)
    names = tuple(f"{number:03}.jpg" for number in range(n))
    classes = tuple(f"c{kind}" for kind in range(int(max(targets)) + 1))
    return Dataset(
        Path(), names, Classes(classes, np.array(targets)), np.array(splits), groups=groups
    )


@pytest.mark.parametrize("seed", range(5))
def test_strangers_are_not_taken_for_one_person(seed):
    vectors, _ = people(300, 1, seed=seed)
    pairs, limit = same_person_pairs(vectors)
    assert len(pairs) <= 3
    assert 0.3 < limit < 1


@pytest.mark.parametrize(("count", "each"), [(40, 5), (10, 10), (200, 2)])
def test_photos_of_one_person_are_found_and_hardly_any_others(count, each):
    vectors, who = people(count, each)
    pairs, _ = same_person_pairs(vectors)
    right = who[pairs[:, 0]] == who[pairs[:, 1]]
    possible = count * each * (each - 1) / 2
    assert right.mean() > 0.99
    assert right.sum() > 0.8 * possible
    alike = [float(vectors[a] @ vectors[b]) for a, b in pairs[:1]]
    assert alike[0] > 0


def test_too_few_photos_tell_nothing():
    vectors, _ = people(3, 4)
    assert len(same_person_pairs(vectors)[0]) == 0


def test_a_person_on_both_sides_is_serious_and_a_clean_split_is_not():
    vectors, who = people(40, 5)
    alone = np.arange(len(who))
    cut = np.where(np.arange(len(who)) % 5 == 0, "test", "train")
    (found,) = same_person_findings(dataset(who % 2, cut), vectors, alone)
    assert found.severity == "serious"
    assert found.check == "same_person_across_splits"
    assert found.count == pytest.approx(40 * 4, rel=0.2)
    clean = np.where(who % 5 == 0, "test", "train")
    assert not list(same_person_findings(dataset(who % 2, clean), vectors, alone))


def test_without_split_and_column_it_is_a_warning_and_with_a_column_nothing():
    vectors, who = people(40, 5)
    alone, none = np.arange(len(who)), np.full(len(who), "")
    (found,) = same_person_findings(dataset(who % 2, none), vectors, alone)
    assert found.severity == "warning"
    assert found.count > 150
    assert not list(same_person_findings(dataset(who % 2, none, who.astype(str)), vectors, who))


def test_where_the_classes_are_people_it_is_the_task_to_know_them_again():
    vectors, who = people(40, 5)
    cut = np.where(np.arange(len(who)) % 5 == 0, "test", "train")
    assert not list(same_person_findings(dataset(who, cut), vectors, np.arange(len(who))))


def test_an_embedder_is_asked_for(images):
    with pytest.raises(OptionError, match="face embedder"):
        check(images, faces=True)


def test_a_split_through_real_people_is_found(real_data, real_weights, tmp_path):
    pytest.importorskip("cv2", reason="needs OpenCV")
    embedder = tmp_path / "mobilefacenet.onnx"
    embedder.symlink_to(real_weights("mobilefacenet.onnx"))
    points = [
        [30.2946, 51.6963], [65.5318, 51.5014], [48.0252, 71.7366], [33.5493, 92.3655],
        [62.7299, 92.2041],
    ]  # fmt: skip
    settings = {"input_size": [3, 112, 96], "mean": [0.5] * 3, "std": [0.502] * 3}
    embedder.with_suffix(".json").write_text(json.dumps(settings | {"alignment": points}))
    # Two classes that are not people, and a split through them.
    for number, person in enumerate(sorted(p for p in real_data("lfw10").iterdir() if p.is_dir())):
        for place, photo in enumerate(sorted(person.glob("*.jpg"))):
            folder = tmp_path / "data" / ("test" if place > 6 else "train") / "ab"[number % 2]
            folder.mkdir(parents=True, exist_ok=True)
            (folder / photo.name).symlink_to(photo)
    detector = str(real_weights("face_yunet_n.onnx"))
    found = check(tmp_path / "data", faces=True, backbone=str(embedder), detector=detector)
    (person,) = [each for each in found.findings if each.check == "same_person_across_splits"]
    assert person.count > 100
    for pair in person.evidence:
        one, other = pair.split(" = ")
        assert Path(one).name[:-9] == Path(other).name[:-9]
