"""Reports and movies from the real window."""

import errno
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog

from marview.gui.report_page import draw_report
from marview.session.display import Comparison
from marview.session.measurement import Kind
from marview.session.report import key_slices, make_report


def heard(window) -> list[str]:
    """Messages of the window from now on."""
    sentences: list[str] = []
    window.session.messages.said.connect(lambda message: sentences.append(message.sentence))
    return sentences


@pytest.fixture
def choose(monkeypatch, tmp_path):
    """Answers the file dialog with a name."""

    def answer(name: str):
        file = tmp_path / name
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(file), ""))
        return file

    return answer


def measured(window) -> None:
    window.session.measures.add(Kind.ELLIPSE, 3, [(-10.0, -8.0), (6.0, 5.0)])
    window.session.measures.add(Kind.LENGTH, 3, [(-10.0, 12.0), (10.0, 12.0)])


def test_a_report_is_one_page_of_pdf(reduced, choose) -> None:
    measured(reduced)
    file, sentences = choose("report.pdf"), heard(reduced)
    modifiers = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    QTest.keyClick(reduced.grid.panes["original"], Qt.Key.Key_S, modifiers)
    data = file.read_bytes()
    assert data.startswith(b"%PDF-")
    assert data.count(b"/Type /Page\n") == 1
    assert sentences == ["The report was written to report.pdf."]


@pytest.mark.parametrize(("name", "action"), [("report.pdf", "save_report"), ("picture.tif", "save_picture")])
def test_a_full_disk_gives_a_message_and_leaves_no_half_file(reduced, choose, monkeypatch, name, action) -> None:
    def fill_the_disk(path, data) -> None:
        with path.open("wb") as stream:
            stream.write(data[:100])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fill_the_disk)
    file, sentences = choose(name), heard(reduced)
    reduced.actions_table[action].trigger()
    assert [sentence.partition(": ")[2] for sentence in sentences] == [
        "the disk is full. No partial files were left behind. Choose another location."
    ]
    assert not [path for path in file.parent.iterdir() if path.suffix in {".pdf", ".tif"}]


def test_a_report_holds_slices_measurements_provenance_and_caution(reduced) -> None:
    measured(reduced)
    session = reduced.session
    report = make_report(
        session.loaded, session.result, session.measures.listed, 3, session.view.display.window, ["NOBODY"]
    )
    assert report.slices[0].number == session.view.display.numbers.number(3)
    np.testing.assert_array_equal(report.slices[0].original.values, session.loaded.volume.hu[3])
    assert set(np.unique(report.slices[0].difference.values)) == {10}
    (region, place, before, after), length = report.rows
    assert (region, place) == ("Ellipse 1", "slice 4")
    assert before.startswith("mean ")
    assert "(+10.0)" in after
    assert length[2].endswith(" mm")
    assert "Fake method 2.1" in report.made
    assert "not for primary diagnosis" in report.caution
    assert report.heading == ("NOBODY", "Small series")


def test_a_report_names_the_method_that_made_a_slice(worker, reduced, qtbot) -> None:
    worker.made_by = {4: "NMAR"}
    session = reduced.session
    session.reduce()
    qtbot.waitUntil(lambda: len(session.results) == 2 and not session.runs.is_running, timeout=20000)
    for z, exception in ((3, ""), (4, "NMAR in place of Fake method")):
        assert (
            make_report(session.loaded, session.result, (), z, session.view.display.window, []).slices[0].exception
            == exception
        )


def test_the_page_shows_three_pictures_in_a_row_and_fits(reduced) -> None:
    measured(reduced)
    session = reduced.session
    report = make_report(session.loaded, session.result, session.measures.listed, 3, session.view.display.window, [])
    per_mm = 4.0
    page = QImage(round(210 * per_mm), round(297 * per_mm), QImage.Format.Format_RGB32)
    painter = QPainter(page)
    draw_report(painter, QRectF(page.rect()), per_mm, report)
    painter.end()
    grey = np.frombuffer(page.constBits(), np.uint8).reshape(page.height(), page.width(), 4)[..., :3].mean(axis=2)
    assert (grey[:, : round(8 * per_mm)] == 255).all()  # the margin
    is_dark = grey < 12
    row = is_dark[round(45 * per_mm)]
    runs = np.flatnonzero(np.diff(row.astype(int)) == 1)
    assert len(runs) >= 3
    assert (grey[round(282 * per_mm) : round(286 * per_mm)] < 128).any()  # the caution at the foot


def test_key_slices_begin_with_the_one_in_view_and_are_three_at_most(reduced) -> None:
    session = reduced.session
    assert key_slices(session.result, (), 6)[0] == 6
    assert len(key_slices(session.result, (), 6)) <= 3
    region = session.measures.add(Kind.ELLIPSE, 5, [(-10.0, -8.0), (6.0, 5.0)])
    assert key_slices(session.result, (region,), 6)[:2] == [6, 5]


def test_a_hidden_patient_stays_out_of_the_report(reduced, choose, monkeypatch) -> None:
    seen = []
    monkeypatch.setattr("marview.gui.saving.write_report", lambda _path, report: seen.append(report))
    choose("report.pdf")
    reduced.actions_table["save_report"].trigger()
    reduced.actions_table["anonymous"].trigger()
    reduced.actions_table["save_report"].trigger()
    named, hidden = seen
    assert any("NOBODY" in line for line in named.heading)
    assert hidden.heading == ("Small series",)


def test_scrolling_becomes_a_movie_of_every_slice(opened, qtbot, choose) -> None:
    file = choose("scrolling.gif")
    opened.session.view.go_to(3)
    opened.actions_table["movie_scroll"].trigger()
    qtbot.waitUntil(file.exists, timeout=30000)
    with Image.open(file) as movie:
        assert movie.n_frames == 7
    assert opened.session.view.display.slice_index == 3


def test_flicker_becomes_a_movie_of_original_and_result(reduced, qtbot, choose) -> None:
    file = choose("flicker.gif")
    reduced.session.view.update(comparison=Comparison.DIFFERENCE)
    reduced.actions_table["movie_flicker"].trigger()
    qtbot.waitUntil(file.exists, timeout=30000)
    with Image.open(file) as movie:
        assert movie.n_frames == 2
        first = np.asarray(movie.convert("RGB"))
        movie.seek(1)
        assert (np.asarray(movie.convert("RGB")) != first).any()
    assert reduced.session.view.display.comparison is Comparison.DIFFERENCE
    assert not reduced.session.view.display.is_original_held


def test_a_failed_write_of_the_ending_is_reported(opened, qtbot, choose) -> None:
    choose("movie.avi")
    sentences = heard(opened)
    opened.actions_table["movie_scroll"].trigger()
    qtbot.waitUntil(lambda: bool(sentences), timeout=30000)
    assert ".gif or .mp4" in sentences[0]
