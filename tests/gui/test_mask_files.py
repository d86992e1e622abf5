"""A mask is exported and imported through the menu."""

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtWidgets import QFileDialog

from marview.dicom.mask_file import read_mask
from marview.gui.mask_dialogs import KINDS, with_ending


def test_nothing_can_be_imported_or_exported_before_a_series_is_open(window) -> None:
    assert not window.actions_table["import_mask"].isEnabled()
    assert not window.actions_table["export_mask"].isEnabled()


@pytest.mark.parametrize("kind", KINDS)
def test_the_kind_chosen_decides_what_is_written(opened, qtbot, monkeypatch, tmp_path: Path, kind: str) -> None:
    proposed = []

    def save(_parent, _title, name: str, kinds: str) -> tuple[str, str]:
        proposed.append((Path(name).name, kinds.split(";;")))
        return str(tmp_path / "mine"), kind

    monkeypatch.setattr(QFileDialog, "getSaveFileName", save)
    opened.actions_table["export_mask"].trigger()
    written = tmp_path / f"mine{KINDS[kind]}"
    qtbot.waitUntil(lambda: written.name in opened.messages.text.text(), timeout=20_000)
    assert proposed == [("Small_series_metal.nii.gz", list(KINDS))]
    session = opened.session
    found = session.metal.shared.array.copy()
    np.testing.assert_array_equal(read_mask(written, session.loaded).mask, found)
    session.metal.set_threshold(500)
    qtbot.waitUntil(lambda: not session.metal.is_busy, timeout=20_000)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(written), ""))
    opened.actions_table["import_mask"].trigger()
    qtbot.waitUntil(lambda: session.metal.recipe.text == f"mask file {written.name}", timeout=20_000)
    np.testing.assert_array_equal(session.metal.shared.array, found)


def test_a_dialog_that_is_left_changes_nothing(opened, monkeypatch) -> None:
    for name in ("getSaveFileName", "getOpenFileName"):
        monkeypatch.setattr(QFileDialog, name, lambda *_: ("", ""))
    opened.actions_table["export_mask"].trigger()
    opened.actions_table["import_mask"].trigger()
    assert opened.session.metal.recipe.text == "adaptive"


def test_the_ending_follows_the_kind() -> None:
    for name, ending, becomes in (
        ("m.nii.gz", ".dcm", "m.dcm"),
        ("m", ".nrrd", "m.nrrd"),
        ("m.nii", ".nii.gz", "m.nii"),
        ("m.v2", ".nii.gz", "m.v2.nii.gz"),
    ):
        assert with_ending(Path("/x") / name, ending) == Path("/x") / becomes
