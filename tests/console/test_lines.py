"""What a notebook shows while a verb works."""

from __future__ import annotations

import subprocess
import sys

import pytest

from headstart.console import lines
from headstart.console.lines import interactive, interactive_progress, progress_lines


def test_a_line_when_a_phase_begins_and_each_epoch(capsys):
    with progress_lines() as progress:
        progress("loading the network", 0, 1)
        for done in range(4):
            progress("reading images", done, 3)
        progress("fine-tuning: epoch 1 of 2, loss 0.4", 1, 4)
        progress("fine-tuning: epoch 1 of 2, loss 0.4", 2, 4)
        progress("fine-tuning: epoch 2 of 2, loss 0.3", 3, 4)
    assert capsys.readouterr().out.splitlines() == [
        "loading the network",
        "reading images: 3",
        "fine-tuning: 4",
        "  epoch 1 of 2, loss 0.4",
        "  epoch 2 of 2, loss 0.3",
    ]


def test_a_script_is_not_interactive_and_a_notebook_is(monkeypatch):
    monkeypatch.delattr(sys, "ps1", raising=False)
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    assert not interactive()
    monkeypatch.setitem(sys.modules, "ipykernel", object())
    assert interactive()


def test_without_a_terminal_there_are_lines(monkeypatch, capsys):
    monkeypatch.setattr(lines.sys.stderr, "isatty", lambda: False, raising=False)
    with interactive_progress() as progress:
        progress("reading images", 0, 3)
    assert capsys.readouterr().out == "reading images: 3\n"


CODE = """
import sys, types
{before}
import headstart
try:
    headstart.check({data!r})
finally:
    print("over")
"""


@pytest.mark.parametrize("notebook", [True, False])
def test_verbs_show_it_only_where_somebody_sits(tmp_path, notebook):
    from PIL import Image

    for label in "ab":
        (tmp_path / "data" / label).mkdir(parents=True)
        for k in range(3):
            Image.new("L", (20, 20), 40 * k).save(tmp_path / "data" / label / f"{k}.png")
    before = "sys.modules['ipykernel'] = types.ModuleType('ipykernel')" if notebook else ""
    code = CODE.format(before=before, data=str(tmp_path / "data"))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    shown = done.stdout.splitlines()
    assert shown[-1] == "over"
    assert any("6" in line for line in shown[:-1]) == notebook
    assert (len(shown) > 1) == notebook
