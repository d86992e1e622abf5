"""A titled section of the side panel."""

from PySide6.QtWidgets import QDoubleSpinBox, QFrame, QHBoxLayout, QSpinBox, QVBoxLayout, QWidget

from marview.gui.label import Label


class Section(QWidget):
    """Section with a title, space for controls next to the title, and a column of widgets."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        heading = Label(title.upper())
        heading.setObjectName("sectionTitle")
        self.header = QHBoxLayout()
        self.header.setSpacing(6)
        self.header.addWidget(heading)
        self.header.addStretch(1)
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(16, 12, 16, 14)
        self.body.setSpacing(9)
        self.body.addLayout(self.header)


def set_up(box: QSpinBox | QDoubleSpinBox, width: int) -> None:
    """Set a number field's width and margin; the field reports its value only when typing is finished."""
    box.setKeyboardTracking(False)
    box.setFixedWidth(width)
    box.lineEdit().setTextMargins(8, 0, 0, 0)  # style sheets cannot pad number fields on the left


def line() -> QFrame:
    """Create a thin line between sections."""
    made = QFrame()
    made.setObjectName("line")
    return made


def labelled(text: str, widget: QWidget) -> QHBoxLayout:
    """Create a row with a label on the left and a widget on the right."""
    words = Label(text)
    words.setBuddy(widget)
    widget.setAccessibleName(widget.accessibleName() or text)
    row = QHBoxLayout()
    row.setSpacing(10)
    row.addWidget(words)
    row.addStretch(1)
    row.addWidget(widget)
    return row
