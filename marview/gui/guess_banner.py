"""Warns where the trace covers so much of the sinogram that completion is a guess."""

from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QWidget

from marview.geometry import GUESS_FRACTION
from marview.gui.icons import pixmap
from marview.gui.text import tr
from marview.session.session import Session


class GuessBanner(QFrame):
    """Shown for slices of a result whose trace is too large."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.setObjectName("message")
        self.setProperty("severity", "warning")
        picture = QLabel()
        picture.setPixmap(pixmap("warning", 20, "warning", self.devicePixelRatioF()))
        self.text = QLabel()
        self.text.setWordWrap(True)
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 7, 10, 7)
        row.setSpacing(10)
        row.addWidget(picture)
        row.addWidget(self.text, 1)
        session.view.changed.connect(self._follow)
        session.result_changed.connect(self.refresh)
        session.runs.filled.connect(self.refresh)
        session.sinograms.changed.connect(self.refresh)
        self.hide()

    def refresh(self, *_: object) -> None:
        """Look at the slice in view."""
        fraction = self._fraction()
        self.setVisible(fraction >= GUESS_FRACTION)
        self.text.setText(
            tr(
                "The metal trace covers {:.0%} of this slice's sinogram: what is put in its place is largely a guess."
            ).format(fraction)
        )

    def _fraction(self) -> float:
        session, z = self._session, self._session.view.display.slice_index
        if session.result is not None and z in session.result.done:
            return session.result.done[z].trace_fraction
        ready = session.sinograms.current
        return float(ready.trace.mean()) if ready is not None and ready.slice_index == z else 0.0

    def _follow(self, _display: object, names: frozenset[str]) -> None:
        if names & {"slice_index", "slice_count"}:
            self.refresh()
