from dataclasses import FrozenInstanceError

import pytest

from headstart.compute import Compute, phase_and_detail, renamed, silent


def test_as_it_is_where_nothing_is_said():
    compute = Compute()
    assert (compute.device, compute.workers, compute.seed) == ("auto", None, 0)
    assert compute.progress is silent
    assert silent("reading images", 1, 2) is None


def test_jobs_keep_their_order_and_are_taken_from_any_iterable():
    assert Compute().map(lambda job: job * job, (k for k in (3, 1, 2))) == [9, 1, 4]
    assert Compute().map(str, []) == []


def test_what_a_job_raises_is_not_swallowed():
    done = []

    def job(number):
        done.append(number)
        return 1 / number

    with pytest.raises(ZeroDivisionError):
        Compute().map(job, [1, 0, 2])
    assert done == [1, 0]


def test_somebody_else_hears_of_it_and_nothing_else_changes():
    told = []
    compute = Compute("cpu", 2, 7)
    other = compute.with_progress(lambda *each: told.append(each))
    other.progress("reading images", 1, 2)
    assert told == [("reading images", 1, 2)]
    assert (other.device, other.workers, other.seed) == ("cpu", 2, 7)
    assert compute.progress is silent
    with pytest.raises(FrozenInstanceError):
        compute.seed = 1


def test_a_phase_is_named_before_it_starts():
    heard = []
    compute = Compute(progress=lambda *given: heard.append(given))
    compute.begin("loading the network")
    assert heard == [("loading the network", 0, 1)]


def test_other_names_keep_what_holds_just_now():
    heard = []
    numbered = renamed(lambda *given: heard.append(given), lambda phase: f"{phase} (2 of 6)")
    numbered("fine-tuning: epoch 1 of 3, loss 0.5", 4, 9)
    numbered("fine-tuning", 9, 9)
    assert heard == [
        ("fine-tuning (2 of 6): epoch 1 of 3, loss 0.5", 4, 9),
        ("fine-tuning (2 of 6)", 9, 9),
    ]
    assert phase_and_detail(heard[0][0]) == ("fine-tuning (2 of 6)", "epoch 1 of 3, loss 0.5")
