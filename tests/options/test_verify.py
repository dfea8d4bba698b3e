"""Options of `verify`."""

from __future__ import annotations

import pytest

from headstart.errors import OptionError
from headstart.options.verify import VerifyOptions


@pytest.mark.parametrize(
    "given",
    [
        {"photos": ["a", "b", "c"]},
        {"photos": []},
        {"photos": ["a", "b"], "label": "person"},
        {"photos": ["a", "b"], "out": "page.html"},
    ],
)
def test_two_photos_or_one_folder(given):
    with pytest.raises(OptionError, match="two photos, or one folder"):
        VerifyOptions(gallery="g", **given)


def test_what_can_be_asked():
    assert VerifyOptions(gallery="g", photos=["a", "b"]).photos == ("a", "b")
    assert VerifyOptions(gallery="g", photos=["a"], out="page.html").photos == ("a",)
    assert VerifyOptions(gallery="g", photos="a", label="person").label == "person"
