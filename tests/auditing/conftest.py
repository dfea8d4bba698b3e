import pytest
from tests.confounded import paint_confounded, planted

from headstart.auditing.audit import audit_columns
from headstart.auditing.evidence import evidence_of_vectors
from headstart.verbs.train import train


@pytest.fixture(scope="session")
def leaning():
    """(evidence, audit) where 6 of 120 images of each class contradict the column."""
    dataset, vectors, clusters = planted(6)
    evidence = evidence_of_vectors(dataset, vectors, clusters)
    return evidence, audit_columns(evidence, dataset.attributes, name="run")


@pytest.fixture(scope="session")
def confounded(tmp_path_factory):
    """(data, run) of images whose tint nearly gives the class away."""
    root = tmp_path_factory.mktemp("confounded")
    data = paint_confounded(root / "data", 4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(root / "cache"))
        run = train(data, out=root / "run", backbone="starter", strategy="probe", baselines="none")
    return data, run
