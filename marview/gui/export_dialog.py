"""The export dialog: format, folder, progress and written files."""

from pathlib import Path

from PySide6.QtCore import QUrl, Signal
from PySide6.QtGui import QCloseEvent, QDesktopServices
from PySide6.QtWidgets import (
    QButtonGroup,
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from marview.dicom.derive import refuse_underivable
from marview.errors import BadInput
from marview.export import Format
from marview.gui.icons import icon
from marview.gui.label import Label
from marview.session.exports import ExportState, folder_name
from marview.session.session import Session
from marview.text import tr, translatable

TITLES = {
    Format.DICOM: (
        translatable("DICOM series"),
        translatable("A derived CT series with new UIDs and references to the source"),
    ),
    Format.NIFTI: ("NIfTI", translatable("Corrected volume, metal mask, provenance")),
    Format.PNG: (translatable("PNG pictures"), translatable("A picture of every slice in the current HU window")),
}


class ExportDialog(QDialog):
    """Dialog that exports the result in view; it is not modal, so the images stay usable."""

    open_asked = Signal(str)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._state = ExportState()
        self.setWindowTitle(tr("Export the result"))
        self.formats = QButtonGroup(self)
        self.buttons: dict[Format, QRadioButton] = {}
        self.about: dict[Format, Label] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(8)
        for number, (format_, (title, about)) in enumerate(TITLES.items()):
            button = QRadioButton(tr(title))
            self.formats.addButton(button, number)
            self.buttons[format_] = button
            words = Label(tr(about))
            words.setObjectName("muted")
            words.setWordWrap(True)
            self.about[format_] = words
            words.setContentsMargins(25, 0, 0, 4)
            column.addWidget(button)
            column.addWidget(words)
        self.folder = QLineEdit()
        self.folder.setAccessibleName(tr("Folder"))
        self.folder.setMinimumWidth(440)
        self.browse = QPushButton(icon("open"), tr("Browse …"))
        self.browse.clicked.connect(self._browse)
        row = QHBoxLayout()
        row.addWidget(self.folder, 1)
        row.addWidget(self.browse)
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.partial = Label(_partial(session))
        self.partial.setObjectName("warning")
        self.partial.setWordWrap(True)
        self.partial.setVisible(bool(self.partial.text()))
        self.sentence = Label()
        self.sentence.setWordWrap(True)
        self.start = QPushButton(tr("Export"))
        self.start.setObjectName("primary")
        self.start.setDefault(True)
        self.start.clicked.connect(self.export)
        self.show_folder = QPushButton(icon("open"), tr("Show folder"))
        self.show_folder.clicked.connect(self._show_folder)
        self.reopen = QPushButton(icon("layout_read"), tr("Open in marview"))
        self.reopen.clicked.connect(self._reopen)
        self.leave = QPushButton(tr("Close"))
        self.leave.clicked.connect(self._leave)
        last = QHBoxLayout()
        last.setSpacing(8)
        last.addWidget(self.show_folder)
        last.addWidget(self.reopen)
        last.addStretch(1)
        last.addWidget(self.leave)
        last.addWidget(self.start)
        column.addWidget(self.partial)
        column.addSpacing(6)
        column.addWidget(Label(tr("Save to a new folder")))
        column.addLayout(row)
        column.addSpacing(4)
        column.addWidget(self.sentence)
        column.addWidget(self.bar)
        column.addSpacing(6)
        column.addLayout(last)
        session.exports.changed.connect(self.show_state)
        self._refusal = _refusal(session)
        self._prepare()
        self.show_state(ExportState())

    @property
    def format(self) -> Format:
        """Return the chosen format."""
        return next(format_ for format_, button in self.buttons.items() if button.isChecked())

    def export(self) -> None:
        """Start the export, or report what is missing if it cannot start."""
        loaded, result = self._session.loaded, self._session.result
        folder = Path(self.folder.text().strip()).expanduser()
        if loaded is None or result is None:
            self.sentence.setText(tr("There is no result to export: reduce artifacts first."))
        elif not self.folder.text().strip():
            self.sentence.setText(tr("Choose a folder."))
        else:
            self._session.settings.export_folder = str(folder.absolute().parent)
            window = self._session.view.display.window
            self._session.exports.begin(loaded, result, window, self.format, folder.absolute())

    def show_state(self, state: ExportState) -> None:
        """Show the progress of the export."""
        self._state = state
        is_running = self._session.exports.is_running
        self.bar.setVisible(is_running)
        self.bar.setRange(0, 1000 if state.fraction else 0)
        self.bar.setValue(round(state.fraction * 1000))
        self.sentence.setText(state.sentence)
        self.sentence.setVisible(bool(state.sentence))
        name = "" if state.folder is not None or not state.sentence else "error"
        if self.sentence.objectName() != name:
            self.sentence.setObjectName(name)
            self.sentence.style().polish(self.sentence)
        is_done = state.folder is not None
        self.show_folder.setVisible(is_done)
        self.reopen.setVisible(is_done and self.format is not Format.PNG)
        self.start.setVisible(not is_done)
        self.start.setEnabled(not is_running)
        self.leave.setText(tr("Cancel") if is_running else tr("Close"))
        for widget in (self.folder, self.browse, *self.buttons.values()):
            widget.setEnabled(not is_running and not is_done)
        if not is_running and not is_done:
            self.buttons[Format.DICOM].setEnabled(self._has_dicom())

    def _has_dicom(self) -> bool:
        return not self._refusal

    def _prepare(self) -> None:
        if self._refusal:
            self.about[Format.DICOM].setText(self._refusal)
        self.buttons[Format.DICOM if self._has_dicom() else Format.NIFTI].setChecked(True)
        loaded, result, settings = self._session.loaded, self._session.result, self._session.settings
        if loaded is not None and result is not None:
            parent = Path(settings.export_folder) if settings.export_folder else Path.home()
            self.folder.setText(str(_free(parent / folder_name(loaded, result))))

    def _browse(self) -> None:
        here = Path(self.folder.text() or Path.home())
        chosen = QFileDialog.getExistingDirectory(self, tr("Create the new folder in"), str(here.parent))
        if chosen:
            self.folder.setText(str(_free(Path(chosen) / here.name)))

    def _show_folder(self) -> None:
        if self._state.folder is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._state.folder)))

    def _reopen(self) -> None:
        if self._state.folder is not None:
            is_volume = (self._state.folder / "corrected.nii.gz").is_file()
            self.open_asked.emit(str(self._state.folder / "corrected.nii.gz" if is_volume else self._state.folder))
            self.accept()

    def _leave(self) -> None:
        if self._session.exports.is_running:
            self._session.exports.cancel()
        else:
            self.close()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Cancel a running export and disconnect from the session."""
        self._session.exports.cancel()
        self._session.exports.changed.disconnect(self.show_state, missing_ok=True)
        super().closeEvent(event)


def _refusal(session: Session) -> str:
    """Return the reason why the source cannot be exported as DICOM, or an empty string if it can."""
    if session.loaded is None:
        return tr("No series is open.")
    try:
        refuse_underivable(session.loaded)
    except BadInput as why:
        return str(why)
    return ""


def _partial(session: Session) -> str:
    """Return a warning if the result leaves slices with metal uncorrected; empty otherwise."""
    result, with_metal = session.result, session.metal.slices
    corrected = 0 if result is None else sum(z in result.done for z in with_metal)
    if corrected == len(with_metal):
        return ""
    words = tr("{} of {} slices with metal corrected; the other slices are exported unchanged.")
    return words.format(corrected, len(with_metal))


def _free(path: Path) -> Path:
    """Return the path, or the path with the first free number if it exists."""
    return next(
        one
        for one in (path, *(path.with_name(f"{path.name}_{number}") for number in range(2, 1000)))
        if not one.exists() or (one.is_dir() and not any(one.iterdir()))
    )
