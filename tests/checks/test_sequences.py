"""Slices and frames: neighbours look alike, so whole blocks are held out."""

from __future__ import annotations

import numpy as np
from PIL import Image

from headstart.checks.sequences import check_sequences, sequence_blocks
from headstart.data.dataset import Dataset
from headstart.images.pixels import measure


def stack(root, count=24, *, mixed=False, scenes=1):
    """Images that change slowly from each to the next, in order of number or not."""
    rng = np.random.default_rng(0)
    (root / "s").mkdir(parents=True, exist_ok=True)
    order = rng.permutation(count) if mixed else np.arange(count)
    field = rng.normal(size=(8, 8))
    for number in range(count):
        if number and number % (count // scenes) == 0:
            field = rng.normal(size=(8, 8))
        field = 0.93 * field + 0.37 * rng.normal(size=(8, 8))
        pixels = (128 + 40 * field).clip(0, 255).astype(np.uint8)
        large = Image.fromarray(pixels).resize((96, 96), Image.Resampling.BICUBIC)
        large.save(root / f"s/slice_{order[number]}.png")
    names = [f"s/slice_{number}.png" for number in range(count)]
    return Dataset.unlabelled(names, root=root)


def test_slices_of_a_stack_become_blocks_of_neighbours(tmp_path):
    dataset = stack(tmp_path)
    blocks = sequence_blocks(dataset, measure(dataset))
    assert (blocks != "").all()
    changes = np.flatnonzero(blocks[1:] != blocks[:-1])
    assert len(np.unique(blocks)) == len(changes) + 1 >= 6  # each in a row
    assert np.unique(blocks, return_counts=True)[1].max() <= 4


def test_images_that_are_numbered_by_chance_are_none(tmp_path):
    dataset = stack(tmp_path, mixed=True)
    assert (sequence_blocks(dataset, measure(dataset)) == "").all()
    assert list(check_sequences(dataset, measure(dataset))) == []


def test_few_images_are_no_sequence(tmp_path):
    dataset = stack(tmp_path, 8)
    assert (sequence_blocks(dataset, measure(dataset)) == "").all()


def test_a_sequence_is_proposed_where_nothing_is_given(tmp_path):
    dataset = stack(tmp_path)
    (finding,) = check_sequences(dataset, measure(dataset))
    assert (finding.check, finding.severity) == ("sequence", "warning")
    assert "whole blocks of neighbours are held out" in finding.remedy


def test_groups_that_are_given_say_it_better(tmp_path):
    from dataclasses import replace

    dataset = stack(tmp_path)
    grouped = replace(dataset, groups=np.array(["a", "b"] * 12))
    assert list(check_sequences(grouped, measure(dataset))) == []


def test_a_split_through_neighbours_leaks(tmp_path):
    from dataclasses import replace

    dataset = stack(tmp_path)
    mixed = replace(dataset, splits=np.array(["train", "train", "test"] * 8))
    (finding,) = check_sequences(mixed, measure(dataset))
    assert (finding.check, finding.severity) == ("sequence_across_splits", "serious")
    assert finding.evidence[0] == "s/slice_2.png = s/slice_1.png"
    whole = replace(dataset, splits=np.array(["train"] * 16 + ["test"] * 8))
    assert list(check_sequences(whole, measure(dataset))) == []


def dealt(tmp_path, folders):
    """The same slices, each moved into one of some folders."""
    dataset = stack(tmp_path, len(folders))
    names = []
    for number, folder in enumerate(folders):
        names.append(f"{folder}/slice_{number}.png")
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / dataset.names[number]).rename(tmp_path / names[-1])
    return Dataset.unlabelled(names, root=tmp_path)


def test_a_film_that_is_dealt_to_folders_is_one_sequence(tmp_path):
    from dataclasses import replace

    parts = ["train", "train", "test"] * 8
    dataset = dealt(tmp_path, parts)
    blocks = sequence_blocks(dataset, measure(dataset))
    assert np.unique(blocks, return_counts=True)[1].tolist() == [4] * 6
    given = replace(dataset, splits=np.array(parts))
    (finding,) = check_sequences(given, measure(given))
    assert finding.check == "sequence_across_splits"
    assert finding.evidence[0] == "test/slice_2.png = train/slice_1.png"


def test_a_film_sorted_into_classes_within_a_split_is_one_sequence(tmp_path):
    dataset = dealt(tmp_path, ["train/a", "test/b", "train/b", "test/a"] * 6)
    assert len(np.unique(sequence_blocks(dataset, measure(dataset)))) == 6


def test_classes_that_are_numbered_one_after_the_other_are_none(tmp_path):
    rng = np.random.default_rng(0)
    names = []
    for number in range(60):
        kind, image = "abc"[number // 20], rng.normal(size=(8, 8))
        base = np.random.default_rng(number // 20).normal(size=(8, 8))
        pixels = (128 + 30 * (2 * base + image)).clip(0, 255).astype(np.uint8)
        (tmp_path / kind).mkdir(exist_ok=True)
        large = Image.fromarray(pixels).resize((64, 64), Image.Resampling.BICUBIC)
        large.save(tmp_path / kind / f"{number:03}.png")
        names.append(f"{kind}/{number:03}.png")
    dataset = Dataset.unlabelled(names, root=tmp_path)
    assert (sequence_blocks(dataset, measure(dataset)) == "").all()


def test_a_camera_that_pans_forth_and_back_makes_a_sequence(tmp_path):
    wide = np.random.default_rng(0).normal(size=(12, 28))
    scene = Image.fromarray((128 + 40 * wide).clip(0, 255).astype(np.uint8))
    scene = scene.resize((448, 192), Image.Resampling.BICUBIC)
    for number in range(120):
        left = 8 * abs(number % 60 - 30)
        scene.crop((left, 0, left + 192, 192)).save(tmp_path / f"frame{number:05}.png")
    names = [f"frame{number:05}.png" for number in range(120)]
    dataset = Dataset.unlabelled(names, root=tmp_path)
    assert (sequence_blocks(dataset, measure(dataset)) != "").all()
