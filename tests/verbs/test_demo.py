import pytest

from headstart import samples
from headstart.errors import OutputError
from headstart.verbs import demo as module


@pytest.fixture
def few(monkeypatch):
    """The sample data of three digits, twelve each: the way is the same, and shorter."""

    real = samples.write_digits

    def write(folder):
        real(folder)
        for place in sorted(folder.iterdir()):
            for path in sorted(place.iterdir())[12:] if place.name < "3" else place.iterdir():
                path.unlink()
            if place.name >= "3":
                place.rmdir()

    monkeypatch.setattr(samples, "write_digits", write)


def test_the_whole_path(few, tmp_path):
    out = tmp_path / "demo"
    result = module.demo(out=out)
    assert {path.name for path in out.iterdir()} == {"digits", "run"}
    assert result.checkup.images == 36
    assert result.run.report.is_file()
    assert result.evaluation.test["accuracy"].value > 0.5
    assert len(result.predictions.names) == 3
    with pytest.raises(OutputError, match="--overwrite"):
        module.demo(out=out)


def test_a_taken_folder_is_left_alone(tmp_path):
    (tmp_path / "letter.txt").write_text("precious")
    with pytest.raises(OutputError, match=r"letter\.txt"):
        module.demo(out=tmp_path, overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]
