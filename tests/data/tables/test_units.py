"""Units behind numbers, and before them."""

from __future__ import annotations

import pytest

from headstart.data.tables.units import are_measured, one_unit, unit_of


@pytest.mark.parametrize(
    ("cells", "texts", "unit", "sure"),
    [
        (["10 mg", "2 mg"], ["10", "2"], "mg", True),
        (["12,5 kg", "7 KG", "8,0 kg."], ["12,5", "7", "8,0"], "kg", True),
        (["34 °C", "-2.5 °C"], ["34", "-2.5"], "°C", True),
        (["5 %", "7%", ""], ["5", "7", ""], "%", True),
        (["1 234 m²", "5 m²"], ["1 234", "5"], "m²", True),
        (["22.1 kg/m2", "25 kg/m2"], ["22.1", "25"], "kg/m2", True),
        (["€ 5,50", "€6,00"], ["5,50", "6,00"], "€", True),
        (["3 Jahre", "4 Jahre", "?"], ["3", "4", "?"], "Jahre", True),
        (["\u22123cm", "4cm"], ["-3", "4"], "cm", True),
        (["12a", "13a"], ["12", "13"], "a", False),
    ],
)
def test_one_unit_is_taken_off_all_numbers(cells, texts, unit, sure):
    found = one_unit(cells)
    assert found is not None
    assert (list(found.texts), found.unit, found.sure) == (texts, unit, sure)


@pytest.mark.parametrize(
    "cells",
    [
        ["10 mg", "2 g"],
        ["10 mW", "2 MW"],
        ["10 mg", "2"],
        ["10", "2"],
        ["kg", "mg"],
        ["", "-"],
        ["ca. 3 kg"],
    ],
)
def test_no_unit_or_several_are_none(cells):
    assert one_unit(cells) is None


def test_what_is_no_number_has_no_unit():
    assert [unit_of(each) for each in ("12 kg", "12", "dog", "a 12 kg", "1.2.3")] == [
        "kg", "", "", "", "",
    ]  # fmt: skip


def test_numbers_of_several_units_are_measured_and_names_are_not():
    assert are_measured(["10 mg", "2 g", "3"])
    assert not are_measured(["12 a", "13 b"])
    assert not are_measured(["10 mg", "dog"])
    assert not are_measured(["1", "2"])
