"""Engines: batches in order through every slot, and proof that they give the same."""

from __future__ import annotations

import numpy as np
import pytest

from headstart.errors import BackboneError
from headstart.nets.engine import parity, verify_parity

pytestmark = pytest.mark.usefixtures("one_thread")


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
