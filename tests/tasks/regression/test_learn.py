"""Numbers are learnt as ranges: what is learnt so decodes to the numbers again."""

from __future__ import annotations

import numpy as np
import torch

from headstart.data.labels import Numbers
from headstart.tasks import learner_of, task_of
from headstart.tasks.protocol import Places
from headstart.training.schedule import Recipe

COUNT = 120


def test_a_head_learns_numbers():
    rng = np.random.default_rng(0)
    numbers = rng.uniform(10, 70, COUNT)
    # As a network would see them: near numbers look alike, and nothing is certain.
    vectors = np.stack([np.cos(numbers / 20), np.sin(numbers / 20), rng.normal(0, 1, COUNT)], 1)
    vectors = torch.from_numpy(vectors).float()
    task, learner = task_of("regression"), learner_of("regression")
    target = task.encode(Numbers("age", numbers), np.arange(COUNT))
    classes, count = torch.from_numpy(target.classes), len(target.spec.names)
    recipe = Recipe(label_smoothing=0.0, balance="none")
    torch.manual_seed(0)
    head = learner.head(3, count)
    loss = learner.loss(recipe, target.classes, n_classes=count)
    optimiser = torch.optim.Adam(head.parameters(), lr=0.2)
    watched = []
    for _ in range(150):
        losses = loss(head(vectors), classes)
        assert losses.shape == (COUNT,)
        watched.append(float(learner.correct(head(vectors), classes)["accuracy"].float().mean()))
        optimiser.zero_grad()
        losses.mean().backward()
        optimiser.step()
    assert watched[-1] > watched[0] + 0.2
    outputs = {"probabilities": head(vectors).softmax(1).detach().numpy()}
    found = task.decode(outputs, target.spec, Places(tuple(map(str, range(COUNT))), {}))
    missed = np.abs(np.asarray(found.answers(), float) - numbers)
    assert np.median(missed) < 6, "a range is some ten years wide"


def test_a_batch_has_the_ranges_of_its_items():
    numbers = np.linspace(1, 90, 60)
    target = task_of("regression").encode(Numbers("age", numbers), np.arange(60))
    plan = learner_of("regression").batches(
        target.classes, Recipe(batch=8), 0, n_classes=len(target.spec.names)
    )
    found = plan.targets.collate(np.array([59, 0]), [None, None]).tolist()
    assert found == [len(target.spec.names) - 1, 0]
