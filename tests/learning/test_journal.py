"""The learning curve and the pictures."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from marview.learning.journal import Journal, grey, read_curve


def test_rows_may_gain_columns(tmp_path: Path) -> None:
    journal = Journal(tmp_path, has_log=False)
    journal.note({"step": 0, "validation image": 0.5})
    journal.note({"step": 10, "training image": 0.4, "validation image": 0.3})
    rows = read_curve(tmp_path)
    assert [row["step"] for row in rows] == ["0", "10"]
    assert rows[0]["training image"] == ""
    assert float(rows[1]["validation image"]) == 0.3


def test_a_run_that_goes_back_forgets_what_came_after(tmp_path: Path) -> None:
    journal = Journal(tmp_path, has_log=False)
    for step in (0, 10, 20):
        journal.note({"step": step})
    again = Journal(tmp_path, upto=10, has_log=False)
    again.note({"step": 15})
    assert [row["step"] for row in read_curve(tmp_path)] == ["0", "10", "15"]


def test_pictures_stand_side_by_side(tmp_path: Path) -> None:
    water = torch.full((8, 8), 0.192)
    path = Journal(tmp_path, has_log=False).show(3, {"image": water, "sinogram": torch.arange(24.0).reshape(4, 6)})
    with Image.open(path) as picture:
        shown = np.asarray(picture)
    assert shown.shape == (8, 8 + 4 + 6 + 4)
    assert path.name == "step_0000003.png"


def test_soft_tissue_is_grey_and_sinograms_fill_the_scale() -> None:
    assert 90 < grey(torch.full((4, 4), 0.192))[0, 0] < 130
    sinogram = grey(torch.arange(12.0).reshape(3, 4))
    assert (sinogram.min(), sinogram.max()) == (0, 255)


def test_tensorboard_s_log_is_written_where_it_is_installed(tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX")
    journal = Journal(tmp_path)
    journal.note({"step": 1, "validation image": 0.5})
    journal.close()
    assert list((tmp_path / "tensorboard").glob("events.*"))
