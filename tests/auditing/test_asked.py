import dataclasses
from datetime import datetime

from headstart.auditing.asked import PARTS, asked_now
from headstart.auditing.audit import Audit


def test_a_part_is_measured_now_and_the_same_way_with_the_same_seed():
    now = asked_now(3)
    assert abs((datetime.now().astimezone() - datetime.fromisoformat(now.when)).seconds) < 120
    assert now.same_way(dataclasses.replace(now, when="", kept=True))
    assert not now.same_way(asked_now(4))
    assert not now.same_way(dataclasses.replace(now, version="other"))


def test_parts_are_fields_of_an_audit():
    fields = {each.name for each in dataclasses.fields(Audit)}
    assert {name for names in PARTS.values() for name in names} < fields
