"""Duplicates: found when true, not when only plain, and quick in any crowd."""

from __future__ import annotations

import io
import os
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageEnhance

from headstart.checks.duplicates import clusters, exact_duplicates, near_duplicates
from headstart.data.open import open_dataset
from headstart.fingerprint import fingerprint_bytes
from headstart.images.decode import decode, read_bytes
from headstart.images.stats import ImageStats, image_stats

REAL = Path(os.environ.get("HEADSTART_DATA", Path(__file__).parents[3] / "shared" / "data"))
needs_real_sets = pytest.mark.skipif(not REAL.is_dir(), reason=f"no real image sets at {REAL}")


def stats_of(files: list[bytes]) -> ImageStats:
    stats = ImageStats.empty(len(files))
    for i, data in enumerate(files):
        stats.keys[i] = np.frombuffer(fingerprint_bytes(data), np.uint8)
        stats.put(i, image_stats(decode(data, short_side=64)))
    return stats


def photo(seed: int, size: int = 128) -> Image.Image:
    noise = np.random.default_rng(seed).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((size, size), Image.Resampling.BICUBIC)


def png(image: Image.Image, **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG", **options)
    return stream.getvalue()


def jpeg(image: Image.Image, quality: int = 75) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return stream.getvalue()


def random_stats(n: int, seed: int = 0) -> ImageStats:
    rng = np.random.default_rng(seed)
    stats = ImageStats.empty(n)
    stats.keys[:] = rng.integers(0, 256, stats.keys.shape)
    stats.dhashes[:] = rng.integers(0, 256, stats.dhashes.shape)
    stats.thumbnails[:] = rng.integers(0, 256, stats.thumbnails.shape)
    stats.contrast[:] = 50
    return stats


def test_exact_duplicates():
    a, b, c = (png(photo(i)) for i in range(3))
    stats = stats_of([a, b, a, c, b, a])
    assert [g.tolist() for g in exact_duplicates(stats)] == [[0, 2, 5], [1, 4]]
    stats.errors[0] = "broken"
    assert [g.tolist() for g in exact_duplicates(stats)] == [[1, 4], [2, 5]]
    assert exact_duplicates(ImageStats.empty(0)) == []


def test_near_duplicates_survive_what_copies_go_through():
    image = photo(1)
    files = [
        png(image),
        jpeg(image, 60),
        png(image.resize((300, 200))),
        png(ImageEnhance.Brightness(image).enhance(0.8)),
        png(image.crop((1, 1, 127, 127))),
        png(image.convert("L")),
        *(png(photo(seed)) for seed in range(2, 30)),
    ]
    stats = stats_of(files)
    pairs = near_duplicates(stats)
    assert set(np.unique(pairs).tolist()) == {0, 1, 2, 3, 4} | (set(np.unique(pairs)) & {5})
    assert (pairs[:, 0] < pairs[:, 1]).all()
    assert len(np.unique(clusters(stats)[:5])) == 1


def test_only_the_first_of_equal_files_takes_part():
    a, b = png(photo(1)), jpeg(photo(1))
    stats = stats_of([a, a, b, b])
    assert near_duplicates(stats).tolist() == [[0, 2]]
    assert clusters(stats).tolist() == [0, 0, 0, 0]


def test_blank_images_and_strokes_are_not_all_alike():
    blank = [png(Image.new("L", (60 + i, 60), 255)) for i in range(10)]
    rng = np.random.default_rng(0)
    strokes = []
    for _ in range(40):
        canvas = np.full((105, 105), 255, np.uint8)
        x, y = rng.integers(20, 80, 2)
        canvas[y : y + 3, 10:90] = 0
        canvas[10:90, x : x + 3] = 0
        strokes.append(png(Image.fromarray(canvas).convert("1")))
    stats = stats_of([*blank, *dict.fromkeys(strokes)])
    pairs = near_duplicates(stats)
    assert not (pairs < 10).any()
    assert len(pairs) <= 3


def test_another_colour_is_another_thing():
    grey = np.asarray(photo(3).convert("L")).astype(float)
    red = np.stack([grey, grey / 4, grey / 4], axis=2).astype(np.uint8)
    stats = stats_of([png(Image.fromarray(red)), png(Image.fromarray(red[..., ::-1].copy()))])
    assert len(near_duplicates(stats)) == 0


def test_unreadable_items_are_alone():
    stats = stats_of([png(photo(1)), jpeg(photo(1))])
    stats.errors[1] = "broken"
    assert len(near_duplicates(stats)) == 0
    assert clusters(stats).tolist() == [0, 1]


def test_clusters_join_groups_and_chains():
    stats = random_stats(6)
    groups = np.array(["", "p", "", "p", "q", ""])
    assert clusters(stats, groups).tolist() == [0, 1, 2, 1, 3, 4]
    pairs = np.array([[3, 4], [0, 5]])
    assert clusters(stats, groups, pairs=pairs).tolist() == [0, 1, 2, 1, 1, 0]
    assert clusters(ImageStats.empty(0)).shape == (0,)


def test_agrees_with_comparing_everything():
    rng = np.random.default_rng(5)
    stats = random_stats(400)
    source = rng.integers(0, 400, 60)
    copies = ImageStats.empty(60)
    bits = np.unpackbits(stats.dhashes[source], axis=1)
    for row in bits:
        row[rng.choice(256, rng.integers(0, 22), replace=False)] ^= 1
    copies.dhashes[:] = np.packbits(bits, axis=1)
    copies.thumbnails[:] = stats.thumbnails[source]
    both = stats.take(np.arange(400 + 60) % 400)
    both.dhashes[400:], both.thumbnails[400:] = copies.dhashes, copies.thumbnails
    both.keys[400:] = rng.integers(0, 256, (60, 16))
    both.contrast[:] = 50
    apart = np.bitwise_count(both.dhashes[:, None] ^ both.dhashes[None]).sum(2)
    got = near_duplicates(both, distance=16)
    wanted = {(int(s), 400 + k) for k, s in enumerate(source) if apart[s, 400 + k] <= 14}
    assert wanted <= {(i, j) for i, j in got.tolist()}
    assert (apart[got[:, 0], got[:, 1]] <= 16).all()


def test_a_fixed_camera_does_not_make_one_cluster():
    rng = np.random.default_rng(0)
    scene = np.asarray(photo(7), np.int16)
    files = []
    for i in range(60):
        frame = scene + rng.normal(0, 6, scene.shape)
        y, x = rng.integers(0, 100, 2)
        frame[y : y + 12, x : x + 12] = 255 * (i % 2)  # what the classes are about
        files.append(png(Image.fromarray(frame.clip(0, 255).astype(np.uint8))))
    sizes = np.bincount(clusters(stats_of(files)))
    assert sizes.max() <= 20


@pytest.mark.parametrize("crowd", ["one hash, one look", "one hash, many looks", "all different"])
def test_crowds_are_quick(crowd):
    stats = random_stats(20_000)
    if crowd != "all different":
        stats.dhashes[:] = stats.dhashes[0]
    if crowd == "one hash, one look":
        stats.thumbnails[:] = stats.thumbnails[0]
    start = time.perf_counter()
    found = clusters(stats)
    assert time.perf_counter() - start < 30
    assert len(np.unique(found)) == (1 if crowd == "one hash, one look" else 20_000)


@needs_real_sets
@pytest.mark.parametrize(
    ("name", "near", "surplus", "leaks"),
    [("flowers12", 59, 1, 23), ("brain_tumor", 12, 25, 0), ("orl", 1, 0, 0), ("lfw10", 0, 0, 0)],
)
def test_real_sets(name, near, surplus, leaks):
    dataset = open_dataset(REAL / name)
    stats = stats_of([read_bytes(dataset.path(i)) for i in range(len(dataset))])
    pairs = near_duplicates(stats)
    assert len(pairs) == near
    assert sum(len(group) - 1 for group in exact_duplicates(stats)) == surplus
    assert (dataset.splits[pairs[:, 0]] != dataset.splits[pairs[:, 1]]).sum() == leaks


# --- any links ----------------------------------------------------------------------------------


@given(st.integers(1, 12), st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=15))
def test_clusters_are_scipys_components(n, links):
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    links = [(a % n, b % n) for a, b in links]
    pairs = np.array(links, int).reshape(-1, 2)
    graph = coo_matrix((np.ones(len(pairs)), pairs.T), shape=(n, n))
    _, wanted = connected_components(graph, directed=False)
    found = clusters(random_stats(n), pairs=pairs)
    same, also = found[:, None] == found[None], wanted[:, None] == wanted[None]
    assert np.array_equal(same, also)
    _, first = np.unique(found, return_index=True)
    assert np.array_equal(found[np.sort(first)], np.arange(found.max() + 1))


@given(st.lists(st.sampled_from(["", "ann", "bob", "zoë"]), min_size=1, max_size=12))
def test_groups_stay_together_and_the_empty_is_none(groups):
    named = np.array(groups)
    found = clusters(random_stats(len(groups)), named, pairs=np.empty((0, 2), int))
    for a, one in enumerate(groups):
        for b, other in enumerate(groups):
            assert (found[a] == found[b]) == (a == b or (one == other != ""))


@pytest.mark.parametrize("n", [0, 1, 2])
def test_hardly_any_images(n):
    stats = random_stats(n)
    assert near_duplicates(stats).shape == (0, 2)
    assert clusters(stats).tolist() == list(range(n))


def test_pairs_are_sorted_and_each_is_there_once():
    files = [png(photo(seed)) for seed in (5, 3, 5, 4)] + [jpeg(photo(3), 80), jpeg(photo(4), 80)]
    pairs = near_duplicates(stats_of(files)).tolist()
    assert pairs == sorted(pairs)
    assert all(a < b for a, b in pairs)
    assert len({tuple(pair) for pair in pairs}) == len(pairs)
    assert [1, 4] in pairs
    assert [3, 5] in pairs


def test_order_of_images_does_not_matter():
    files = [png(photo(seed)) for seed in range(8)] + [jpeg(photo(seed), 70) for seed in (2, 5)]
    order = np.random.default_rng(0).permutation(len(files))
    straight = near_duplicates(stats_of(files))
    moved = near_duplicates(stats_of([files[at] for at in order]))
    assert {frozenset(order[pair].tolist()) for pair in moved} == {
        frozenset(pair.tolist()) for pair in straight
    }
