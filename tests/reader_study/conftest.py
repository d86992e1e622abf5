"""A small reader study."""

from pathlib import Path

import numpy as np
import pytest

from marview.dicom.make import Labels, write_ct_series
from marview.geometry import Grid
from marview.reader_study.making import make_study
from marview.reader_study.study import ReaderStudy

SHAPE = (6, 40, 48)


def write(folder: Path, value: int, *, spacing_mm: float = 1.5, shape: tuple[int, int, int] = SHAPE) -> Path:
    """A series in air, whose slice at index z has the HU value + z in its middle."""
    hu = np.full(shape, -1000, np.int16)
    hu[:, 10:30, 10:30] = value + np.arange(shape[0], dtype=np.int16)[:, None, None]
    grid = Grid.from_spacing(shape, (3.0, spacing_mm, spacing_mm))
    write_ct_series(hu, grid, folder, Labels("SECRET^PATIENT", "S1", "A study", "A series"), seed=folder.name)
    return folder


@pytest.fixture(scope="session")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of one case with the results of two methods on three slices."""
    folder = tmp_path_factory.mktemp("cases")
    for name, value in {"original": 0, "nmar": 100, "lga": 200}.items():
        write(folder / name, value)
    path = folder / "cases.csv"
    rows = [f"hip,{method},original,{method},1 3 4" for method in ("nmar", "lga")]
    path.write_text("\n".join(["case,method,original,corrected,slices", *rows]) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def study(table: Path, tmp_path: Path) -> ReaderStudy:
    return make_study(table, tmp_path / "study", seed=3)
