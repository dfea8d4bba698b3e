import shutil

import numpy as np
import pytest
from tests.confounded import paint_confounded

from headstart.auditing.pool import open_pool, refuse_confounded
from headstart.compute import Compute
from headstart.data.open import open_dataset
from headstart.errors import DataError
from headstart.nets.model import Model


def test_values_come_from_a_column_or_from_folders(confounded, tmp_path):
    _, run = confounded
    model = Model.load(run.folder)
    fair = paint_confounded(tmp_path / "fair", 30, seed=6)
    by_column = open_pool(open_dataset(fair), "tint", ("blue", "red"), model, Compute())
    assert np.bincount(by_column.values).tolist() == [60, 60]
    assert by_column.vectors.shape == (120, len(model.head.columns))
    (fair / "attributes.csv").unlink()
    for kind, name in (("dull", "blue"), ("bright", "red")):
        shutil.move(fair / kind, fair / name)
    by_folder = open_pool(open_dataset(fair), "tint", ("blue", "red"), model, Compute())
    assert np.bincount(by_folder.values).tolist() == [60, 60]
    with pytest.raises(DataError, match="neither a column sex nor folders called man, woman"):
        open_pool(open_dataset(fair), "sex", ("man", "woman"), model, Compute())
    with pytest.raises(DataError, match="only 0 images with tint green"):
        open_pool(open_dataset(fair), "tint", ("blue", "red", "green"), model, Compute())


def test_a_pool_with_the_same_confound_is_refused_and_a_fair_one_is_not():
    rng = np.random.default_rng(0)
    targets = np.repeat([0, 1], 200)
    has = targets.astype(bool).copy()
    has[:10], has[-10:] = True, False
    scores = rng.normal(size=400) + 3 * targets + has
    models = np.zeros(400, int)

    def asked(kinds, value):
        refuse_confounded(
            rng.normal(size=len(kinds)) + 3 * kinds + value, value, scores, has, targets, models
        )

    asked(rng.integers(0, 2, 300), rng.integers(0, 2, 300).astype(bool))
    with pytest.raises(DataError, match="take the class away"):
        asked(targets, targets.astype(bool))
