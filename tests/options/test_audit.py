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
