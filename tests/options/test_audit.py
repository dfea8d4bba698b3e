import pytest

from headstart.errors import OptionError
from headstart.options.audit import AuditOptions
from headstart.options.record import build


def test_what_it_takes():
    options = build(AuditOptions, ["run"], {})
    assert (options.data, options.by, options.seed) == (None, None, 0)
    assert build(AuditOptions, ["run", "data"], {"by": "sex,age"}).by == "sex,age"
    with pytest.raises(OptionError, match="audit needs RUN"):
        build(AuditOptions, [], {})


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"repair": "sex"}, "needs -o RUN2"),
        ({"out": "run2"}, "say --repair COLUMN too"),
        ({"attribute_pool": "pool"}, "say that too"),
        ({"label": "sex"}, "--label sex says how DATA are read"),
    ],
)
def test_what_makes_no_sense_together(given, why):
    with pytest.raises(OptionError, match=why):
        build(AuditOptions, ["run"], given)


def test_a_repair_learns_from_the_runs_own_images():
    with pytest.raises(OptionError, match="leave data out"):
        build(AuditOptions, ["run", "data"], {"repair": "sex", "out": "run2"})
