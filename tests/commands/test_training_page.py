"""The five commands of docs/training.md do what the page says."""

import re
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest

from marview.dicom.make import Labels, write_ct_series
from marview.geometry import Grid

PAGE = Path(__file__).parents[2] / "docs" / "training.md"
SPACING_MM = (5.0, 3.0, 3.0)


def body(rng: np.random.Generator) -> np.ndarray:
    y, x = np.mgrid[:96, :96] - 47.5
    hu = np.where((x / 42) ** 2 + (y / 30) ** 2 < 1, 40.0, -1000.0)
    hu[(x / 9) ** 2 + ((y - 16) / 7) ** 2 < 1] = 500
    return np.rint(hu + rng.normal(0, 8, hu.shape)).astype(np.int16)


def series(folder: Path, count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    hu = np.stack([body(rng) for _ in range(count)])
    labels = Labels("CLEAN^NONE", f"CLEAN-{seed}", "A study", f"Without metal {seed}")
    write_ct_series(hu, Grid.from_spacing(hu.shape, SPACING_MM), folder, labels, seed=f"clean-{seed}")


def commands() -> list[list[str]]:
    block = re.search(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    return [shlex.split(line) for line in block[1].strip().splitlines()]


def test_there_are_five() -> None:
    assert [words[:2] for words in commands()] == [
        ["marview", verb] for verb in ("train", "methods", "simulate", "reduce", "evaluate")
    ]


@pytest.mark.slow  # trains, simulates and corrects
@pytest.mark.timeout(900)
@pytest.mark.skipif(sys.platform != "linux", reason="the user's folder is moved by an environment variable of Linux")
def test_they_can_be_said_one_after_the_other(marview, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    series(tmp_path / "scans" / "one", 5, 1)
    series(tmp_path / "other-scan", 3, 2)
    for words in commands():
        answer = marview(*words[1:])
        assert answer.exit_code == 0, f"{shlex.join(words)}: {answer.err}"
    assert "before" in answer.out.lower() or "uncorrected" in answer.out.lower() or "corrected" in answer.out.lower()
    assert (tmp_path / "my-run" / "model_card.md").is_file()
    assert any((tmp_path / "corrected").rglob("*.dcm"))
