"""The *Correct several studies* window: choose studies, follow and pause the queue, and open results."""

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QDialog,
    QDoubleSpinBox,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QListWidget,
    QProgressBar,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from marview.batch.job import Job, State
from marview.batch.summary import sentence
from marview.export import Format
from marview.gui.icons import icon
from marview.gui.label import Label, tooltip
from marview.gui.panels.section import labelled, set_up
from marview.session.session import Session
from marview.session.several import BatchOrder, Stage
from marview.text import tr, translatable
from marview.told import told

COLUMNS = (
    translatable("Study"),
    translatable("State"),
    translatable("Input"),
    translatable("Slices"),
    translatable("Corrected"),
    translatable("Seconds"),
    translatable("Reason"),
)
FORMATS = {Format.DICOM: translatable("DICOM series"), Format.NIFTI: "NIfTI", Format.PNG: "PNG"}


class SeveralWindow(QDialog):
    """Window for the queue of `marview batch`, usable while the main window is open.

    Closing the window does not stop the queue.
    """

    def __init__(self, session: Session, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Correct several studies"))
        self._session = session
        self._several = session.several
        self.inputs = QListWidget()
        self.inputs.setAccessibleName(tr("Folders and files"))
        self.inputs.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.inputs.setMaximumHeight(96)
        self.add_folder = _button(tr("Add folder …"), self._add_folder)
        self.add_file = _button(tr("Add file or zip …"), self._add_file)
        self.remove = _button(tr("Remove"), self._remove)
        self.output = QLineEdit()
        self.output.setAccessibleName(tr("Output folder"))
        self.output.setPlaceholderText(tr("A new folder, or one with a job table to resume"))
        self.output.textChanged.connect(self.refresh)
        self.browse = _button(tr("Browse …"), self._browse)
        self.method, self.format, self.margin = QComboBox(), QComboBox(), QDoubleSpinBox()
        set_up(self.margin, 112)
        self.margin.setDecimals(1)
        self.margin.setRange(-5.0, 10.0)
        self.margin.setSingleStep(0.5)
        self.margin.setSuffix(" mm")
        for format_, title in FORMATS.items():
            self.format.addItem(tr(title), format_.value)
        self.start = _button(tr("Start"), self._start)
        self.start.setObjectName("primary")
        self.pause = _button(tr("Pause"), self._pause)
        self.retry = _button(tr("Retry failed"), lambda: self._several.resume(retries_failed=True))
        self.open_result = _button(tr("Open result"), self._open)
        self.bar = QProgressBar()
        self.bar.setAccessibleName(tr("Progress"))
        self.bar.setTextVisible(False)
        self.text = Label()
        self.text.setWordWrap(True)
        self.table = QTableWidget(0, len(COLUMNS))
        self.table.setAccessibleName(tr("Studies"))
        self.table.setHorizontalHeaderLabels([tr(title) for title in COLUMNS])
        self.table.verticalHeader().hide()
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        header = self.table.horizontalHeader()
        for column in range(len(COLUMNS)):
            is_wide = COLUMNS[column] in {"Input", "Reason"}
            mode = QHeaderView.ResizeMode.Stretch if is_wide else QHeaderView.ResizeMode.ResizeToContents
            header.setSectionResizeMode(column, mode)
        self.table.itemSelectionChanged.connect(self.refresh)
        self.table.itemDoubleClicked.connect(lambda _item: self._open())
        self._arrange()
        self._several.changed.connect(self.refresh)
        session.methods.listed.connect(self._list_methods)
        self._list_methods()
        self.resize(900, 640)
        self.refresh()

    def _arrange(self) -> None:
        add = QHBoxLayout()
        for button in (self.add_folder, self.add_file, self.remove):
            add.addWidget(button)
        add.addStretch(1)
        where = QHBoxLayout()
        where.addWidget(Label(tr("Save to")))
        where.addWidget(self.output, 1)
        where.addWidget(self.browse)
        how = QHBoxLayout()
        how.setSpacing(18)
        for title, widget in ((tr("Method"), self.method), (tr("Margin"), self.margin), (tr("Format"), self.format)):
            how.addLayout(labelled(title, widget))
        how.addStretch(1)
        how.addWidget(self.start)
        below = QHBoxLayout()
        for button in (self.pause, self.retry):
            below.addWidget(button)
        below.addStretch(1)
        below.addWidget(self.open_result)
        down = QVBoxLayout(self)
        down.addWidget(self.inputs)
        for row in (add, where, how):
            down.addLayout(row)
        down.addWidget(self.text)
        down.addWidget(self.bar)
        down.addWidget(self.table, 1)
        down.addLayout(below)

    def add(self, path: Path) -> None:
        """Add a folder or file, unless the list contains it already."""
        if str(path) not in self.paths:
            self.inputs.addItem(str(path))
        if not self.output.text():
            self.output.setText(str(path.parent / "corrected"))
        self.refresh()

    @property
    def paths(self) -> list[str]:
        """Return the folders and files."""
        return [self.inputs.item(row).text() for row in range(self.inputs.count())]

    def refresh(self, *_: object) -> None:
        """Show the state of the batch."""
        several, jobs = self._several, self._several.jobs
        is_under_way = several.stage.is_under_way
        for widget in (self.inputs, self.output, self.method, self.margin, self.format):
            widget.setEnabled(not is_under_way)
        for button in (self.add_folder, self.add_file, self.remove, self.browse):
            button.setEnabled(not is_under_way)
        is_named = bool(self.paths) and bool(self.output.text().strip()) and self.method.count() > 0
        self.start.setEnabled(is_named and not is_under_way)
        is_paused = several.stage is Stage.PAUSED
        self.pause.setText(tr("Resume") if is_paused else tr("Pause"))
        self.pause.setIcon(icon("reduce" if is_paused else "cancel"))
        self.pause.setEnabled(several.stage in {Stage.RUNNING, Stage.PAUSED})
        self.retry.setEnabled(not is_under_way and any(job.state is State.FAILED for job in jobs))
        chosen = self._chosen
        self.open_result.setEnabled(chosen is not None and several.result_of(chosen) is not None)
        self.bar.setVisible(is_under_way)
        self.bar.setRange(0, len(jobs))
        self.bar.setValue(several.settled)
        self.text.setText(self._words())
        self._list_jobs()

    def _words(self) -> str:
        several = self._several
        said = {
            Stage.IDLE: tr("marview corrects the best axial series of each study and saves it to a separate folder."),
            Stage.PAUSING: tr("Pausing …"),
            Stage.FAILED: several.sentence,
            Stage.RUNNING: tr("Looking for studies …"),
        }
        if several.jobs and several.stage in {Stage.RUNNING, Stage.PAUSED, Stage.DONE}:
            before = tr("Paused. ") if several.stage is Stage.PAUSED else ""
            return before + sentence(several.jobs)
        return said.get(several.stage, "")

    def _list_jobs(self) -> None:
        jobs = self._several.jobs
        self.table.setRowCount(len(jobs))
        for row, job in enumerate(jobs):
            for column, words in enumerate(_cells(job)):
                item = self.table.item(row, column)
                if item is None:
                    item = QTableWidgetItem()
                    self.table.setItem(row, column, item)
                if item.text() != words:
                    item.setText(words)
                    item.setToolTip(tooltip(words))

    @property
    def _chosen(self) -> Job | None:
        row = self.table.currentRow()
        return self._several.jobs[row] if 0 <= row < len(self._several.jobs) else None

    def _list_methods(self) -> None:
        current = self._session.methods.current
        self.method.clear()
        for listing in self._session.methods.usable:
            if listing.manifest is not None:
                self.method.addItem(tr(listing.manifest.title), listing.id)
        self.method.setCurrentIndex(self.method.findData("" if current is None else current.id))

    def _start(self) -> None:
        method = str(self.method.currentData())
        self._several.begin(
            BatchOrder(
                inputs=tuple(map(Path, self.paths)),
                output=Path(self.output.text().strip()).expanduser().absolute(),
                method=method,
                parameters=self._session.methods.values(method),
                margin_mm=self.margin.value(),
                format_=Format(self.format.currentData()),
                restores_cut_off=self._session.methods.restores_cut_off,
            )
        )

    def _pause(self) -> None:
        if self._several.stage is Stage.PAUSED:
            self._several.resume()
        else:
            self._several.pause()

    def _open(self) -> None:
        chosen = self._chosen
        folder = None if chosen is None else self._several.result_of(chosen)
        if folder is not None:
            self._session.open(folder)

    def _add_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, tr("Add a folder of studies"))
        if chosen:
            self.add(Path(chosen))

    def _add_file(self) -> None:
        chosen, _ = QFileDialog.getOpenFileNames(self, tr("Add files"))
        for path in chosen:
            self.add(Path(path))

    def _remove(self) -> None:
        for item in self.inputs.selectedItems():
            self.inputs.takeItem(self.inputs.row(item))
        self.refresh()

    def _browse(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, tr("Save to"))
        if chosen:
            self.output.setText(chosen)


def _button(title: str, does: object) -> QPushButton:
    made = QPushButton(title)
    made.setAutoDefault(False)
    made.clicked.connect(does)
    return made


def _cells(job: Job) -> tuple[str, ...]:
    why = told(job.reason) or " ".join(map(told, job.notes))
    corrected = str(job.corrected) if job.state is State.DONE or (job.state is State.RUNNING and job.corrected) else ""
    figures = (corrected, f"{job.seconds:.1f}" if job.state is State.DONE else "")
    return (str(job.number), tr(job.state.value), str(job.source), str(job.slices or ""), *figures, why)
