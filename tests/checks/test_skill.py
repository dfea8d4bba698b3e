"""How well numbers and categories tell the classes: nothing of noise, all of what tells all."""

from __future__ import annotations

import numpy as np
import pytest

from headstart.checks.skill import category_skill, class_skills, skill


def test_skill_of_noise_is_none():
    rng = np.random.default_rng(0)
    lows = [
        skill(rng.normal(size=(150, 2)), rng.integers(0, 3, 150), np.arange(150))[1]
        for _ in range(20)
    ]
    assert max(lows) < 0.1


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_skill_of_what_tells_all_is_certain(classes):
    targets = np.arange(30 * classes) % classes
    value, low = skill(targets[:, None].astype(float), targets, np.arange(len(targets)))
    assert value == pytest.approx(1)
    assert low == pytest.approx(1)


def test_only_ranks_count():
    rng = np.random.default_rng(0)
    column, targets = rng.normal(size=(120, 1)), np.arange(120) % 2
    column[targets == 1] += 1.5
    wanted = skill(column, targets, np.arange(120))
    assert skill(np.exp(5 * column), targets, np.arange(120)) == wanted
    assert skill(1000 + column**3, targets, np.arange(120)) == wanted


def test_numbers_of_classes_and_clusters_are_only_names():
    rng = np.random.default_rng(0)
    column, targets = rng.normal(size=(120, 1)), np.arange(120) % 3
    column[targets == 1] += 2
    wanted = skill(column, targets, np.arange(120))
    assert skill(column, 10 * targets + 5, np.arange(120)) == wanted
    assert skill(column, targets, 7 * np.arange(120) + 3) == wanted


def test_skill_is_about_as_good_as_scikit_learns_neighbours():
    from sklearn.metrics import balanced_accuracy_score
    from sklearn.model_selection import cross_val_predict
    from sklearn.neighbors import KNeighborsClassifier

    rng = np.random.default_rng(0)
    targets = np.repeat([0, 1], 150)
    column = rng.normal(size=(300, 1)) + targets[:, None]
    value, low = skill(column, targets, np.arange(300))
    theirs = cross_val_predict(KNeighborsClassifier(25), column, targets, cv=5)
    wanted = 2 * balanced_accuracy_score(targets, theirs) - 1
    assert value == pytest.approx(wanted, abs=0.12)
    assert low < value


def test_few_clusters_prove_less_than_many():
    rng = np.random.default_rng(0)
    base = np.repeat([0, 1], 40)
    column = rng.normal(size=80) + 1.2 * base
    targets, copies = np.repeat(base, 5), np.repeat(column, 5)[:, None]
    alone = skill(copies, targets, np.arange(400))
    together = skill(copies, targets, np.repeat(np.arange(80), 5))
    assert together[1] < alone[1]


# --- categories ---------------------------------------------------------------------------------


def test_a_category_tells_what_it_tells():
    targets = np.arange(200) % 2
    clusters = np.arange(200)
    assert category_skill(targets * 7, targets, clusters) == pytest.approx((1, 1))
    half = np.where(np.arange(200) < 100, targets, 2)  # half of the images have a third value
    value, low = category_skill(half, targets, clusters)
    assert value == pytest.approx(0.5, abs=0.1)
    assert 0.3 < low < value


def test_a_category_that_is_new_tells_nothing():
    targets = np.arange(120) % 3
    assert category_skill(np.arange(120), targets, np.arange(120))[0] == pytest.approx(0)
    # One person is one cluster: whoever knows the others knows nothing of this one.
    person = np.arange(120) // 6
    classes = person % 3
    assert category_skill(person, classes, person)[0] == pytest.approx(0)
    assert category_skill(person, classes, np.arange(120))[0] == pytest.approx(1)


def test_the_skill_of_random_categories_is_none():
    rng = np.random.default_rng(0)
    lows = [
        category_skill(rng.integers(0, 8, 150), rng.integers(0, 3, 150), np.arange(150))[1]
        for _ in range(40)
    ]
    assert max(lows) < 0.1


# --- one class against the rest -----------------------------------------------------------------


@pytest.mark.parametrize("ranked", [True, False])
def test_one_class_of_twelve_is_told(ranked):
    rng = np.random.default_rng(0)
    targets = np.arange(360) % 12
    noise = rng.integers(0, 40, 360) if ranked else rng.integers(0, 2, 360)
    column = np.where(targets == 4, 1_000, noise)
    columns = column[:, None].astype(float) if ranked else column
    values, lows = class_skills(columns, targets, np.arange(360), tests=12)
    assert values[4] > 0.9
    assert lows[4] > 0.6
    assert np.delete(lows, 4).max() < 0.1
    # Over all classes together that is a twelfth.
    assert skill(column[:, None].astype(float), targets, np.arange(360))[0] < 0.3


def test_no_class_is_told_by_noise_and_more_tests_prove_less():
    rng = np.random.default_rng(1)
    for _ in range(20):
        targets = rng.integers(0, 12, 300)
        _, lows = class_skills(rng.integers(0, 3, 300), targets, np.arange(300), tests=12)
        assert lows.max() < 0.2
    targets = np.arange(90) % 3
    column = np.where(targets == 0, 1, 0)
    one, many = (class_skills(column, targets, np.arange(90), tests=n)[1][0] for n in (1, 100))
    assert many < one
    together = class_skills(column, targets, np.arange(90) // 9 * 3 + targets, tests=1)[1][0]
    assert together < one


def test_told_classes_are_out_of_fold_and_a_new_category_says_nothing():
    from headstart.checks.skill import told_classes

    targets = np.repeat([0, 1], 40)
    clusters = np.arange(80)
    near = told_classes(targets[:, None] + np.linspace(0, 0.1, 80)[:, None], targets, clusters)
    assert (near == targets).mean() > 0.95
    codes = targets.copy()
    codes[0] = 7
    said = told_classes(codes, targets, clusters)
    assert said[0] == -1
    assert (said[1:] == targets[1:]).all()
