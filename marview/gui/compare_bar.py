"""Comparison controls: methods to run on the slice in view, and the progress of the runs."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from marview.gui.elided_label import ElidedLabel
from marview.gui.icons import icon
from marview.gui.label import Label
from marview.gui.method_ticks import MethodTicks
from marview.gui.panels.run_panel import progress_text
from marview.session.session import Session
from marview.text import count, tr


class CompareBar(QWidget):
    """Bar for choosing methods and running them on the slice in view; each result gets its own pane."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.setObjectName("side")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.methods = MethodTicks(session.methods, tr("Methods to compare"))
        self.setFocusProxy(self.methods)
        label = Label(tr("Methods"))
        label.setObjectName("muted")
        label.setBuddy(self.methods)
        self.button = QPushButton(icon("reduce", "accent_text"), tr("Compare on this slice"))
        self.button.setObjectName("primarySmall")
        self.button.clicked.connect(lambda: session.comparison.run(self.methods.chosen))
        self.cancel = QPushButton(icon("cancel"), tr("Cancel"))
        self.cancel.clicked.connect(self._cancel)
        self.text = ElidedLabel()
        self.text.setObjectName("muted")
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 8, 12, 8)
        row.setSpacing(8)
        for widget in (label, self.methods, self.button, self.cancel):
            row.addWidget(widget)
        row.addWidget(self.text, 1)
        self.methods.changed.connect(self.refresh)
        for event in (session.runs.changed, session.metal.changed, session.sensitivity.changed):
            event.connect(self.refresh)
        for event in (session.library.started, session.library.finished):
            event.connect(self.refresh)
        self.refresh()

    def _cancel(self) -> None:
        self._session.runs.cancel_all()

    def refresh(self, *_: object) -> None:
        """Show whether the methods can run, and the progress of the runs."""
        session, runs = self._session, self._session.runs
        is_free = not session.refusal and not session.sensitivity.is_running
        self.button.setEnabled(is_free and bool(self.methods.chosen))
        self.cancel.setVisible(runs.is_running)
        words = session.refusal if session.loaded is not None else ""
        if runs.job is not None and runs.is_running:
            words = f"{tr(runs.job.result.title)}: {progress_text(runs.job)}"
            if runs.waiting:
                words += f" · {tr('{} waiting').format(count(len(runs.waiting), 'run'))}"
        self.text.setText(words)
