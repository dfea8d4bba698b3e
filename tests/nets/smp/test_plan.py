"""What describes a decoder of segmentation-models-pytorch, and what does not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.nets.smp_maps import KINDS, plan_of

from headstart.nets.smp.plan import SmpPlan


def test_stages_are_those_that_a_decoder_is_meant_for():
    assert plan_of("unet").stages == (0, 1, 2, 3, 4)
    assert plan_of("unet", first=1).stages == (0, 1, 2, 3)
    assert plan_of("deeplabv3plus").stages == (0, 1, 2, 3)  # up to stride 16
    assert SmpPlan.over("fpn", (3,) * 6, (1, 2, 4, 8, 16, 32), 2).stages == (1, 2, 3, 4, 5)
    assert {kind: plan_of(kind).stride for kind in KINDS} == {
        "unet": 1, "unetplusplus": 1, "manet": 1, "linknet": 1, "fpn": 4, "pan": 4,
        "deeplabv3plus": 4, "upernet": 4, "segformer": 4,
    }  # fmt: skip
    assert all(plan_of(kind, first=at).fault() is None for kind in KINDS for at in (0, 1))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": "psp"}, "no decoder called 'psp'"),
        ({"stages": (9,)}, "not among"),
        ({"stages": (2, 3, 4)}, "strides 2, 4, 8, 16, 32 px, and its own are at (8, 16, 32)"),
        ({"strides": (2, 4, 8, 16, 16)}, "its own are at (2, 4, 8, 16, 16)"),
    ],
)
def test_what_describes_no_decoder_is_refused(change, said):
    assert said in replace(plan_of("unet"), **change).fault()


def test_a_plain_transformer_has_no_maps_to_join():
    assert "and its own are at (16, 16, 16, 16)" in SmpPlan.over(
        "fpn", (8,) * 4, (16,) * 4, 2
    ).fault()  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "size", "said"),
    [
        ("pan", 224, "less than 256 px"), ("unet", 250, "no multiple of 32"),
        ("deeplabv3plus", 248, "no multiple of 16"), ("pan", 256, None), ("unet", 64, None),
        ("deeplabv3plus", 240, None),
    ],
)  # fmt: skip
def test_inputs_that_it_cannot_learn_from(kind, size, said):
    found = plan_of(kind).misfit(size)
    assert found is None if said is None else said in found
