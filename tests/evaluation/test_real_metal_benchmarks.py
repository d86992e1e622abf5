"""The benchmarks of real metal name missing scans in a message."""

import sys
from pathlib import Path

from benchmarks import learned, mask_margin, real_metal


def test_a_missing_folder_of_scans_is_named(monkeypatch, tmp_path: Path, capsys):
    monkeypatch.setattr(sys, "argv", ["real_metal", str(tmp_path), "--output", str(tmp_path)])
    assert real_metal.main() == 3
    assert capsys.readouterr().err == f"{tmp_path / 'sternal_wires'} does not exist.\n"


def test_a_missing_demo_study_is_named(monkeypatch, tmp_path: Path, capsys):
    nail = str(tmp_path / "femoral_nail.nii.gz")
    monkeypatch.setattr(sys, "argv", ["mask_margin", str(tmp_path), nail, "--output", str(tmp_path)])
    assert mask_margin.main() == 3
    assert capsys.readouterr().err == f"{tmp_path / 'study'} does not exist.\n"


def test_missing_scans_of_learned_methods_are_named(monkeypatch, tmp_path: Path, capsys):
    monkeypatch.setattr(learned, "DATA", tmp_path)
    arguments = ["--part", "real", "--method", "nmar", "--output", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["learned", *arguments])
    assert learned.main() == 3
    assert capsys.readouterr().err == f"{tmp_path / 'real_metal' / 'sternal_wires'} does not exist.\n"
