"""`Run`: a folder that is there whole or not at all, and what it says of itself."""

from __future__ import annotations

import json
import os
import stat
import sys
import threading
import time
from pathlib import Path

import pytest

from headstart.errors import ModelError, OutputError
from headstart.output import check_output, hold, new_folder, read_json, write_atomic
from headstart.records import Estimate, to_json
from headstart.run import Run, new_run

ROOT = not hasattr(os, "geteuid") or os.geteuid() == 0
not_root = pytest.mark.skipif(ROOT, reason="root may write all")


def finished(folder: Path, **more: object) -> Run:
    """A run with the least that one holds."""
    with new_run(folder, overwrite=True) as run:
        results = {
            "format": 2,
            "task": "classification",
            "primary": "accuracy",
            "evaluation": {"kind": "split", "summary": "on 50 <test> images"},
            "test": {"accuracy": Estimate(0.9, 0.8, 0.95, 50, "Wilson 95%")},
        } | more
        run.metrics.write_text(to_json(results))
    return Run.open(folder)


def left_behind(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("."))


def test_it_stands_there_when_all_went_well(tmp_path):
    with new_run(tmp_path / "run", overwrite=False) as run:
        assert not (tmp_path / "run").exists()
        assert run.folder.parent == tmp_path
        run.metrics.write_text("{}")
    assert Run.open(tmp_path / "run").metrics.is_file()
    assert left_behind(tmp_path) == []
    assert stat.S_IMODE((tmp_path / "run").stat().st_mode) == 0o755


def broken_off(folder: Path, error: type[BaseException]) -> None:
    """A run that is ended by something else on its way."""
    with new_run(folder, overwrite=True) as run:
        run.metrics.write_text("broken")
        raise error


def test_nothing_stands_there_when_something_went_wrong(tmp_path):
    with pytest.raises(ZeroDivisionError):
        broken_off(tmp_path / "run", ZeroDivisionError)
    assert list(tmp_path.iterdir()) == []


def test_the_earlier_run_survives_what_went_wrong(tmp_path):
    finished(tmp_path / "run")
    with pytest.raises(KeyboardInterrupt):
        broken_off(tmp_path / "run", KeyboardInterrupt)
    assert Run.open(tmp_path / "run").primary.value == 0.9
    assert left_behind(tmp_path) == []


def test_a_new_run_replaces_all_of_the_old(tmp_path):
    finished(tmp_path / "run")
    (tmp_path / "run" / "old.txt").write_text("x")
    with new_run(tmp_path / "run", overwrite=True) as run:
        run.metrics.write_text("{}")
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["metrics.json"]


def test_parents_are_made(tmp_path):
    with new_run(tmp_path / "a" / "b" / "run", overwrite=False) as run:
        run.metrics.write_text("{}")
    assert (tmp_path / "a" / "b" / "run" / "metrics.json").is_file()


def test_a_relative_place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with new_run(Path("läuft"), overwrite=False) as run:
        run.metrics.write_text("{}")
    assert (tmp_path / "läuft" / "metrics.json").is_file()


def test_an_empty_folder_may_be_filled(tmp_path):
    (tmp_path / "run").mkdir()
    with new_run(tmp_path / "run", overwrite=False) as run:
        run.metrics.write_text("{}")
    assert (tmp_path / "run" / "metrics.json").is_file()


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_is_no_run_is_never_replaced(tmp_path, overwrite):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(b"dear")
    (tmp_path / "file").write_text("dear")
    for name in ("photos", "file"):
        with (
            pytest.raises(OutputError, match=rf"{name} exists and is not a run of headstart"),
            new_run(tmp_path / name, overwrite=overwrite),
        ):
            pytest.fail("work was begun")
    assert (tmp_path / "photos" / "a.jpg").read_bytes() == b"dear"


def test_a_run_is_replaced_only_when_asked(tmp_path):
    finished(tmp_path / "run")
    with pytest.raises(OutputError, match=r"already holds a run.*--overwrite"):
        check_output(tmp_path / "run", overwrite=False)
    check_output(tmp_path / "run", overwrite=True)


@pytest.mark.parametrize(
    ("what", "words"), [("export", "an export"), ("gallery", "a gallery"), ("index", "an index")]
)
def test_other_folders_are_called_by_their_name(tmp_path, what, words):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "model.json").write_text("{}")
    with pytest.raises(OutputError, match=f"already holds {words};"):
        check_output(tmp_path / "x", overwrite=False, holds="model.json", what=what)
    with pytest.raises(OutputError, match=f"is not {words} of headstart"):
        check_output(tmp_path / "x", overwrite=True, holds="other.json", what=what)


def test_a_place_below_a_file(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="cannot write in"):
        check_output(tmp_path / "file" / "run", overwrite=False)


@not_root
def test_a_place_that_may_not_be_written(tmp_path):
    tmp_path.chmod(0o555)
    try:
        with pytest.raises(OutputError, match="choose another -o"):
            check_output(tmp_path / "run", overwrite=False)
    finally:
        tmp_path.chmod(0o755)


def test_a_full_disk_names_the_final_place(tmp_path):
    with (
        pytest.raises(OutputError, match=r"could not write .*run \(No space left") as caught,
        new_run(tmp_path / "run", overwrite=False),
    ):
        raise OSError(28, "No space left on device")
    assert ".headstart-" not in str(caught.value)
    with (
        pytest.raises(OutputError, match="nothing half-written was left") as caught,
        new_run(tmp_path / "run", overwrite=False) as run,
    ):
        raise OutputError(f"{run.folder}/model cannot be written")
    assert str(caught.value).startswith(f"{tmp_path / 'run'}/model cannot be written")
    assert list(tmp_path.iterdir()) == []


def test_another_complaint_passes_as_it_is(tmp_path):
    with (
        pytest.raises(OutputError, match=r"^elsewhere$"),
        new_run(tmp_path / "run", overwrite=False),
    ):
        raise OutputError("elsewhere")


def test_who_comes_second_does_not_replace_the_first(tmp_path):
    def slow() -> None:
        with new_run(tmp_path / "run", overwrite=False) as run:
            run.metrics.write_text("{}")
            finished(tmp_path / "run")

    with pytest.raises(OutputError, match="already holds"):
        slow()
    assert Run.open(tmp_path / "run").primary.value == 0.9
    assert left_behind(tmp_path) == []


@pytest.mark.skipif(sys.platform == "win32", reason="no such locks")
def test_a_folder_is_held_once(tmp_path):
    first = hold(tmp_path)
    assert first is not None
    assert hold(tmp_path) is None
    os.close(first)
    again = hold(tmp_path)
    assert again is not None
    os.close(again)
    assert hold(tmp_path / "gone") is None


def test_leftovers_of_killed_runs_are_swept(tmp_path):
    dead = tmp_path / ".headstart-building-abcd1234"
    old = tmp_path / ".headstart-old-abcd1234"
    fresh = tmp_path / ".headstart-building-fresh123"
    mine = tmp_path / ".headstart-cache"
    for folder, age in ((dead, 3600), (old, 48 * 3600), (fresh, 0), (mine, 48 * 3600)):
        folder.mkdir()
        (folder / "metrics.json").write_text("{}")
        os.utime(folder, (time.time() - age,) * 2)
    with new_run(tmp_path / "run", overwrite=False) as run:
        (alive,) = [path for path in tmp_path.glob(".headstart-building-*") if path == run.folder]
        os.utime(alive, (time.time() - 3600,) * 2)
        with new_run(tmp_path / "second", overwrite=False):
            pass
        assert alive.exists(), "a living process still fills it"
    assert left_behind(tmp_path) == sorted([fresh.name, mine.name])
    assert (tmp_path / "run").is_dir()


@pytest.mark.parametrize("data", [b"\0\xff", "grüße", "", b""])
def test_a_file_is_written_whole(tmp_path, data):
    write_atomic(tmp_path / "x", data)
    wanted = data.encode() if isinstance(data, str) else data
    assert (tmp_path / "x").read_bytes() == wanted
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o644
    assert left_behind(tmp_path) == []


def test_a_file_that_cannot_be_written_stays_as_it_was(tmp_path, monkeypatch):
    (tmp_path / "x").write_text("before")

    def refuse(*given: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("headstart.output.os.replace", refuse)
    with pytest.raises(OSError, match="No space"):
        write_atomic(tmp_path / "x", "after")
    assert (tmp_path / "x").read_text() == "before"
    assert left_behind(tmp_path) == []


def test_readers_never_see_half_a_file(tmp_path):
    place, versions = tmp_path / "x", [bytes([at]) * 50_000 for at in range(20)]
    write_atomic(place, versions[0])
    seen: set[bytes] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.add(place.read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    for version in versions:
        write_atomic(place, version)
    done.set()
    reader.join()
    assert seen <= set(versions)


@pytest.mark.parametrize("content", [None, "", "{", b"\xff\xfe{", "{'a': 1}"])
def test_json_that_cannot_be_read_names_file_and_remedy(tmp_path, content):
    file = tmp_path / "metrics.json"
    if content is not None:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ModelError, match=r"metrics\.json cannot be read .*copy it anew") as caught:
        read_json(file, remedy="copy it anew")
    assert caught.value.__cause__ is None


def test_what_is_no_run_cannot_be_opened(tmp_path):
    for place in (tmp_path, tmp_path / "gone"):
        with pytest.raises(ModelError, match=r"is not a run: it has no metrics\.json"):
            Run.open(place)


def test_it_says_how_good_it_is(tmp_path):
    run = finished(tmp_path / "run")
    assert repr(run) == f"Run({str(tmp_path / 'run')!r}, test accuracy 0.900 (0.800–0.950))"
    assert "&lt;test&gt;" in run._repr_html_()
    assert "0.900 (0.800–0.950)" in run._repr_html_()
    crossed = finished(tmp_path / "cv", evaluation={"kind": "cv", "summary": "5 folds"})
    assert "cross-validated accuracy" in repr(crossed)


def test_of_numbers_it_says_how_far_off_it_is(tmp_path):
    off = Estimate(2.5, 2.0, 3.0, 50, "bootstrap")
    run = finished(
        tmp_path / "run", primary="mean_absolute_error", test={"mean_absolute_error": off}
    )
    assert repr(run).endswith("test mean absolute error 2.500 (2.000–3.000))")


def test_an_unfinished_run_says_so(tmp_path):
    run = Run(tmp_path / "a&b")
    assert repr(run).endswith("unfinished)")
    assert "a&amp;b" in run._repr_html_()


def test_results_are_read_once(tmp_path):
    run = finished(tmp_path / "run")
    assert run.results["test"]["accuracy"]["n"] == 50
    run.metrics.write_text(json.dumps({"format": 2, "test": {}}))
    assert run.results["test"]["accuracy"]["n"] == 50


def test_no_two_names_inside_are_the_same():
    run = Run(Path("run"))
    names = [name for name, each in vars(Run).items() if isinstance(each, property)]
    places = [getattr(run, name) for name in names if name not in ("results", "primary")]
    assert len(set(places)) == len(places)
    assert {place.parent for place in places} == {Path("run")}


def test_any_folder_can_be_built_so(tmp_path):
    with new_folder(tmp_path / "out", overwrite=False, holds="x.json", what="model") as place:
        (place / "x.json").write_text("{}")
    with (
        pytest.raises(OutputError, match="already holds a model"),
        new_folder(tmp_path / "out", overwrite=False, holds="x.json", what="model"),
    ):
        pass


def test_audits_of_other_data_never_take_each_others_place(tmp_path):
    run = finished(tmp_path / "run")
    assert run.audit_files() == (run.audit, run.audit_page)
    file, page = run.audit_files(str(tmp_path / "a" / "clinic b"))
    assert (file.name, page.name) == ("audit-clinic_b.json", "audit-clinic_b.html")
    write_atomic(file, to_json({"data": str(tmp_path / "a" / "clinic b")}))
    assert run.audit_files(str(tmp_path / "a" / "clinic b"))[0] == file, "the same again"
    assert run.audit_files(str(tmp_path / "b" / "clinic b"))[0].name == "audit-clinic_b-2.json"
    assert run.audit_files("/")[1].name == "audit-data.html"


def test_an_audit_of_some_columns_never_takes_the_place_of_the_whole_one(tmp_path):
    run = Run(tmp_path)
    file, page = run.audit_files(by=["a b", "c"])
    assert (file.name, page.name) == ("audit-by-a_b-c.json", "audit-by-a_b-c.html")
    file.write_text('{"data": "", "by": ["a b", "c"]}')
    assert run.audit_files(by=["a b", "c"])[0] == file, "the same again"
    assert run.audit_files(by=["a_b", "c"])[0].name == "audit-by-a_b-c-2.json"
    other = run.audit_files(str(tmp_path / "clinic"), ["c"])[0]
    assert other.name == "audit-clinic-by-c.json"


def test_a_run_is_opened_by_its_name_too(tmp_path):
    assert Run(str(tmp_path)).metrics == tmp_path / "metrics.json"
    assert repr(Run(str(tmp_path))).endswith("unfinished)")
