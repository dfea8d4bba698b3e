"""`extract`: every vector is computed once, and what is in the cache is what would be computed."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from timm.models import save_for_hf

from headstart.data.dataset import Dataset
from headstart.data.open import open_dataset
from headstart.errors import DataError
from headstart.features.extract import Features, extract
from headstart.images import store as stores
from headstart.images.preprocess import Preprocess
from headstart.images.store import cache_folder
from headstart.nets.pretrained.backbone import Backbone, open_backbone

SIZE = 32


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    network = timm.create_model("test_resnet", num_classes=2)
    network.pretrained_cfg["input_size"] = (3, SIZE, SIZE)
    place = tmp_path_factory.mktemp("backbone")
    save_for_hf(network, place, safe_serialization=True)
    return place


@pytest.fixture
def backbone(weights: Path) -> Backbone:
    return open_backbone(str(weights))


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    """On a busy machine torch's threads, which wait by spinning, are sixty times slower."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # for the processes that tests start
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def data(make_images) -> Dataset:
    return open_dataset(make_images(size=SIZE))


def same(one: np.ndarray, other: np.ndarray) -> None:
    """Batches of other sizes may add in another order, no more."""
    np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4)


def forget() -> None:
    shutil.rmtree(cache_folder())


def feature_shards() -> list[Path]:
    return sorted((cache_folder() / "features").rglob("*.shard"))


def test_vectors_are_those_of_the_network(data, backbone):
    features = extract(data, backbone)
    pixels = np.stack([np.asarray(Image.open(data.path(i))) for i in range(len(data))])
    pool = backbone.pool(backbone.preprocess)
    with torch.inference_mode():
        expected = pool(torch.from_numpy(pixels)).numpy()
    same(features.vectors, expected)
    assert features.vectors.dtype == np.float32
    assert features.computed == len(data)
    assert features.slices == backbone.info.slices
    assert features.slices["last"].stop == features.vectors.shape[1]
    assert features.stats.readable.all()
    np.testing.assert_array_equal(features.take(np.array([3, 1])), features.vectors[[3, 1]])


def test_adding_ten_images_computes_ten(data, backbone, make_images):
    before = extract(data, backbone)
    more = make_images("more", classes=1, per_class=10, size=SIZE, splits=("x", "y"))
    for number, file in enumerate(sorted((more / "y" / "class_a").iterdir())):
        shutil.copy(file, data.root / "class_b" / f"5-new{number}.png")
    grown = open_dataset(data.root)
    after = extract(grown, backbone)
    assert len(grown) == len(data) + 10
    assert after.computed == 10
    old = [grown.names.index(name) for name in data.names]
    np.testing.assert_array_equal(after.vectors[old], before.vectors)
    forget()
    same(after.vectors, extract(grown, backbone).vectors)


def test_second_call_computes_nothing_and_gives_the_same(data, backbone):
    first = extract(data, backbone)
    second = extract(data, backbone)
    assert second.computed == 0
    assert "cache" in second.engine
    np.testing.assert_array_equal(second.vectors, first.vectors)
    np.testing.assert_array_equal(second.stats.dhashes, first.stats.dhashes)


def test_same_content_under_two_names(data, backbone):
    shutil.copy(data.path(0), data.root / "class_c" / "copy.png")
    doubled = open_dataset(data.root)
    copy = doubled.names.index("class_c/copy.png")
    features = extract(doubled, backbone)
    same(features.vectors[copy], features.vectors[0])
    assert extract(doubled, backbone).computed == 0
    data.path(0).rename(data.root / "class_a" / "renamed.png")
    assert extract(open_dataset(data.root), backbone).computed == 0


def test_another_file_under_the_same_name_is_computed(data, backbone):
    before = extract(data, backbone)
    Image.new("RGB", (SIZE, SIZE), (10, 200, 30)).save(data.path(4))
    after = extract(data, backbone)
    assert after.computed == 1
    assert not np.allclose(after.vectors[4], before.vectors[4])
    np.testing.assert_array_equal(np.delete(after.vectors, 4, 0), np.delete(before.vectors, 4, 0))


@pytest.mark.parametrize(
    "change", [{"size": 48}, {"mean": (0.1, 0.2, 0.3)}, {"geometry": "pad"}, {"tta": 2}]
)
def test_another_recipe_shares_nothing(data, backbone, change):
    extract(data, backbone)
    tta = change.pop("tta", 1)
    preprocess = Preprocess(**{"size": SIZE, **change})
    assert extract(data, backbone, preprocess=preprocess, tta=tta).computed == len(data)
    control = backbone.randomised(5)
    assert extract(data, control).computed == len(data)
    assert extract(data, control).computed == 0


def test_two_views_are_the_mean_of_plain_and_mirrored(data, backbone):
    mirrored = shutil.copytree(data.root, data.root.with_name("mirrored"))
    for file in mirrored.rglob("*.png"):
        Image.open(file).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(file)
    plain = extract(data, backbone).vectors
    turned = extract(open_dataset(mirrored), backbone).vectors
    both = extract(data, backbone, tta=2)
    same(both.vectors, (plain + turned) / 2)
    assert not np.allclose(plain, turned, rtol=1e-3, atol=1e-4)
    np.testing.assert_array_equal(extract(data, backbone, tta=2).vectors, both.vectors)


def test_six_views_are_the_mean_of_three_crops_and_their_mirrors(make_images, backbone):
    root = make_images("wide", classes=2, per_class=3, size=SIZE)
    wide = Preprocess(SIZE, "crop", crop_pct=1.0)
    parts = [root.with_name(f"part{i}") for i in range(6)]
    for number, file in enumerate(sorted(root.rglob("*.png"))):
        rng = np.random.default_rng(number)
        image = Image.fromarray(rng.integers(0, 256, (SIZE, 2 * SIZE, 3), dtype=np.uint8))
        image.save(file)
        for part, place in enumerate(parts):
            left = (part % 3) * SIZE // 2
            cut = image.crop((left, 0, left + SIZE, SIZE))
            cut = cut.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if part > 2 else cut
            (place / file.parent.name).mkdir(parents=True, exist_ok=True)
            cut.save(place / file.parent.name / file.name)
    whole = extract(open_dataset(root), backbone, preprocess=wide, tta=6)
    each = [extract(open_dataset(place), backbone, preprocess=wide).vectors for place in parts]
    same(whole.vectors, np.mean(each, axis=0))


def test_unreadable_images_are_errors_and_zero(data, backbone):
    data.path(5).write_bytes(b"broken")
    for _ in range(2):
        features = extract(data, backbone)
        assert list(features.stats.errors) == [5]
        assert not features.vectors[5].any()
        assert np.delete(features.vectors, 5, 0).any(axis=1).all()
    assert features.computed == 0


def test_nothing_readable(data, backbone):
    for index in range(len(data)):
        data.path(index).write_bytes(b"broken")
    with pytest.raises(DataError, match=r"no image under .* can be read; the first"):
        extract(data, backbone)


def test_a_cache_that_cannot_be_written(data, backbone, monkeypatch, tmp_path):
    expected = extract(data, backbone).vectors
    (tmp_path / "file").touch()
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "file"))
    fresh = open_backbone(str(backbone.source.path))
    for _ in range(2):
        features = extract(data, fresh)
        assert features.computed == len(data)
        same(features.vectors, expected)


# --- damage, death and company ------------------------------------------------------------------


def test_damaged_shard_is_computed_again(data, backbone):
    first = extract(data, backbone)
    [shard] = feature_shards()
    content = bytearray(shard.read_bytes())
    content[-5] ^= 1  # in the last vector
    shard.write_bytes(content)
    again = extract(data, backbone)
    assert again.computed == 1
    same(again.vectors, first.vectors)
    for shard in feature_shards():
        shard.write_bytes(shard.read_bytes()[:-3])
    again = extract(data, backbone)
    assert again.computed == len(data)
    same(again.vectors, first.vectors)


def test_interrupted_work_is_kept(data, backbone):
    class Interrupt(Exception):
        pass

    def impatient(phase: str, done: int, total: int) -> None:
        if done == len(data):
            raise Interrupt

    with pytest.raises(Interrupt):
        extract(data, backbone, progress=impatient)
    rest = extract(data, backbone)
    assert 0 < rest.computed < len(data)


WORK = """
import sys
import numpy as np
from headstart.images import store
from headstart.data.open import open_dataset
from headstart.features.extract import extract
from headstart.nets.pretrained.backbone import open_backbone
folder, weights, result, shard = sys.argv[1:]
store._SHARD_BYTES = int(shard)
print("go", flush=True)
features = extract(open_dataset(folder), open_backbone(weights))
np.save(result, features.vectors)
print(features.computed, sorted({"torch", "timm", "openvino"} & set(sys.modules)), flush=True)
"""


def start(data: Dataset, backbone: Backbone, result: Path, shard: int = 1 << 26):
    arguments = [data.root, backbone.source.path, result, shard]
    return subprocess.Popen(
        [sys.executable, "-c", WORK, *map(str, arguments)],
        stdout=subprocess.PIPE, text=True, env=dict(os.environ),
    )  # fmt: skip


def finish(process: subprocess.Popen) -> str:
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    return said.splitlines()[-1]


def test_warm_cache_needs_no_torch(data, backbone, tmp_path):
    features = extract(data, backbone)
    assert finish(start(data, backbone, tmp_path / "v.npy")) == "0 []"
    np.testing.assert_array_equal(np.load(tmp_path / "v.npy"), features.vectors)


def test_kill_in_the_middle(make_images, backbone, tmp_path):
    data = open_dataset(make_images("many", classes=3, per_class=60, size=SIZE))
    extract(data.take(np.arange(1)), backbone)  # so that only the images remain to be done
    for moment in random.Random(0).sample(range(2, 12), 2):
        process = start(data, backbone, tmp_path / "never.npy", shard=4000)
        process.stdout.readline()
        # Dies somewhere after so many shards are written; each holds one or two vectors.
        wanted = len(feature_shards()) + moment
        while len(feature_shards()) < wanted and process.poll() is None:
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    features = extract(data, backbone)
    assert 0 < features.computed < len(data)
    forget()
    same(features.vectors, extract(data, backbone).vectors)


def test_two_processes_at_once_agree(data, backbone, tmp_path):
    processes = [start(data, backbone, tmp_path / f"{i}.npy", shard=4000) for i in range(2)]
    for process in processes:
        finish(process)
    first, second = (np.load(tmp_path / f"{i}.npy") for i in range(2))
    same(first, second)
    features = extract(data, backbone)
    assert features.computed == 0
    same(features.vectors, first)


def test_shards_written_on_the_way_serve_the_same_call(data, backbone, monkeypatch):
    monkeypatch.setattr(stores, "_SHARD_BYTES", 4000)
    features = extract(data, backbone)
    assert isinstance(features, Features)
    assert len(feature_shards()) > 5
    np.testing.assert_array_equal(extract(data, backbone).vectors, features.vectors)
