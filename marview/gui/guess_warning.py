"""Warning that the metal trace covers too much of the sinogram for reliable completion."""

from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QWidget

from marview.geometry import TraceCoverage
from marview.gui.elided_label import ElidedLabel
from marview.gui.icons import pixmap
from marview.gui.label import Label
from marview.session.session import Session
from marview.text import plural, tr


class GuessWarning(QFrame):
    """Warning for slices with a large metal trace, in the status line.

    The trace comes from the current mask or, if there is no mask, from the result in view. The warning
    is hidden for methods that do not complete the sinogram.
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.setObjectName("guess")
        picture = Label()
        picture.setPixmap(pixmap("warning", 16, "warning", self.devicePixelRatioF()))
        self.text = ElidedLabel()
        self.text.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 2, 10, 2)
        row.setSpacing(8)
        row.addWidget(picture)
        row.addWidget(self.text, 1)
        session.view.changed.connect(self._follow)
        session.result_changed.connect(self.refresh)
        session.runs.filled.connect(self.refresh)
        session.sinograms.changed.connect(self.refresh)
        session.traces.surveyed.connect(self.refresh)
        session.metal.changed.connect(self.refresh)
        session.methods.chosen.connect(self.refresh)
        session.library.emptied.connect(self.refresh)
        self.hide()

    def refresh(self, *_: object) -> None:
        """Update the warning for the slice in view."""
        coverage = self._coverage()
        self.setVisible(coverage is not None and coverage.is_guess)
        if coverage is None or not coverage.is_guess:
            return
        words = tr("The metal trace covers {:.0%} of this slice's sinogram").format(coverage.fraction)
        if coverage.hidden_views:
            hidden = plural(
                coverage.hidden_views, "{} view is fully hidden by metal", "{} views are fully hidden by metal"
            )
            words += f"; {hidden.format(coverage.hidden_views)}"
        self.text.setText(words + tr(". The values that replace the trace are largely a guess."))

    def _coverage(self) -> TraceCoverage | None:
        session, z = self._session, self._session.view.display.slice_index
        if not self._completes_sinogram():
            return None
        if z in session.traces.coverage:
            return session.traces.coverage[z]
        if session.result is not None and z in session.result.done:
            return TraceCoverage(session.result.done[z].trace_fraction, 0, 0)
        ready = session.sinograms.current
        return ready.coverage if ready is not None and ready.slice_index == z else None

    def _completes_sinogram(self) -> bool:
        """Return whether the chosen method, or the method of the result in view, replaces values in the trace."""
        methods, result = self._session.methods, self._session.result
        concerned = {None if methods.current is None else methods.current.id, None if result is None else result.method}
        manifests = [one.manifest for one in methods.listings if one.id in concerned]
        return not manifests or any(one is None or one.needs_sinogram for one in manifests)

    def _follow(self, _display: object, names: frozenset[str]) -> None:
        if names & {"slice_index", "slice_count"}:
            self.refresh()
