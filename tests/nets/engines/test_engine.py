"""Engines: batches in order through every slot, and proof that they give the same."""

from __future__ import annotations

import numpy as np
import pytest

from headstart.errors import BackboneError
from headstart.nets.engines.engine import batched, parity, stream, verify_parity


def test_agreement_sees_direction_length_zeros_and_nan():
    vectors = np.random.default_rng(0).normal(size=(3, 50)).astype(np.float32)
    assert parity(vectors, vectors) == 1
    assert parity(1.1 * vectors, vectors) < 0.996
    other = vectors.copy()
    other[1, :10] *= -1
    cosine = other[1] @ vectors[1] / (vectors[1] @ vectors[1])
    assert parity(other, vectors) == pytest.approx(cosine, abs=1e-6)
    zeros = np.zeros_like(vectors)
    assert parity(zeros, zeros) == 1  # a stage that is dead is dead everywhere
    assert parity(vectors, zeros) < 0
    other[0, 0] = np.nan
    assert parity(other, vectors) == 0
    assert parity(vectors[:, :9], vectors) == 0


def test_every_stage_must_agree():
    reference = np.ones((2, 10), np.float32)
    reference[:, :8] *= 1000
    vectors = reference.copy()
    vectors[1, 9] = -1  # lost beside the first stage, were they compared as one
    assert parity(vectors, reference) > 0.9999
    verify_parity(vectors, reference, precision="fp32", bounds=(0, 8, 9))
    with pytest.raises(BackboneError, match="parity"):
        verify_parity(vectors, reference, precision="bf16", bounds=(0, 8, 10))


class Slots:
    """An engine that adds one, and notes what is asked of it."""

    summary, precision, batch = "adds one", "fp32", 4

    def __init__(self, depth: int) -> None:
        self.depth, self.busy, self.most = depth, {}, 0
        self.log: list[tuple[str, int]] = []

    def start(self, slot: int, images: np.ndarray) -> None:
        assert slot not in self.busy
        assert 0 <= slot < self.depth
        self.busy[slot] = images + 1
        self.most = max(self.most, len(self.busy))
        self.log.append(("start", int(images[0, 0])))

    def finish(self, slot: int) -> np.ndarray:
        found = self.busy.pop(slot)
        self.log.append(("finish", int(found[0, 0]) - 1))
        return found


def numbered(count: int):
    for at in range(count):
        yield f"batch {at}", np.full((2, 3), at, np.float32)


@pytest.mark.parametrize("depth", [1, 2, 5])
@pytest.mark.parametrize("count", [0, 1, 2, 5, 6, 17])
def test_batches_come_back_in_order_through_every_slot(depth, count):
    engine = Slots(depth)
    found = list(stream(engine, numbered(count)))
    assert [tag for tag, _ in found] == [f"batch {at}" for at in range(count)]
    assert [vectors[0, 0] for _, vectors in found] == [at + 1 for at in range(count)]
    assert engine.most == min(depth, count)
    assert engine.busy == {}


def test_no_more_is_begun_than_there_are_slots():
    engine = Slots(2)
    drawn = []

    def batches():
        for tag, images in numbered(10):
            drawn.append(tag)
            yield tag, images

    answers = stream(engine, batches())
    assert drawn == []
    next(answers)
    assert len(drawn) == 3
    next(answers)
    assert len(drawn) == 4
    assert engine.log[:4] == [("start", 0), ("start", 1), ("finish", 0), ("start", 2)]


def test_an_engine_that_fails_says_so_in_its_place():
    engine = Slots(1)
    engine.finish = lambda slot: 1 / 0
    with pytest.raises(ZeroDivisionError):
        list(stream(engine, numbered(2)))


@pytest.mark.parametrize("scale", [1e-12, 1, 1e12])
def test_agreement_does_not_depend_on_the_scale(scale):
    rng = np.random.default_rng(0)
    reference = rng.normal(size=(4, 20))
    vectors = reference + 0.05 * rng.normal(size=(4, 20))
    assert parity(scale * vectors, scale * reference) == pytest.approx(parity(vectors, reference))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_one_number_that_is_none_is_no_agreement(bad):
    reference = np.ones((3, 4), np.float32)
    vectors = reference.copy()
    vectors[2, 3] = bad
    assert parity(vectors, reference) == 0
    with pytest.raises(BackboneError, match=r"parity 0\.00000 with fp32 torch, below 0\.9999"):
        verify_parity(vectors, reference, precision="fp32", bounds=(0, 4))


def test_bf16_is_allowed_more():
    reference = np.random.default_rng(0).normal(size=(3, 200)).astype(np.float32)
    vectors = 1.03 * reference  # 1 - 0.03² / 2
    verify_parity(vectors, reference, precision="bf16", bounds=(0, 200))
    with pytest.raises(BackboneError, match=r"parity 0\.99955"):
        verify_parity(vectors, reference, precision="fp32", bounds=(0, 200))


def test_images_come_in_batches_of_which_the_last_is_smaller():
    images = [(name, np.full((2, 2, 3), i, np.uint8)) for i, name in enumerate("abcde")]
    found = list(batched(images, 2))
    assert [tags for tags, _ in found] == [["a", "b"], ["c", "d"], ["e"]]
    assert [batch[:, 0, 0, 0].tolist() for _, batch in found] == [[0, 1], [2, 3], [4]]
