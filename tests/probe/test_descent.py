"""Problems are solved side by side, each as it would be alone."""

from __future__ import annotations

import torch

from headstart.probe.descent import descend


def bowls(at: torch.Tensor, steep: torch.Tensor):
    """Quadratic bowls, far steeper one way than another, that count what they are asked."""
    calls = []

    def objective(point):
        calls.append(1)
        away = point - at
        return (steep * away**2).sum(1) / 2, steep * away

    return objective, calls


def test_each_problem_ends_where_it_is_least():
    at = torch.tensor([[3.0, -2.0, 1.0], [0.0, 5.0, -4.0]])
    objective, calls = bowls(at, torch.tensor([[1.0, 100.0, 1e4], [0.01, 1.0, 3.0]]))
    found = descend(objective, torch.zeros(2, 3), tolerance=1e-6)
    assert torch.allclose(found, at, atol=1e-2)
    assert len(calls) < 120


def test_a_problem_that_is_done_stays_and_does_not_disturb_the_other():
    at = torch.tensor([[0.0, 0.0], [4.0, -3.0]])
    objective, _ = bowls(at, torch.tensor([[1.0, 1.0], [1.0, 50.0]]))
    found = descend(objective, torch.zeros(2, 2))
    assert (found[0] == 0).all()
    assert torch.allclose(found[1], at[1], atol=1e-2)


def test_what_is_not_finite_further_on_is_stepped_back_from():
    def cliff(point):
        value = torch.where(point[:, 0] < 1.5, (point[:, 0] - 1) ** 2, torch.inf)
        return value, 2 * (point - 1) * 10

    found = descend(cliff, torch.full((1, 1), -3.0), steps=30)
    assert torch.isfinite(found).all()
    assert float(found[0, 0]) < 1.5


def test_no_step_asks_for_torchs_compiler():
    import subprocess
    import sys

    code = (
        "import sys, torch; from headstart.probe.descent import descend; "
        "descend(lambda p: ((p**2).sum(1), 2 * p), torch.ones(1, 2)); "
        "sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
