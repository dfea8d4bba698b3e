from __future__ import annotations

from headstart.reporting.templates import template


def test_what_is_missing_is_left_out_and_names_are_escaped():
    page = template("checks.html.j2").render(title="<x>", images=1)
    assert "&lt;x&gt;" in page
    assert "1 image" in page
