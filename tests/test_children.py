"""Processes that marview starts."""

import os
import sys
from pathlib import Path

import pytest

from marview import children


def test_a_frozen_program_starts_itself_for_its_children(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    words = children.command("marview.worker.main", "--memory-limit-mb", "9")
    assert words == [sys.executable, children.CHILD, "marview.worker.main", "--memory-limit-mb", "9"]


def test_another_interpreter_is_never_mistaken_for_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert children.command("marview.worker.main", python="/usr/bin/other")[:2] == ["/usr/bin/other", "-P"]


def test_the_hidden_verb_runs_only_modules_of_marview() -> None:
    with pytest.raises(SystemExit, match="own processes"):
        children.run_child(["os"])
    with pytest.raises(SystemExit, match="own processes"):
        children.run_child([])


def test_a_child_gets_absolute_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", "data")
    monkeypatch.setenv("MARVIEW_PLUGINS", os.pathsep.join(["mine", "", "/theirs"]))
    child = children.environment()
    assert child["XDG_DATA_HOME"] == str(tmp_path / "data")
    assert child["MARVIEW_PLUGINS"] == os.pathsep.join([str(tmp_path / "mine"), "", "/theirs"])
