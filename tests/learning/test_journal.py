"""The learning curve and the pictures."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from marview.errors import BadInput
from marview.learning.journal import CURVE, DAMAGED, Journal, grey, read_curve


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


@pytest.mark.parametrize("content", [b"step,minutes\n1,\xe4\n", b"what\n1\n", b"step\nmany\n"])
def test_a_damaged_curve_steps_aside_for_a_new_one(tmp_path: Path, content: bytes) -> None:
    (tmp_path / CURVE).write_bytes(content)
    with pytest.raises(BadInput, match=r"curve\.csv cannot be read as a learning curve\. Save it as UTF-8"):
        read_curve(tmp_path)
    said: list[str] = []
    Journal(tmp_path, 10, said.append, has_log=False).note({"step": 15})
    assert [row["step"] for row in read_curve(tmp_path)] == ["15"]
    [sentence] = said
    assert "a new one starts. The old one is now" in sentence
    assert (tmp_path / DAMAGED).read_bytes() == content


def test_a_curve_that_a_spreadsheet_saved_is_read(tmp_path: Path) -> None:
    (tmp_path / CURVE).write_text("step,minutes\n4,1\n", encoding="utf-8-sig")
    assert read_curve(tmp_path) == [{"step": "4", "minutes": "1"}]


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
