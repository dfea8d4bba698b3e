import dataclasses
import shutil

import numpy as np
import pytest
from PIL import Image

from headstart.auditing.evidence import evidence_of_vectors
from headstart.auditing.outer import audit_outer, measure_outer
from headstart.compute import Compute
from headstart.data.open import open_dataset


@pytest.fixture(scope="module")
def marked(tmp_path_factory):
    """Two classes of noise, 95 of 100 images of the first with a mark in a corner."""
    root = tmp_path_factory.mktemp("marked")
    rng = np.random.default_rng(0)
    for kind, name in enumerate(("ants", "bees")):
        (root / name).mkdir()
        for number in range(60):
            pixels = rng.integers(60, 200, (64, 64, 3)).astype(np.uint8)
            if (number % 20 > 0) == (kind == 0):
                pixels[:4, :4] = 255
            Image.fromarray(pixels).save(root / name / f"{number:02}.png")
    return open_dataset(root)


def evidence(dataset, lean, seed=1):
    """Answers of a model that follows the mark by so much."""
    rng = np.random.default_rng(seed)
    targets = dataset.labels.targets
    number = np.array([int(name.split("/")[1][:2]) for name in dataset.names])
    mark = (number % 20 > 0) == (targets == 0)
    vectors = rng.normal(size=(120, 6)).astype(np.float32)
    vectors[:, 0] += 0.8 * (2 * targets - 1)
    vectors[:, 1] += lean * (1 - 2 * mark)
    return evidence_of_vectors(dataset, vectors, np.arange(120))


def asked(answers):
    return audit_outer(answers, measure_outer(answers, Compute()))


def test_a_mark_that_is_used_is_serious(marked):
    found = asked(evidence(marked, 2.0))
    corners = found[0]
    assert (corners.name, corners.verdict) == ("corners", "serious")
    assert corners.told > 0.85
    assert "gather the classes in the same way" in corners.remedy
    assert "%" in corners.claim
    assert "bees" not in {each.name for each in found}


def test_a_mark_that_this_model_does_not_need_is_a_warning(marked):
    found = {each.name: each for each in asked(evidence(marked, 0.0))}
    assert found["corners"].verdict == "warning"
    assert "another may" in found["corners"].claim


def test_no_model_sees_the_number_in_a_name(marked, tmp_path):
    for place, name in enumerate(marked.names):
        kind = name.split("/")[0]
        (tmp_path / kind).mkdir(exist_ok=True)
        # In the order of the classes, so that the number alone tells them.
        shutil.copy(marked.path(place), tmp_path / kind / f"{1000 + place}.png")
    numbered = open_dataset(tmp_path)
    rng = np.random.default_rng(4)
    vectors = rng.normal(size=(120, 6)).astype(np.float32)
    vectors[:, 0] += 0.8 * (2 * numbered.labels.targets - 1)
    found = {each.name: each for each in asked(
        evidence_of_vectors(numbered, vectors, np.arange(120))
    )}  # fmt: skip
    order = found["number in the file name"]
    assert order.told_low > 0.9
    assert order.verdict == "fine"
    assert order.remedy == ""


def test_what_no_image_shows_is_never_serious(marked):
    # The number in the name tells the class, and the score follows it: something else changed too.
    targets = marked.labels.targets
    order = np.where(np.arange(120) % 20 > 0, targets, 1 - targets)
    order = np.argsort(np.argsort(order, kind="stable"))
    names = tuple(f"{n.split('/')[0]}/{k:03}.png" for n, k in zip(marked.names, order))
    numbered = dataclasses.replace(marked, names=names)
    outside = measure_outer(evidence(marked, 0.0), Compute())
    for each, k in zip(outside.each, order):
        each.numbers["number in the file name"] = np.array([float(k)])
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(120, 6)).astype(np.float32)
    vectors[:, 0] += 0.4 * (2 * targets - 1)
    vectors[:, 1] += 3.0 * (order > 59.5)
    answers = evidence_of_vectors(numbered, vectors, np.arange(120))
    found = {each.name: each for each in audit_outer(answers, outside)}
    named = found["number in the file name"]
    assert named.verdict == "warning"
    assert "no model sees it" in named.claim
    assert "what else changed along with it" in named.remedy


def test_nothing_is_found_where_there_is_nothing_or_the_images_are_gone(marked, tmp_path):
    rng = np.random.default_rng(3)
    plain = evidence(marked, 0.0)
    mixed = rng.permutation(plain.targets)
    shuffled = dataclasses.replace(plain, targets=mixed)
    assert [each for each in asked(shuffled) if each.verdict == "serious"] == []
    gone = dataclasses.replace(plain, dataset=dataclasses.replace(plain.dataset, root=tmp_path))
    assert asked(gone) == []
