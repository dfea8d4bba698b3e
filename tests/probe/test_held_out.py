import numpy as np
import pytest
from tests.confounded import planted

from headstart.nets.heads.head import Head
from headstart.probe.classifiers import make_space
from headstart.probe.held_out import held_out, held_out_like, item_loss


@pytest.fixture(scope="module")
def given():
    dataset, vectors, clusters = planted(6, per_class=60)
    return (
        make_space(vectors, np.arange(vectors.shape[1])),
        vectors,
        dataset.labels.targets,
        clusters,
    )


def test_every_item_is_answered_by_a_model_without_its_fold(given):
    space, _, targets, clusters = given
    found = held_out(space, targets, clusters)
    assert found.scores.shape == (120, 2)
    assert np.exp(found.scores).sum(axis=1) == pytest.approx(np.ones(120), abs=1e-4)
    assert set(found.folds) == {0, 1, 2, 3, 4}
    assert (found.scores.argmax(axis=1) == targets).mean() > 0.8
    again = found.answer(found.coordinates[found.folds == 3], 3)
    assert (again.argmax(axis=1) == found.scores[found.folds == 3].argmax(axis=1)).all()
    assert found.loss == pytest.approx(item_loss(found.scores, targets, np.ones(120)))


def test_folds_and_weights_are_as_given(given):
    space, _, targets, clusters = given
    folds = np.arange(120) % 2 * 7
    found = held_out(space, targets, clusters, folds=folds)
    assert (found.folds == np.arange(120) % 2).all()
    # Whoever weighs nothing is not learnt from: labels of the other half may be anything.
    wrong = np.where(np.arange(120) % 4 == 0, 1 - targets, targets)
    weights = (np.arange(120) % 4 != 0).astype(float)
    spoilt = held_out(space, wrong, clusters, weights=weights, folds=folds, strengths=(1.0,))
    clean = held_out(space, targets, clusters, weights=weights, folds=folds, strengths=(1.0,))
    assert spoilt.scores == pytest.approx(clean.scores, abs=1e-5)


@pytest.mark.parametrize("kind", ["neighbours", "prototypes"])
def test_neighbours_stay_neighbours(given, kind):
    _, vectors, targets, clusters = given
    head = Head(kind, np.arange(12), {}, 2, k=5)
    space, found = held_out_like(head, vectors, targets, clusters)
    assert (found.scores.argmax(axis=1) == targets).mean() > 0.75
    rows = found.folds == 1
    again = found.answer(space.coordinates[rows], 1)
    assert (again.argmax(axis=1) == found.scores[rows].argmax(axis=1)).all()
    _, linear = held_out_like(None, vectors, targets, clusters)
    assert not np.allclose(linear.scores, found.scores)
