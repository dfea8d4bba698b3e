"""Small sets of images that lists and tables speak of, made by the tests themselves."""

from __future__ import annotations

from pathlib import Path

from tests.data.drawn_sets import noise, write

BIRDS = ("001.Albatross", "002.Auklet")


def cub(root: Path, each: int = 4) -> Path:
    """CUB-200's folders and lists, of two classes; every other image is to be trained on."""
    lists: dict[str, list[str]] = {
        name: [] for name in ("images", "image_class_labels", "train_test_split", "bounding_boxes")
    }
    for number in range(1, 1 + 2 * each):
        kind = (number - 1) // each
        path = f"{BIRDS[kind]}/bird_{number}.jpg"
        write(root / "images" / path, noise(number))
        lists["images"].append(f"{number} {path}")
        lists["image_class_labels"].append(f"{number} {kind + 1}")
        lists["train_test_split"].append(f"{number} {number % 2}")
        lists["bounding_boxes"].append(f"{number} 4.0 5.0 {10.0 + number} 12.0")
    lists["classes"] = [f"{at} {name}" for at, name in enumerate(BIRDS, start=1)]
    for name, lines in lists.items():
        (root / f"{name}.txt").write_text("\n".join(lines) + "\n")
    return root


def classes(root: Path, each: int = 4, names: tuple[str, ...] = ("apple", "sushi")) -> Path:
    """images/apple/0.jpg and so on."""
    for at, name in enumerate(names):
        for number in range(each):
            write(root / f"images/{name}/{name[0]}{number}.jpg", noise(20 * at + number))
    return root


def tabled(root: Path, rows: list[str], *, name: str = "t.csv", files: str = "images") -> Path:
    """Images 0.jpg to 5.jpg in a folder, and a table."""
    for number in range(6):
        write(root / files / f"im{number}.jpg", noise(number))
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text("\n".join(rows) + "\n")
    return root
