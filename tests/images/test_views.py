from __future__ import annotations

import pytest

from headstart.images.views import View, views_of


def test_views():
    assert views_of(1) == (View(),)
    assert views_of(2) == (View(), View(flip=True))
    assert [view.position for view in views_of(3)] == [0.0, 0.5, 1.0]
    assert len(set(views_of(6))) == 6
    with pytest.raises(ValueError, match="1, 2, 3 or 6"):
        views_of(4)
