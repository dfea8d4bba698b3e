import dataclasses

import numpy as np
from tests.confounded import planted

from headstart.auditing.audit import audit_columns
from headstart.auditing.evidence import evidence_of_vectors
from headstart.console.audit import show_audit
from headstart.console.screen import open_screen


def test_verdicts_figures_and_remedies_are_printed(capsys):
    dataset, vectors, clusters = planted(6)
    evidence = evidence_of_vectors(dataset, vectors, clusters)
    columns = dataset.attributes | {"same": np.full(240, "x"), "[bold]": np.tile(["a", "b"], 120)}
    show_audit(audit_columns(evidence, columns, name="run"), open_screen())
    said = capsys.readouterr().out
    assert "serious  95% of young" in said
    assert "→ Gather" in said
    assert "fine     [bold] hardly tells" in said
    assert "same was not asked: it has one value only (x)." in said


def test_nothing_to_ask(capsys):
    dataset, vectors, clusters = planted(6, per_class=20)
    evidence = evidence_of_vectors(dataset, vectors, clusters)
    show_audit(audit_columns(evidence, {}, name="run"), open_screen())
    assert "No column could be asked" in capsys.readouterr().out
    nothing = dataclasses.replace(audit_columns(evidence, {}, name="run"), classes=())
    show_audit(nothing, open_screen())
    assert "No two groups of tested images could be compared." in capsys.readouterr().out
