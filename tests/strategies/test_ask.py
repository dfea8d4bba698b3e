"""What a training is asked for."""

from __future__ import annotations

from tests.strategies.problems import asking


def test_what_took_longer_than_its_budget_says_so(tmp_path):
    with asking(tmp_path, budget=5.0) as ask:
        assert ask.overrun(299.0) == []
        assert ask.overrun(302.0) == [], "5.03 minutes are 5.0 to whoever reads it"
        assert ask.overrun(372.0) == ["Training took 6.2 minutes, more than --budget 5."]
