"""Benchmarks are run by hand and seldom: what they import is there at least."""

from __future__ import annotations

import ast
import importlib
import importlib.util
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parent.parent / "benchmarks"


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.py")), ids=lambda file: file.stem)
def test_what_a_benchmark_imports_is_there(file):
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("headstart"):
            module = importlib.import_module(node.module)
            for alias in node.names:
                there = hasattr(module, alias.name) or importlib.util.find_spec(
                    f"{node.module}.{alias.name}"
                )
                assert there, f"{file.name}, line {node.lineno}: {node.module}.{alias.name}"


def peer(name: str):
    """A peer, which imports what it needs only when it runs."""
    spec = importlib.util.spec_from_file_location(name, FOLDER / "peers" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("images", "asked", "batch"),
    [
        (243, 64, 64), (64, 64, 64), (63, 64, 8), (40, 64, 8), (32, 64, 8), (31, 64, 4),
        (10, 64, 2), (3, 64, 2), (2, 64, 2), (100, 48, 48), (30, 48, 6), (7, 5, 5),
    ],
)  # fmt: skip
def test_fastai_gets_a_batch_that_it_can_fill(images, asked, batch):
    """fastai drops the last, incomplete batch: of fewer images than one it learns from none."""
    found = peer("fastai_fine_tune").batch_for(images, asked)
    assert found == batch
    assert images // found >= 1


@pytest.mark.parametrize("images", [0, 1])
def test_fastai_cannot_train_on_one_image(images):
    with pytest.raises(ValueError, match="two training images"):
        peer("fastai_fine_tune").batch_for(images, 64)


def test_ten_lines_take_the_rounds_of_a_run(tmp_path):
    module = peer("ten_lines")
    table = tmp_path / "items.csv"
    rows = ["a,train,,0,,x", "b,test,1,1,,y", "c,dropped,,1,,y", "d,train,,2,,y", "e,train,,3,,"]
    table.write_text("\n".join(["name,split,fold,cluster,group,label", *rows]) + "\n")
    found = module.rows_of_items(table)
    assert [row[0] for row in found] == ["a", "b", "d"]  # neither a leak nor without a label
    assert module.rounds(found) == [([0, 2], [1])]
    folds = [(str(i), "x", "test", 1 + i % 3) for i in range(6)]
    assert module.rounds(folds) == [
        ([1, 2, 4, 5], [0, 3]), ([0, 2, 3, 5], [1, 4]), ([0, 1, 3, 4], [2, 5]),
    ]  # fmt: skip


def test_ten_lines_take_folders(tmp_path):
    for name in ("train/ant/1.jpg", "train/bee/2.PNG", "test/ant/3.jpg", "test/ant/notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    rows = peer("ten_lines").rows_of_folders(tmp_path)
    assert rows == [
        ("train/ant/1.jpg", "ant", "train", 0),
        ("train/bee/2.PNG", "bee", "train", 0),
        ("test/ant/3.jpg", "ant", "test", 1),
    ]
