"""A list of notes that collapses to a button such as "3 notes"."""

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QToolButton, QVBoxLayout, QWidget

from marview.gui.icons import icon
from marview.gui.label import Label, tooltip
from marview.text import count
from marview.told import told


class NotesFold(QWidget):
    """A collapsible list of notes below a button that shows their number; new notes collapse the list.

    Args:
        tone: style of the notes, "muted" or "warning".
        shows_one: whether a single note is shown without a button.
        most_px: maximum height of the notes; longer notes scroll. None for no limit.
    """

    def __init__(
        self,
        parent: QWidget | None = None,
        *,
        tone: str = "muted",
        shows_one: bool = False,
        most_px: int | None = None,
    ) -> None:
        super().__init__(parent)
        self._shows_one = shows_one
        self._most_px = most_px
        self.button = QToolButton()
        self.button.setObjectName("fold")
        self.button.setCheckable(True)
        self.button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.text = Label()
        self.text.setObjectName(tone)
        self.text.setWordWrap(True)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.text.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.area = QScrollArea()
        self.area.setFrameShape(QFrame.Shape.NoFrame)
        self.area.setWidgetResizable(True)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.area.setWidget(self.text)
        self.button.toggled.connect(self._fold)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.button)
        column.addWidget(self.area)
        self._notes: tuple[str, ...] = ()
        self.show_notes(())

    def show_notes(self, notes: Sequence[str]) -> None:
        """Show a list of notes."""
        shown = tuple(map(told, notes))
        if shown != self._notes:
            self._notes = shown
            self.button.setChecked(False)
            self.button.setText(count(len(notes), "note"))
            self.button.setAccessibleName(self.button.text())
            self.button.setToolTip(tooltip("\n".join(shown)))
            self.text.setText("\n\n".join(shown))
        self.setVisible(bool(notes))
        self._fold(self.button.isChecked())

    def _fold(self, is_open: bool) -> None:  # noqa: FBT001 - a Qt signal's argument
        is_single = self._shows_one and len(self._notes) == 1
        self.button.setVisible(not is_single)
        self.area.setVisible(is_open or is_single)
        self._fit()
        self.button.setIcon(icon("chevron" if is_open else "chevron_right", "muted"))

    def _fit(self) -> None:
        """Make the notes as high as their text, which layouts of wrapped labels do not always do."""
        height = max(0, self.text.heightForWidth(self.width()))
        self.area.setFixedHeight(height if self._most_px is None else min(height, self._most_px))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the height to the new width."""
        super().resizeEvent(event)
        self._fit()
