"""Search is exact: every answer is that of comparing with everything."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.gallery.people import crowd, new_store, photos_of, vectors_of

from headstart.gallery import search
from headstart.gallery.index import IndexStore
from headstart.gallery.search import Index, unit


def brute(vectors, owners, probe, method, k, top):
    """People and scores by going through all of them."""
    found = []
    for person in np.unique(owners):
        own = vectors[owners == person]
        if method == "knn":
            score = np.sort(own @ probe)[-k:].mean()
        else:
            score = unit(own.sum(axis=0, dtype=np.float64)[None])[0] @ probe
        found.append((float(score), int(person)))
    return sorted(found, reverse=True)[:top]


@pytest.mark.parametrize(("method", "k"), [("knn", 1), ("knn", 3), ("knn", 50), ("centroid", 1)])
@pytest.mark.parametrize("top", [1, 5, 1000])
def test_exact(method, k, top, monkeypatch):
    monkeypatch.setattr(search, "_BLOCK", 300)
    rng = np.random.default_rng(0)
    owners = rng.integers(0, 120, 2000)
    vectors = unit(rng.standard_normal((2000, 8)))  # few axes: everybody is near to everybody
    index = Index(8, method=method, k=k)
    for person in range(120):
        index.name(person, f"p{person}")
    for rows in np.array_split(np.arange(2000), 7):
        index.add(owners[rows], vectors[rows])
    probes = unit(rng.standard_normal((6, 8)))
    for probe, found in zip(probes, index.search(probes, top=top), strict=True):
        wanted = brute(vectors, owners, probe, method, k, top)
        assert [name for name, _ in found] == [f"p{person}" for _, person in wanted]
        assert np.allclose([score for _, score in found], [s for s, _ in wanted], atol=1e-5)


@pytest.mark.parametrize("method", ["knn", "centroid"])
@pytest.mark.parametrize("block", [7, 16_400])
def test_people_come_and_go(method, block, monkeypatch):
    monkeypatch.setattr(search, "_BLOCK", block)
    vectors, owners = crowd(40, 6)
    index, fresh = Index(16, method=method), Index(16, method=method)
    for person in range(40):
        index.name(person, f"p{person}")
    half = np.arange(len(owners)) % 2 == 0
    index.add(owners[half], vectors[half])
    index.remove((3, 17, 99))
    later = ~half & ~np.isin(owners, (3, 17))
    index.add(owners[later], vectors[later])
    index.remove((5,))
    kept = ~np.isin(owners, (3, 5, 17))
    for person in np.unique(owners[kept]).tolist():
        fresh.name(person, f"p{person}")
    fresh.add(owners[kept], vectors[kept])
    assert set(index.people) == set(fresh.people)
    for a, b in zip(index.search(vectors, top=3), fresh.search(vectors, top=3), strict=True):
        assert [name for name, _ in a] == [name for name, _ in b]
        assert np.allclose([s for _, s in a], [s for _, s in b], atol=1e-6)


def test_nobody():
    index = Index(16)
    assert index.search(vectors_of("Ann", 2)) == [[], []]
    index.name(1, "Ann")
    index.add(np.ones(2, int), vectors_of("Ann", 2))
    assert index.search(vectors_of("Ann", 1))[0][0][0] == "Ann"
    index.remove((1,))
    assert (len(index), index.search(vectors_of("Ann", 1))) == (0, [[]])
    assert np.isfinite(unit(np.zeros((1, 4)))).all()


@pytest.mark.parametrize("method", ["knn", "centroid"])
def test_what_changed_is_all_that_is_read(tmp_path, method):
    """An index that follows a store step by step is the one that reads it at once."""
    follower, mark = Index(16, method=method, k=2), None
    with new_store(tmp_path) as store, IndexStore(store.file) as reader:
        for number in range(12):
            store.enroll(f"p{number}", photos_of(f"p{number}", 3))
            if number % 3 == 2:
                store.remove(f"p{number - 1}")
            if number % 2:
                changes = reader.changes(mark)
                follower.apply(changes)
                mark = changes.mark
        store.enroll("p1", photos_of("p1", 2))  # removed, and back again
        follower.apply(reader.changes(mark))
        fresh = Index(16, method=method, k=2)
        fresh.apply(store.changes())
    probes = vectors_of("p1", 5)
    assert follower.search(probes, top=4) == fresh.search(probes, top=4)
    assert follower.search(probes)[0][0][0] == "p1"
    assert set(follower.people) == set(fresh.people)


# --- any history --------------------------------------------------------------------------------

STEP = st.tuples(st.integers(0, 4), st.integers(0, 3))  # person; photos to add, 0 to remove


@pytest.mark.parametrize(("method", "k"), [("knn", 1), ("knn", 2), ("centroid", 1)])
@given(steps=st.lists(STEP, max_size=14), seed=st.integers(0, 99))
def test_whatever_happened_the_answer_is_that_of_brute_force(method, k, steps, seed):
    rng = np.random.default_rng(seed)
    index, kept = Index(6, method=method, k=k), {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("headstart.gallery.search._BLOCK", 3)
        patch.setattr("headstart.gallery.search._LEADING", 2)
        for person, count in steps:
            if not count:
                index.remove((person,))
                kept.pop(person, None)
                continue
            fresh = unit(rng.normal(size=(count, 6)))
            index.name(person, f"p{person}")
            index.add(np.full(count, person), fresh)
            kept[person] = np.concatenate([kept.get(person, np.empty((0, 6))), fresh])
        probe = unit(rng.normal(size=(2, 6)))
        found = index.search(probe, top=3)
    assert len(index) == len(kept)
    for vector, ranked in zip(probe, found, strict=True):
        scores = {}
        for person, photos in kept.items():
            if method == "centroid":
                scores[f"p{person}"] = float(unit(photos.sum(axis=0)[None])[0] @ vector)
            else:
                scores[f"p{person}"] = float(np.sort(photos @ vector)[-k:].mean())
        wanted = sorted(scores.values(), reverse=True)[:3]
        assert [score for _, score in ranked] == pytest.approx(wanted, abs=1e-5)
        for name, score in ranked:
            assert scores[name] == pytest.approx(score, abs=1e-5)


def test_people_come_in_the_order_of_enrolment():
    index = Index(4)
    for person, name in ((7, "zoë"), (2, "ann"), (5, "bob")):
        index.name(person, name)
    assert index.people == ("zoë", "ann", "bob")
    index.remove((2, 99))
    assert index.people == ("zoë", "bob")


@pytest.mark.parametrize("shape", [(0, 5), (1, 5), (4, 1)])
def test_unit_vectors(shape):
    rng = np.random.default_rng(0)
    found = unit(rng.normal(size=shape))
    assert found.dtype == np.float32
    assert np.linalg.norm(found, axis=1) == pytest.approx(np.ones(shape[0]))
    assert not unit(np.zeros((2, 3))).any()


def test_no_photos_have_no_answers():
    index = Index(4)
    assert index.search(np.zeros((0, 4), np.float32)) == []
    assert index.search(np.zeros((3, 4), np.float32)) == [[], [], []]
    index.add(np.zeros(0, np.int64), np.zeros((0, 4), np.float32))
    assert index.search(np.zeros((1, 4), np.float32)) == [[]]
