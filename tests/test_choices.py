"""The words that options may be."""

from __future__ import annotations

import typing

from headstart import choices


def test_every_list_has_words_and_none_twice():
    for name in choices.__all__:
        words = typing.get_args(getattr(choices, name))
        assert len(words) >= 2, name
        assert len(set(words)) == len(words), name


def test_trackers_can_all_be_opened():
    from headstart.training.track import TRACKERS

    assert typing.get_args(choices.TrackerName) == TRACKERS
