"""Mirrored copies of vectors that know places: as a mirrored image gives them, without a pass."""

from __future__ import annotations

import numpy as np
import pytest

from headstart.compute import Compute
from headstart.probe.classifiers import Config, Space, fit_head, held_out_scores, make_space
from headstart.probe.cross_validate import Round, cross_validate, learning_curve
from headstart.probe.frozen import Frozen
from headstart.probe.mirrored import cell_sides, mirror_cells
from headstart.probe.probe import Labelled, probe
from headstart.probe.trials import Grid

SLICES = {
    "pixels": slice(0, 12), "regions": slice(12, 60), "stage1": slice(60, 64),
    "stage2": slice(64, 70), "stage3": slice(70, 80), "last": slice(80, 90),
}  # fmt: skip
SIDES = {"pixels": 2, "regions": 4}
GRID = Grid(("logistic",), logistic=(1, 10, 100), looks=1, copies=True)


def test_cells_a_side_are_told_by_the_widths():
    assert cell_sides(SLICES) == SIDES
    assert cell_sides({"stage1": slice(0, 4), "last": slice(4, 9)}) == {}
    odd = SLICES | {"regions": slice(12, 59)}
    assert cell_sides(odd) == {"pixels": 2}


def test_columns_of_cells_are_exchanged_and_rows_are_not():
    cells = np.arange(18.0).reshape(1, 2, 3, 3)
    found = mirror_cells(cells.reshape(1, -1), 3).reshape(2, 3, 3)
    assert found[0].tolist() == [[2, 1, 0], [5, 4, 3], [8, 7, 6]]
    assert np.array_equal(mirror_cells(found.reshape(1, -1), 3), cells.reshape(1, -1))


def faces(n: int, *, sided: bool, seed: int = 0) -> tuple[Frozen, np.ndarray]:
    """Vectors of 3 channels in 4 x 4 cells; the class is a symmetrical pattern, or a side."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    pattern = np.random.default_rng(9).normal(size=(3, 4, 4))
    turned = pattern[..., ::-1]
    pattern = pattern - turned if sided else pattern + turned
    cells = rng.normal(size=(n, 3, 4, 4)) + 0.12 * (2 * y - 1)[:, None, None, None] * pattern
    vectors = cells.reshape(n, -1).astype(np.float32)
    return Frozen(vectors, {"regions": np.arange(48)}, sides={"regions": 4}), y


def chosen(frozen, y, *, items=None, grid=GRID, clusters=None):
    own = np.arange(len(y)) if clusters is None else clusters
    return probe(frozen, Labelled(y, own, 2, items), Compute(seed=0), grid=grid)


def test_copies_are_kept_where_they_lower_the_held_out_loss():
    frozen, y = faces(2040, sided=False)
    learnt, rest = np.arange(40), np.arange(40, 2040)
    found = chosen(frozen, y, items=learnt)
    assert found.copies is not None
    assert found.copies.kept
    assert found.copies.beside < 0.98 * found.copies.without
    assert [each.config.mirrored for each in found.members] == [4]
    without = chosen(frozen, y, items=learnt, grid=Grid(("logistic",), GRID.logistic, looks=1))
    assert without.copies is None

    def right(each):
        return (each.head.scores(frozen.vectors[rest]).argmax(axis=1) == y[rest]).mean()

    assert right(found) > right(without) + 0.005
    assert len(found.held_out) == 40, "only the items themselves were judged"


def test_copies_are_left_where_left_and_right_are_the_class():
    frozen, y = faces(80, sided=True)
    found = chosen(frozen, y)
    assert found.copies is not None
    assert not found.copies.kept
    assert found.copies.beside >= 0.98 * found.copies.without
    assert not any(each.config.mirrored for each in found.members)
    tried = [each.config.mirrored for each in found.trials if each.config.classifier == "logistic"]
    assert sorted(tried) == [0, 0, 0, 4, 4, 4], "and yet they were tried"


@pytest.mark.parametrize("kind", ["logistic", "svm"])
def test_copies_are_tried_with_what_was_good_on_the_first_look_alone(kind):
    frozen, y = faces(40, sided=False)
    strengths = {"logistic": (), "svm": ()} | {kind: (1.0,)}
    grid = Grid(looks=1, copies=True, own={"regions": Grid((kind,), **strengths)})
    found = chosen(frozen, y, grid=grid)
    assert found.copies is not None
    tried = {(each.config.classifier, each.config.mirrored) for each in found.trials}
    assert {(kind, 0), (kind, 4)} <= tried


def test_a_copy_is_held_out_with_its_item():
    """Noise that is mirrored with its label would be known by heart."""
    rng = np.random.default_rng(1)
    vectors, y = rng.normal(size=(60, 48)).astype(np.float32), np.arange(60) % 2
    frozen = Frozen(vectors, {"regions": np.arange(48)}, sides={"regions": 4})
    symmetrical = vectors + mirror_cells(vectors, 4)
    for each in (frozen, Frozen(symmetrical, frozen.sets, sides=frozen.sides)):
        found = chosen(each, y)
        assert found.copies is not None
        assert min(found.copies.without, found.copies.beside) > 0.6


def test_copies_of_symmetrical_items_change_nothing():
    """Item and copy weigh a half each, so that strengths mean the same with and without."""
    frozen, y = faces(50, sided=False)
    vectors = frozen.vectors + mirror_cells(frozen.vectors, 4)
    columns = np.arange(48)
    heads = []
    for side in (0, 4):
        space = make_space(vectors, columns, side)
        config = Config("logistic", "regions", 3.0, balanced=True, mirrored=side)
        heads.append(fit_head(config, space, vectors, y, n_classes=2))
        weights = np.ones((1, 50), np.float32)
        weights[0, :10] = 0
        scores = held_out_scores(
            "svm", space, y, n_classes=2, weights=weights, strengths=np.array([1.0])
        )
        assert scores.shape == (1, 50, 2)
        heads[-1] = (heads[-1], scores)
    (one, plain), (other, doubled) = heads
    np.testing.assert_allclose(
        one.scores(vectors), other.scores(vectors), atol=0.02 * np.abs(one.scores(vectors)).max()
    )
    np.testing.assert_allclose(plain, doubled, atol=0.02 * np.abs(plain).max())


def test_the_head_of_copies_is_indifferent_to_sides():
    """Also where the axes of the choice leave something over, which the last fit adds."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(900, 4 * 15 * 15)).astype(np.float32)
    y = np.arange(900) % 2
    space = make_space(vectors, np.arange(900), 15)
    assert space.axes.rest > 0
    assert len(space.coordinates) == 1800
    head = fit_head(Config("logistic", "x", 1.0, mirrored=15), space, vectors, y, n_classes=2)
    weights = head.arrays["weights"]
    turned = mirror_cells(weights, 15)
    assert np.linalg.norm(weights - turned) < 0.05 * np.linalg.norm(weights)
    plain = fit_head(
        Config("logistic", "x", 1.0), make_space(vectors, np.arange(900)), vectors, y, n_classes=2
    )
    raw = plain.arrays["weights"]
    assert np.linalg.norm(raw - mirror_cells(raw, 15)) > 0.5 * np.linalg.norm(raw)


def test_copies_of_items_that_are_not_held_are_refused():
    frozen, y = faces(40, sided=False)
    space = make_space(frozen.vectors[:20], np.arange(48), 4)
    assert isinstance(space, Space)
    config = Config("logistic", "regions", 1.0, mirrored=4)
    with pytest.raises(AssertionError):
        fit_head(config, space, frozen.vectors, y, n_classes=2)


def test_many_items_are_learnt_from_without_copies(monkeypatch):
    from headstart.probe import probe as module

    monkeypatch.setattr(module, "_CHOOSE_ON", 60)
    frozen, y = faces(100, sided=False)
    assert chosen(frozen, y).copies is None
    assert chosen(frozen, y, items=np.arange(59)).copies is not None


def test_in_cross_validation_copies_are_decided_anew_and_drawn_into_the_learning_curve():
    frozen, y = faces(60, sided=False)
    half = np.arange(60) < 30
    rounds = [Round(np.flatnonzero(a), np.flatnonzero(~a), y, 2) for a in (half, ~half)]
    everything = Round(np.arange(60), np.arange(0), y, 2)
    found = cross_validate(
        frozen, rounds, np.arange(60), Compute(), final=everything, grid=GRID, folds=3
    )
    assert all(fold.probe.copies is not None for fold in found.folds)
    assert found.probe.copies is not None
    assert found.probe.copies.kept
    sizes, accuracies, _ = learning_curve(
        frozen, found.probe, everything, np.arange(60), Compute(), folds=3
    )
    assert len(sizes) == len(accuracies) > 1


def test_looks_side_by_side_know_the_cells_of_each():
    vectors = np.zeros((3, 90), np.float32)
    look = Frozen.of_stages(vectors, SLICES)
    assert look.sides == SIDES
    both = Frozen.side_by_side([look, look], ["a", "b"])
    assert both.sides == {
        "pixels (a)": 2, "regions (a)": 4, "pixels (b)": 2, "regions (b)": 4,
    }  # fmt: skip


def test_what_was_learnt_from_is_said():
    assert Config("logistic", "regions", 1.0).seen == "regions"
    assert Config("logistic", "regions", 1.0, mirrored=4).seen == "regions, mirrored too"
