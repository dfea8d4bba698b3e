"""Leave-one-out: a photo never meets itself."""

import numpy as np
import pytest
from tests.gallery.people import crowd

from headstart.gallery.leave_one_out import leave_one_out
from headstart.gallery.search import Index


@pytest.mark.parametrize(("method", "k"), [("knn", 1), ("knn", 3), ("centroid", 1)])
def test_the_scores_are_those_of_a_gallery_without_the_photo(method, k):
    vectors, owners = crowd(9, 4, noise=1.5)
    keep = np.ones(len(owners), bool)
    keep[[1, 2, 3, 6]] = False  # the first has one photo, the second three
    vectors, owners = vectors[keep], owners[keep]
    trials = leave_one_out(vectors, owners, method=method, k=k)
    assert np.array_equal(np.sort(trials.photos), np.arange(len(owners)))
    for at, photo in enumerate(trials.photos):
        index = Index(16, method=method, k=k)
        rest = np.arange(len(owners)) != photo
        for person in range(9):
            index.name(person, str(person))
        index.add(owners[rest], vectors[rest])
        [found] = index.search(vectors[photo][None], top=9)
        names = [int(name) for name, _ in found]
        others = [score for person, score in found if int(person) != owners[photo]]
        assert trials.best_impostor[at] == pytest.approx(others[0], abs=1e-5)
        impostor = next(int(person) for person, _ in found if int(person) != owners[photo])
        assert trials.impostors[at] == impostor
        if owners[photo] == 0:
            assert np.isnan(trials.genuine[at])
            assert trials.ranks[at] == 0
        else:
            place = names.index(owners[photo])
            assert trials.genuine[at] == pytest.approx(found[place][1], abs=1e-5)
            assert trials.ranks[at] == place + 1


def test_every_pair_once():
    vectors, owners = crowd(5, 3)
    mixed = np.random.default_rng(0).permutation(len(owners))
    trials = leave_one_out(vectors[mixed], owners[mixed])
    assert len(trials.scores) == 15 * 14 / 2
    assert trials.same.sum() == 5 * 3
    rows = trials.photos[trials.pairs]
    wanted = (vectors[mixed][rows[:, 0]] * vectors[mixed][rows[:, 1]]).sum(axis=1)
    assert np.allclose(trials.scores, wanted, atol=1e-6)


def test_of_many_photos_whole_people_play():
    vectors, owners = crowd(50, 4)
    trials = leave_one_out(vectors, owners, most=40, seed=1)
    assert trials.count == 10
    assert len(trials.photos) == 40
    counts = np.bincount(owners[trials.photos], minlength=50)
    assert set(counts) == {0, 4}
    everybody = leave_one_out(vectors, owners)
    places = {int(photo): at for at, photo in enumerate(everybody.photos)}
    at = [places[int(photo)] for photo in trials.photos]
    assert np.allclose(trials.best_impostor, everybody.best_impostor[at]), (
        "against everybody all the same"
    )
