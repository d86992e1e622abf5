"""The one-page report, drawn for paper and written as PDF."""

from pathlib import Path

import numpy as np
from PySide6.QtCore import QBuffer, QIODevice, QMarginsF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QImage, QPageSize, QPainter, QPdfWriter, QPen

from marview import __version__
from marview.export import whole_file
from marview.export.pictures import picture
from marview.gui.painting import painting
from marview.session.picture import Picture
from marview.session.report import Report
from marview.text import tr
from marview.volume.window import HuWindow

DOTS_PER_INCH = 200
MM_PER_INCH = 25.4
MARGIN_MM = 12.0
DIFFERENCE = HuWindow(400.0, 0.0)
INK, GREY, LINE = QColor(20, 24, 28), QColor(90, 98, 106), QColor(190, 196, 202)
PAPER_WHITE = QColor(225, 230, 235)
LEFT, RIGHT = Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight
COLUMNS_MM = (0.0, 30.0, 62.0, 134.0)
"""Left edges of the table columns in mm."""


def write_report(path: Path, report: Report) -> Path:
    """Write the report as PDF; if writing fails, the partial file is removed.

    Raises:
        CannotWrite: the disk is full or read-only.
    """
    data = report_bytes(report)  # Qt writes half a file to a full disk without an error
    with whole_file(path) as part:
        part.write_bytes(data)
    return path


def report_bytes(report: Report) -> bytes:
    """Return the report as PDF data."""
    held = QBuffer()
    held.open(QIODevice.OpenModeFlag.WriteOnly)
    writer = QPdfWriter(held)
    writer.setResolution(DOTS_PER_INCH)
    writer.setPageSize(QPageSize(QPageSize.PageSizeId.A4))
    writer.setPageMargins(QMarginsF(0, 0, 0, 0))
    writer.setTitle(tr("Metal artifact reduction"))
    writer.setCreator(f"marview {__version__}")
    with painting(writer) as painter:
        draw_report(painter, QRectF(0, 0, writer.width(), writer.height()), DOTS_PER_INCH / MM_PER_INCH, report)
    return bytes(held.data().data())


def draw_report(painter: QPainter, paper: QRectF, per_mm: float, report: Report) -> None:
    """Draw the report on a page.

    Args:
        painter: painter for the page.
        paper: rectangle of the whole page in dots.
        per_mm: dots per mm.
        report: contents of the report.
    """
    painter.fillRect(paper, Qt.GlobalColor.white)
    page = _Page(painter, paper.marginsRemoved(QMarginsF(*[MARGIN_MM * per_mm] * 4)), per_mm)
    page.line(tr("Metal artifact reduction"), 15, is_bold=True)
    for text in report.heading:
        page.line(text, 9, GREY)
    page.skip(2.5)
    _draw_slices(page, report)
    page.skip(2)
    _draw_table(page, report)
    page.skip(1.5)
    page.line(tr("How the result was made"), 9, is_bold=True)
    page.paragraph(report.made, 7.5)
    page.foot(tr(report.caution), f"marview {__version__}")


class _Page:
    """A page filled from top to bottom."""

    def __init__(self, painter: QPainter, area: QRectF, per_mm: float) -> None:
        self.painter, self.area, self.per_mm = painter, area, per_mm
        self.y = area.top()

    def skip(self, mm: float) -> None:
        self.y += mm * self.per_mm

    def font(self, points: float, *, is_bold: bool = False) -> None:
        font = QFont(self.painter.font())
        font.setPixelSize(max(1, round(points / 72 * MM_PER_INCH * self.per_mm)))  # for this paper, not the screen
        font.setBold(is_bold)
        self.painter.setFont(font)

    def line(self, text: str, points: float, tone: QColor = INK, *, is_bold: bool = False) -> None:
        self.font(points, is_bold=is_bold)
        height = self.painter.fontMetrics().height() * 1.08
        self.text(text, QRectF(self.area.left(), self.y, self.area.width(), height), tone)
        self.y += height

    def text(self, text: str, place: QRectF, tone: QColor = INK, align: Qt.AlignmentFlag = LEFT) -> None:
        self.painter.setPen(tone)
        shown = self.painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, round(place.width()))
        self.painter.drawText(place, align | Qt.AlignmentFlag.AlignVCenter, shown)

    def paragraph(self, text: str, points: float) -> None:
        self.font(points)
        self.painter.setPen(GREY)
        room = QRectF(self.area.left(), self.y, self.area.width(), max(1.0, self.area.bottom() - self.y))
        flags = int(Qt.AlignmentFlag.AlignLeft) | int(Qt.TextFlag.TextWordWrap)
        self.y += self.painter.boundingRect(room, flags, text).height()
        self.painter.drawText(room, flags, text)

    def foot(self, caution: str, maker: str) -> None:
        self.font(9, is_bold=True)
        height = self.painter.fontMetrics().height() * 1.2
        place = QRectF(self.area.left(), self.area.bottom() - height, self.area.width(), height)
        self.painter.setPen(QPen(LINE, self.per_mm * 0.2))
        self.painter.drawLine(place.topLeft(), place.topRight())
        self.text(caution, place.adjusted(0, 0, -30 * self.per_mm, 0))
        self.font(8)
        self.text(maker, place, GREY, RIGHT)


def _draw_slices(page: _Page, report: Report) -> None:
    """Draw original, corrected and difference image of each key slice side by side."""
    gap = 3 * page.per_mm
    width = (page.area.width() - 2 * gap) / 3
    titles = (tr("Original"), report.method, tr("Difference, ±200 HU"))
    page.font(9, is_bold=True)
    height = page.painter.fontMetrics().height() * 1.1
    for at, title in enumerate(titles):
        page.text(title, QRectF(page.area.left() + at * (width + gap), page.y, width, height))
    page.y += height
    for key in report.slices:
        rows, columns = key.original.size_mm
        tall = min(width * rows / columns, 50 * page.per_mm)
        windows = (report.window, report.window, DIFFERENCE)
        pictures = (key.original, key.corrected, key.difference)
        for at, (shown, window) in enumerate(zip(pictures, windows, strict=True)):
            place = QRectF(page.area.left() + at * (width + gap), page.y, width, tall)
            _draw_picture(page, place, shown, window, report)
        page.y += tall
        page.font(7.5)
        height = page.painter.fontMetrics().height() * 1.15
        words = tr("Slice {}   W {:.0f}  L {:.0f}").format(key.number, report.window.width_hu, report.window.level_hu)
        page.text(words, QRectF(page.area.left(), page.y, page.area.width(), height), GREY)
        page.text(key.exception, QRectF(page.area.left() + width + gap, page.y, width, height))
        page.y += height + page.per_mm


def _draw_picture(page: _Page, place: QRectF, shown: Picture, window: HuWindow, report: Report) -> None:
    grey = np.ascontiguousarray(picture(shown.values, window.width_hu, window.level_hu))
    rows, columns = grey.shape
    image = QImage(grey.data, columns, rows, columns, QImage.Format.Format_Grayscale8)
    height_mm, width_mm = shown.size_mm
    per = min(place.width() / width_mm, place.height() / height_mm)
    inside = QRectF(0, 0, width_mm * per, height_mm * per)
    inside.moveCenter(place.center())
    page.painter.fillRect(place, Qt.GlobalColor.black)
    page.painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    page.painter.drawImage(inside, image)
    page.font(7)
    edge = 1.2 * page.per_mm
    left, right, *_ = report.letters
    middle = QRectF(place.left() + edge, place.center().y() - 5 * edge, place.width() - 2 * edge, 10 * edge)
    page.text(left, middle, PAPER_WHITE)
    page.text(right, middle, PAPER_WHITE, RIGHT)
    _draw_scale(page, place, per)


def _draw_scale(page: _Page, place: QRectF, per_mm_of_patient: float) -> None:
    """Draw a scale bar of 5 cm."""
    length = 50 * per_mm_of_patient
    end = place.bottomRight() - QPointF(1.5 * page.per_mm, 1.5 * page.per_mm)
    page.painter.setPen(QPen(PAPER_WHITE, 0.3 * page.per_mm))
    page.painter.drawLine(end - QPointF(length, 0), end)
    words = QRectF(end.x() - length, end.y() - 4 * page.per_mm, length, 3.6 * page.per_mm)
    page.text("5 cm", words, PAPER_WHITE, Qt.AlignmentFlag.AlignHCenter)


def _draw_table(page: _Page, report: Report) -> None:
    if not report.rows:
        return
    headings = (tr("Measurement"), tr("Place"), tr("Original"), report.method)
    for at, row in enumerate((headings, *report.rows)):
        page.font(7.5, is_bold=at == 0)
        height = page.painter.fontMetrics().height() * 1.15
        for text, start, end in zip(row, COLUMNS_MM, (*COLUMNS_MM[1:], page.area.width() / page.per_mm), strict=True):
            left = page.area.left() + start * page.per_mm
            page.text(text, QRectF(left, page.y, (end - start - 1) * page.per_mm, height))
        page.y += height
    if report.left_out:
        page.line(tr("{} more measurements are left out; export them as CSV or SR.").format(report.left_out), 7.5, GREY)
