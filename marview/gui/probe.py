"""The status line: HU under the mouse, position in the patient, work in progress and a warning."""

from PySide6.QtWidgets import QStatusBar, QWidget

from marview.gui.label import Label
from marview.session.display import Display
from marview.session.result import Coverage
from marview.session.session import Session
from marview.text import tr


class ProbeBar(QStatusBar):
    """Bar that shows the original and corrected HU under the mouse.

    Args:
        session: the session.
        warning: widget at the right end, shown only while there is a warning.
    """

    def __init__(self, session: Session, warning: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.setSizeGripEnabled(False)
        self.values = Label()
        self.values.setObjectName("probe")
        self.values.setAccessibleName(tr("HU under the mouse"))
        self.work = Label()
        self.addWidget(self.values, 1)
        self.addPermanentWidget(self.work)
        self.addPermanentWidget(warning)
        warning.hide()
        session.view.changed.connect(self._follow)
        session.library.busy.connect(self._say)
        for event in (session.result_changed, session.runs.filled, session.runs.changed, session.library.started):
            event.connect(self._refresh)

    def _say(self, text: str) -> None:
        self.work.setText(text)

    def _refresh(self, *_: object) -> None:
        self.values.setText(self.words(self._session.view.display))

    def _follow(self, display: Display, names: frozenset[str]) -> None:
        if names & {"pointed_mm", "slice_index", "cursor_mm"}:
            self.values.setText(self.words(display))

    def words(self, display: Display) -> str:
        """Describe the voxel under the mouse, or under the crosshair."""
        session, point = self._session, display.pointed_mm or display.cursor_mm
        original, loaded = session.original(), session.loaded
        if point is None or original is None or loaded is None:
            return ""
        index = original.index_at(*point)
        if index is None:
            return ""
        y, x = index
        before = int(original.values[y, x])
        words = f"{before} HU"
        result = session.result
        if result is not None and result.coverage(display.slice_index) is not Coverage.WAITING:
            after = round(before + float(result.correction_of(display.slice_index)[y, x]))
            words = tr("original {} HU   result {} HU   ({:+d})").format(before, after, after - before)
        lps = loaded.volume.grid.to_patient((display.slice_index, y, x))
        place = "  ".join(
            f"{letters[0] if value >= 0 else letters[1]} {abs(value):.1f}"
            for letters, value in zip(("LR", "PA", "HF"), lps, strict=True)
        )
        return f"{words}      x {x}  y {y}  z {display.slice_number}      {place} mm"
