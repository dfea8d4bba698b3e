"""Lists beside class folders give the split; nothing is drawn by lot where they do."""

from __future__ import annotations

from tests.data.drawn_sets import noise, write
from tests.data.listed_sets import BIRDS, classes, cub

from headstart.data.open import open_dataset


def test_the_split_of_cub_is_taken_and_said(tmp_path):
    for place in (cub(tmp_path), tmp_path / "images"):  # the lists lie beside it
        dataset = open_dataset(place, task="auto")
        assert dataset.labels.names == BIRDS
        assert dataset.splits.tolist() == ["train", "test"] * 4
        assert dataset.reading["splits"] == "by train_test_split.txt (test 4, train 4)"
    assert not (open_dataset(tmp_path, split="none").splits != "").any()


def test_classes_too_where_images_lie_in_one_folder(tmp_path):
    cub(tmp_path)
    for path in sorted(tmp_path.rglob("*.jpg")):
        path.rename(tmp_path / "images" / path.name)
    for name in BIRDS:
        (tmp_path / "images" / name).rmdir()
    dataset = open_dataset(tmp_path)
    assert dataset.labels.names == BIRDS
    assert dataset.labelled.all()


def listed(root, **lists):
    for name, lines in lists.items():
        path = root / "meta" / f"{name}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text("\n".join(lines) + "\n")
    return open_dataset(root)


def test_one_list_for_each_split(tmp_path):
    paths = [f"{name}/{name[0]}{n}" for name in ("apple", "sushi") for n in range(4)]
    train = [p for p in paths if p[-1] in "01"]
    test = [f"{p}.jpg" for p in paths if p[-1] == "2"]
    dataset = listed(classes(tmp_path), train=train, test=test)
    assert dataset.splits.tolist() == ["train", "train", "test", ""] * 2
    assert dataset.reading["splits"] == "by meta/test.txt, meta/train.txt (test 2, train 4)"
    assert (".", "2 images on no list of a split") in dataset.set_aside


def test_a_list_of_the_test_alone(tmp_path):
    dataset = listed(classes(tmp_path), test=["apple/a0.jpg", "sushi/s0.jpg"])
    assert dataset.splits.tolist() == ["test", "train", "train", "train"] * 2


def test_several_lists_of_one_split_are_told_and_not_taken(tmp_path):
    one, other = ["apple/a0", "sushi/s0"], ["apple/a1", "sushi/s1"]
    dataset = listed(classes(tmp_path), train1=one, test1=other, train2=other, test2=one)
    assert not (dataset.splits != "").any()
    assert "split the images in several ways" in dataset.reading["splits"]


def test_lists_of_other_things_say_nothing(tmp_path):
    dataset = listed(classes(tmp_path), train=["x/1", "x/2"], test=["notes on the test"])
    assert "splits" not in dataset.reading


def test_a_folder_of_lists_is_none_of_boxes(tmp_path):
    classes(tmp_path)
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels/train1.txt").write_text("apple/a0.jpg\nsushi/s0.jpg\n")
    (tmp_path / "labels/test1.txt").write_text("apple/a1.jpg\nsushi/s1.jpg\n")
    assert open_dataset(tmp_path).splits.tolist() == ["train", "test", "", ""] * 2


def test_folders_of_splits_go_before(tmp_path):
    for split in ("train", "test"):
        for name in ("a", "b"):
            write(tmp_path / split / name / "1.jpg", noise(1))
    (tmp_path / "test.txt").write_text("train/a/1.jpg\n")
    assert open_dataset(tmp_path).splits.tolist() == ["test", "test", "train", "train"]


def test_the_last_word_of_each_line_is_the_class(tmp_path):
    for n in range(6):
        write(tmp_path / f"val/x_{n}.jpg", noise(n))
    (tmp_path / "val.txt").write_text("".join(f"x_{n}.jpg {n % 2}\n" for n in range(6)))
    dataset = open_dataset(tmp_path, task="auto")
    assert dataset.labels.targets.tolist() == [0, 1] * 3
    assert dataset.reading["labels"] == "what stands beside the path in each line of val.txt"
    (tmp_path / "other.txt").write_text("".join(f"x_{n}.jpg {n % 3}\n" for n in range(6)))
    assert not open_dataset(tmp_path, task="auto").labelled.any()  # which of them?


def test_a_list_of_classes_for_each_split(tmp_path):
    for n in range(12):
        write(tmp_path / f"images/my x {n}.jpg", noise(n))
    for name, some in (("train", range(8)), ("test", range(8, 12))):
        text = "".join(f"images/my x {n}.jpg,{'ab'[n % 2]}\n" for n in some)
        (tmp_path / f"{name}.txt").write_text(text)
    dataset = open_dataset(tmp_path)
    assert dataset.labels.names == ("a", "b")
    assert (dataset.splits == "train").sum() == 8
    assert (dataset.splits == "test").sum() == 4


def test_a_list_of_partitions_is_no_list_of_one_split(tmp_path):
    for n in range(12):
        write(tmp_path / f"img_align/{n:03d}.jpg", noise(n))
    (tmp_path / "list_eval_partition.txt").write_text(
        "".join(f"{n:03d}.jpg {n // 6 + n // 9}\n" for n in range(12))
    )
    (tmp_path / "identity.txt").write_text("".join(f"{n:03d}.jpg {n % 3}\n" for n in range(12)))
    dataset = open_dataset(tmp_path, task="identity")
    assert dataset.splits.tolist() == ["train"] * 6 + ["val"] * 3 + ["test"] * 3
    assert "0 is train, 1 val and 2 test" in dataset.reading["splits"]
    assert len(dataset.labels.names) == 3


def test_lists_beside_the_folder_of_images(tmp_path):
    listed(classes(tmp_path), test=["apple/a0", "sushi/s0"])
    dataset = open_dataset(tmp_path / "images")
    assert dataset.splits.tolist() == ["test", "train", "train", "train"] * 2
    assert dataset.reading["splits"] == "by ../meta/test.txt (test 2, train 6)"


def test_a_list_of_everything_tells_no_split(tmp_path):
    every = [f"{name}/{name[0]}{n}" for name in ("apple", "sushi") for n in range(4)]
    assert not (listed(classes(tmp_path), test=every).splits != "").any()


def test_several_families_of_classes_are_not_chosen_from(tmp_path):
    for n in range(6):
        write(tmp_path / f"images/{n:03}.jpg", noise(n))
    for what, names in (("family", ("Boeing 707", "A310")), ("maker", ("Boeing", "Airbus"))):
        text = "".join(f"{n:03} {names[n % 2]}\n" for n in range(6))
        (tmp_path / f"images_{what}.txt").write_text(text)
    assert not open_dataset(tmp_path, task="auto").labelled.any()
    (tmp_path / "images_maker.txt").unlink()
    assert open_dataset(tmp_path, task="auto").labels.names == ("A310", "Boeing 707")


def test_numbers_of_places_are_no_classes(tmp_path):
    for n in range(6):
        write(tmp_path / f"images/{n:03}.jpg", noise(n))
    (tmp_path / "list_bbox.txt").write_text("".join(f"{n:03}.jpg 5 6 {n % 2}\n" for n in range(6)))
    assert not open_dataset(tmp_path).labelled.any()


def test_the_path_may_stand_last(tmp_path):
    for number in range(6):
        write(tmp_path / "images" / f"im{number}.jpg", noise(number))
    lines = "".join(f"{'ab'[n % 2]} im{n}.jpg\n" for n in range(6))
    (tmp_path / "labels.txt").write_text(lines)
    dataset = open_dataset(tmp_path)
    assert [dataset.labels.text(row) for row in range(6)] == list("ababab")
