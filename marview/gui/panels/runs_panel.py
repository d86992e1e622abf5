"""The list of queued and finished runs on the series in view."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QWidget,
)

from marview.gui.differences_dialog import DifferencesDialog
from marview.gui.label import tooltip
from marview.gui.panels.folding import FoldingSection
from marview.gui.panels.run_panel import progress_text
from marview.session.job import Job
from marview.session.result import Result
from marview.session.run_differences import differences, made_with
from marview.session.session import Session
from marview.text import count, tr
from marview.time_left import in_words

MOST_PX = 170


class RunsPanel(FoldingSection):
    """List with one line per run. Clicking a finished run shows its result; two runs can be compared."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(tr("Runs"), parent, is_open=True)
        self._session = session
        self.dialog: DifferencesDialog | None = None
        self.list = QListWidget()
        self.list.setAccessibleName(tr("Runs"))
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.itemClicked.connect(self._show)
        self.list.itemActivated.connect(self._show)
        self.list.itemSelectionChanged.connect(self._enable)
        self.earlier = self._button(tr("Move up"), tr("Move the waiting run up in the queue"), lambda: self._move(-1))
        self.later = self._button(tr("Move down"), tr("Move the waiting run down in the queue"), lambda: self._move(1))
        self.cancel = self._button(tr("Cancel"), tr("Cancel the selected runs"), self._cancel)
        self.again = self._button(
            tr("Run again"), tr("Use the same method, parameters and slices with the current mask"), self._run_again
        )
        self.differ = self._button(tr("Differences …"), tr("Select two runs to see how they differ"), self._compare)
        self.column.addWidget(self.list)
        for buttons in ((self.earlier, self.later, self.cancel), (self.again, self.differ)):
            row = QHBoxLayout()
            row.setSpacing(8)
            for button in buttons:
                row.addWidget(button, 1)
            self.column.addLayout(row)
        session.runs.changed.connect(self.refresh)
        session.result_changed.connect(self.refresh)
        self.refresh()

    def _button(self, title: str, tip: str, does: object) -> QPushButton:
        made = QPushButton(title)
        made.setToolTip(tooltip(tip))
        made.clicked.connect(does)
        return made

    def refresh(self, *_: object) -> None:
        """Update the list; if it still contains the same runs, update only the text of each line."""
        runs: list[Job | Result] = [*self._session.runs.queue, *self._session.results]
        listed = [self.list.item(row).data(Qt.ItemDataRole.UserRole) for row in range(self.list.count())]
        if [id(one) for one in listed] != [id(one) for one in runs]:
            selected = {id(one) for one in self.selected}
            self.list.clear()
            for run in runs:
                item = QListWidgetItem()
                item.setData(Qt.ItemDataRole.UserRole, run)
                self.list.addItem(item)
                item.setSelected(id(run) in selected)
        for row, run in enumerate(runs):
            self._describe(self.list.item(row), run)
        row_px = self.list.sizeHintForRow(0) if runs else 0
        self.list.setFixedHeight(min(MOST_PX, len(runs) * row_px + 6))
        self.setVisible(bool(runs))
        self._enable()

    @property
    def selected(self) -> list[Job | Result]:
        """Return the selected runs in list order."""
        return [item.data(Qt.ItemDataRole.UserRole) for item in self.list.selectedItems()]

    def _describe(self, item: QListWidgetItem, run: Job | Result) -> None:
        if isinstance(run, Job):
            state = tr("waiting") if run.is_waiting else progress_text(run)
            text, tip = f"{tr(run.result.title)} · {state}", f"{run.result.series_title}\n{_made(run.result)}"
        else:
            number = self._session.results.index(run) + 1
            time = f" · {in_words(run.seconds)}" if run.seconds else ""
            text = f"{number}  {tr(run.title)} · {count(len(run.done), 'slice')}{time}"
            tip = _made(run)
        font = item.font()
        font.setBold(run is self._session.result)
        item.setFont(font)
        if item.text() != text:
            item.setText(text)
        item.setToolTip(tooltip(tip))

    def _enable(self) -> None:
        chosen = self.selected
        jobs = [run for run in chosen if isinstance(run, Job)]
        waiting = [job for job in jobs if job.is_waiting]
        results = [run for run in chosen if isinstance(run, Result)]
        self.earlier.setEnabled(len(chosen) == 1 and len(waiting) == 1)
        self.later.setEnabled(len(chosen) == 1 and len(waiting) == 1)
        self.cancel.setEnabled(bool(jobs))
        self.again.setEnabled(len(chosen) == 1 and len(results) == 1)
        self.differ.setEnabled(len(chosen) == 2 and len(results) == 2)
        is_queued = bool(self._session.runs.queue)
        for button in (self.earlier, self.later, self.cancel):
            button.setVisible(is_queued)
        for button in (self.again, self.differ):
            button.setVisible(bool(self._session.results))

    def _show(self, item: QListWidgetItem) -> None:
        run = item.data(Qt.ItemDataRole.UserRole)
        if isinstance(run, Result) and len(self.selected) == 1:
            self._session.show(run)

    def _move(self, places: int) -> None:
        for job in self.selected:
            if isinstance(job, Job) and job.is_waiting:
                self._session.runs.move(job, places)

    def _cancel(self) -> None:
        chosen = self.selected
        self._session.runs.cancel_all(lambda job: job in chosen)

    def _run_again(self) -> None:
        for result in self.selected:
            if isinstance(result, Result):
                self._session.reductions.run_again(result)

    def _compare(self) -> None:
        first, second = (run for run in self.selected if isinstance(run, Result))
        numbers = [self._session.results.index(run) + 1 for run in (first, second)]
        if self.dialog is not None:
            self.dialog.deleteLater()
        titles = [f"{number}  {tr(run.title)}" for number, run in zip(numbers, (first, second), strict=True)]
        self.dialog = DifferencesDialog(titles, differences(first, second), self)
        self.dialog.show()


def _made(result: Result) -> str:
    return "\n".join(f"{name}: {value}" for name, value in made_with(result).items())
