from pathlib import Path

import pytest
from PySide6.QtWidgets import QFileDialog

from marview.export import Format


@pytest.fixture
def dialog(reduced, tmp_path: Path):
    reduced.session.settings.export_folder = str(tmp_path)
    reduced.actions_table["export"].trigger()
    made = reduced.commands.export_dialog
    yield made
    made.close()


def test_it_proposes_a_folder_that_is_free(dialog, tmp_path) -> None:
    assert dialog.folder.text() == str(tmp_path / "Small_series_fake")
    assert dialog.format is Format.DICOM
    assert not dialog.isModal()


@pytest.mark.parametrize("format_", list(Format))
def test_it_writes_and_says_what(dialog, qtbot, format_) -> None:
    dialog.buttons[format_].setChecked(True)
    dialog.start.click()
    qtbot.waitUntil(dialog.show_folder.isVisible, timeout=20_000)
    assert "not for primary diagnosis" in dialog.sentence.text()
    assert any(Path(dialog.folder.text()).iterdir())
    assert dialog.reopen.isVisible() == (format_ is not Format.PNG)
    assert not dialog.start.isVisible()


def test_a_failed_write_gives_a_message(dialog, qtbot, tmp_path) -> None:
    (tmp_path / "file").write_text("in the way")
    dialog.folder.setText(str(tmp_path / "file" / "out"))
    dialog.start.click()
    qtbot.waitUntil(lambda: bool(dialog.sentence.text()), timeout=20_000)
    assert dialog.sentence.objectName() == "error"
    assert dialog.start.isEnabled()


def test_no_folder_gives_a_message(dialog) -> None:
    dialog.folder.setText("  ")
    dialog.export()
    assert dialog.sentence.text() == "Choose a folder."


def test_browse_keeps_the_name(dialog, monkeypatch, tmp_path) -> None:
    (tmp_path / "there").mkdir()
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path / "there"))
    dialog.browse.click()
    assert dialog.folder.text() == str(tmp_path / "there" / "Small_series_fake")


def test_the_next_export_gets_another_name(dialog, reduced, qtbot, tmp_path) -> None:
    dialog.start.click()
    qtbot.waitUntil(dialog.show_folder.isVisible, timeout=20_000)
    reduced.actions_table["export"].trigger()
    assert reduced.commands.export_dialog.folder.text() == str(tmp_path / "Small_series_fake_2")
    reduced.commands.export_dialog.close()


def test_it_warns_of_slices_with_metal_that_are_not_corrected(reduced, tmp_path) -> None:
    reduced.actions_table["export"].trigger()
    assert not reduced.commands.export_dialog.partial.isVisible()
    reduced.commands.export_dialog.close()
    result = reduced.session.result
    with_metal = len(reduced.session.metal.slices)
    del result.done[next(iter(result.done))]
    reduced.actions_table["export"].trigger()
    dialog = reduced.commands.export_dialog
    assert dialog.partial.isVisible()
    assert dialog.partial.text().startswith(f"{with_metal - 1} of {with_metal} slices with metal corrected")
    dialog.close()
