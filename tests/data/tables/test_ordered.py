import numpy as np
import pytest

from headstart.data.tables.ordered import AmbiguousDates, ordered_cells, parse_dates, places_of


@pytest.mark.parametrize(
    "cells",
    [
        ("2024-03-18", "2024-11-02", "2025-01-01"),
        ("20240318", "20241102", "20250101"),
        ("18.03.2024", "2.11.2024", "1.1.2025"),
        ("18/03/2024", "02/11/2024", "01/01/2025"),
        ("03/18/2024", "11/02/2024", "01/01/2025"),
        ("18 Mar 2024", "2 November 2024", "1-Jan-2025"),
        ("March 18, 2024", "Nov 2nd, 2024", "Jan 1, 2025"),
    ],
)
def test_usual_spellings_are_days(cells):
    found = parse_dates(cells)
    assert np.diff(found).tolist() == [229, 60]


def test_the_time_of_day_counts():
    found = parse_dates(["18.03.2024 06:00", "18.03.2024 18:00:00", "2024-3-18"][:2])
    assert np.diff(found).tolist() == [0.5]


def test_what_may_be_either_is_refused():
    with pytest.raises(AmbiguousDates, match="write 2024-03-18"):
        parse_dates(["03/04/2024", "05/06/2024"])
    assert parse_dates(["03.04.2024", "05.06.2024"]) is not None, "with points the day is first"


@pytest.mark.parametrize(
    "cells", [(), ("red",), ("2024-03-18", "red"), ("31.02.2024",), ("18 Foo 2024",), ("3.5",)]
)
def test_others_are_no_dates(cells):
    assert parse_dates(cells) is None


def test_numbers_have_an_order_too():
    assert ordered_cells(["19,5", "2,25"]).tolist() == [19.5, 2.25]
    assert ordered_cells(["a", "b"]) is None
    cells, places = places_of(np.array([" 19,5", "n/a", "2,25"]))
    assert cells.tolist() == ["19.5", "", "2.25"]
    cells, _ = places_of(np.array(["18.03.2024", "2.11.2024"]))
    assert cells.tolist() == ["2024-03-18", "2024-11-02"], "in order as they are written"
    assert places_of(np.array(["b", "?", "a"]))[0].tolist() == ["b", "", "a"]
    assert places.tolist() == [19.5, 2.25]
    assert places_of(np.array(["03/04/2024", "05/06/2024"]))[1] is None
