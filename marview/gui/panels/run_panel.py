"""The run panel: start, progress, cancel and retry, depending on the current job."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from marview.gui.icons import icon
from marview.gui.label import Label, tooltip
from marview.gui.notes_fold import NotesFold
from marview.gui.panels.scope_row import ScopeRow
from marview.session.job import Job, State
from marview.session.session import Session
from marview.text import count, tr, translatable
from marview.told import told

STEPS = 1000
MOST_NOTES_PX = 150

_REDUCES = translatable("Correct every slice with metal, the one in view first  (Ctrl+R)")
_LEARNS_FIRST = translatable(
    "Train the network on this scan's slices without metal, then correct the slices that contain metal  (Ctrl+R). "
    "The trained network is reused until the metal mask or the settings change."
)


class RunPanel(QWidget):
    """Panel that starts a run, shows its progress and cancels it.

    After the run, it offers to export the result or to retry the missing slices.
    """

    def __init__(
        self,
        session: Session,
        reduce: QAction,
        retry: QAction,
        compare: QAction,
        export: QAction,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._session = session
        self.button = QPushButton(icon("reduce", "accent_text"), tr("Reduce artifacts"))
        self.button.setObjectName("primary")
        self.button.clicked.connect(reduce.trigger)
        self._reduce = reduce
        self.cancel = QPushButton(icon("cancel"), tr("Cancel"))
        self.cancel.clicked.connect(session.runs.cancel)
        self.retry = QPushButton(icon("reduce"), tr("Retry"))
        self.retry.setToolTip(tr("Correct the missing slices with the same method and mask"))
        self.retry.clicked.connect(retry.trigger)
        self.compare = QPushButton(icon("layout_compare"), tr("Compare …"))
        self.compare.clicked.connect(compare.trigger)
        self._compare = compare
        compare.changed.connect(self._enable_compare)
        self._enable_compare()
        self.export = QPushButton(icon("export"), tr("Export …"))
        self.export.clicked.connect(export.trigger)
        self.bar = QProgressBar()
        self.bar.setRange(0, STEPS)
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName(tr("Progress"))
        self.text = Label()
        self.text.setObjectName("muted")
        self.text.setWordWrap(True)
        self.notes = NotesFold(most_px=MOST_NOTES_PX)
        self.results = QComboBox()
        self.results.setAccessibleName(tr("Result in view"))
        self.results.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.results.activated.connect(lambda at: session.show(self.results.itemData(at)))
        self.scope = ScopeRow(session)
        self.head = QVBoxLayout()
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 14)
        column.setSpacing(9)
        column.addLayout(self.head)
        column.addWidget(self.scope)
        column.addWidget(self.results)
        column.addWidget(self.text)
        column.addWidget(self.notes)
        column.addWidget(self.bar)
        column.addWidget(self.button)
        column.addWidget(self.retry)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.cancel, 1)
        row.addWidget(self.compare, 1)
        row.addWidget(self.export, 1)
        column.addLayout(row)
        session.runs.changed.connect(self.refresh)
        session.methods.chosen.connect(self.refresh)
        session.sensitivity.changed.connect(self.refresh)
        session.metal.changed.connect(self.refresh)
        session.result_changed.connect(self.refresh)
        session.library.started.connect(self.refresh)
        session.library.finished.connect(self.refresh)
        self.refresh()

    def refresh(self, *_: object) -> None:
        """Show the state of the job."""
        job = self._session.runs.job
        is_running = self._session.runs.is_running
        is_learning_first = self._session.learns_first
        reduces = tr("Train on this patient and reduce") if is_learning_first else tr("Reduce artifacts")
        self.button.setText(tr("Add to the queue") if is_running else reduces)
        self.button.setToolTip(tr(_LEARNS_FIRST if is_learning_first else _REDUCES))
        self._reduce.setText(reduces)
        self.button.setEnabled(not self._session.refusal and not self._session.sensitivity.is_running)
        self.bar.setVisible(is_running)
        self.cancel.setVisible(is_running)
        self.cancel.setEnabled(is_running and job is not None and job.state is not State.CANCELLING)
        self.cancel.setText(tr("Cancelling …") if is_running and not self.cancel.isEnabled() else tr("Cancel"))
        unfinished = self._session.unfinished
        self.retry.setVisible(unfinished is not None and not is_running)
        self.retry.setText(tr("Continue") if job is not None and job.state is State.CANCELLED else tr("Retry"))
        self.compare.setVisible(not is_running)
        self.export.setVisible(not is_running)
        self.scope.refresh()
        self.export.setEnabled(self._session.result is not None)
        if job is not None and is_running:
            is_starting = job.fraction == 0 and not job.result.done
            self.bar.setRange(0, 0 if is_starting else STEPS)
            self.bar.setValue(round(job.fraction * STEPS))
        self.text.setText(self._words(job))
        self.text.setVisible(bool(self.text.text()))
        result = self._session.result
        self.notes.show_notes(() if result is None or is_running else result.notes)
        self._list_results()

    def _enable_compare(self) -> None:
        """Enable or disable the button with its action; the tool tip of a disabled button says what is missing."""
        is_possible = self._compare.isEnabled()
        self.compare.setEnabled(is_possible)
        tip = tr("Run several methods on this slice, side by side  (Ctrl+6)")
        self.compare.setToolTip(tooltip(tip if is_possible else self._compare.toolTip()))

    def _words(self, job: Job | None) -> str:
        session = self._session
        if job is not None and session.runs.is_running:
            elsewhere = session.result is not job.result
            words = f"{job.result.series_title}: {progress_text(job)}" if elsewhere else progress_text(job)
            waiting = len(session.runs.waiting)
            return f"{words} · {tr('{} waiting').format(count(waiting, 'run'))}" if waiting else words
        if session.loaded is None:
            return ""
        if session.refusal:
            return session.refusal
        result, unfinished = session.result, session.unfinished
        if job is not None and job.state in {State.FAILED, State.CRASHED} and unfinished is None:
            return tr("The last run of {} failed.").format(tr(job.result.title))
        incomplete = result if result is not None and not result.is_complete else unfinished
        if incomplete is not None:
            is_cancelled = job is None or job.result is not incomplete or job.state is State.CANCELLED
            words = tr("Cancelled after {} of {} slices.") if is_cancelled else tr("Stopped after {} of {} slices.")
            return words.format(len(incomplete.done), len(incomplete.slices))
        return ""

    def _list_results(self) -> None:
        results = self._session.results
        self.results.setVisible(len(results) > 1 and not self._session.runs.is_running)
        self.results.clear()
        for number, result in enumerate(results, start=1):
            self.results.addItem(f"{number}  {tr(result.title)}, {result.mask_and_margin}", result)
            self.results.setItemData(number - 1, tooltip(result.mask_and_margin), Qt.ItemDataRole.ToolTipRole)
        if self._session.result in results:
            self.results.setCurrentIndex(results.index(self._session.result))


def progress_text(job: Job) -> str:
    """Describe the progress of a run."""
    if job.state is State.CANCELLING:
        return tr("Stopping …")
    if job.state is State.QUEUED:
        return tr("Starting …")
    if job.is_learning:
        words = tr("Learning from this patient: {}").format(told(job.text))
    else:
        words = tr("{} of {} slices").format(len(job.result.done), len(job.result.slices))
    left = job.remaining_s
    if left is not None and left >= 1:
        words += " · " + tr("about {} left").format(f"{left:.0f} s" if left < 90 else f"{left / 60:.0f} min")
    return words
