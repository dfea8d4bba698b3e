"""Which way a task is trained: of every task there is, and of those that there are not yet."""

from __future__ import annotations

import subprocess
import sys

import pytest

from headstart.strategies.train_classes import train_classes
from headstart.strategies.ways import OWN_WAY, recipe_of, way_of
from headstart.tasks import TASKS
from headstart.tasks.identity.recipe import MetricRecipe
from headstart.training.schedule import Recipe


@pytest.mark.parametrize("task", sorted({*TASKS, "lamp"} - OWN_WAY))
def test_class_by_class_unless_it_is_said(task):
    assert way_of(task) is train_classes
    assert recipe_of(task) == Recipe()


def test_identities_have_their_own():
    from headstart.strategies.train_identities import train_identities

    assert way_of("identity") is train_identities
    assert recipe_of("identity") == MetricRecipe()


def test_only_tasks_that_there_are_have_a_way():
    assert set(TASKS) >= OWN_WAY


def test_torch_is_not_imported_before_it_is_needed():
    code = (
        "import sys; from headstart.strategies.ways import recipe_of, way_of; "
        "way_of('classification'); recipe_of('identity'); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
