"""Comparison pane for another series, resampled to the slice in view."""

from PySide6.QtWidgets import QWidget

from marview.gui.measurer import Measurer
from marview.gui.panes.slice_pane import SlicePane
from marview.session.measured_plane import MeasuredPlane
from marview.session.picture import Picture
from marview.session.session import Session
from marview.text import tr

NAME = "beside"


class BesidePane(SlicePane):
    """Pane for another series (a scan, a correction or a ground truth); the X key shows the original."""

    redraws_for = frozenset({"slice_index", "slice_count", "is_original_held", "layout", "maximised"})

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(NAME, tr("Other series"), session, parent)
        session.beside.changed.connect(self.refresh)
        self.measurer = Measurer(self.view, session, self)

    def picture(self) -> Picture | None:
        """Return the other series, resampled to the slice in view."""
        session, display = self.session, self.session.view.display
        other = session.beside.other
        if other is None:
            self.title.setText(tr("Other series"))
            self.set_note("")
            self.set_caption("")
            return None
        self.title.setText(tr("Original") if display.is_original_held else other.title)
        if other.is_other_patient:
            self.set_note(tr("another patient"), "warning")
        else:
            self.set_note(
                "" if other.is_in_frame else tr("aligned by an offset, not by a frame of reference"), "pending"
            )
        x, y, z = session.beside.offset_mm
        planes, rows, columns = other.volume.grid.shape
        self.set_caption(
            tr("Offset {:.1f}, {:.1f}, {:.1f} mm").format(x, y, z) if any((x, y, z)) else tr("Same frame of reference"),
            f"{columns} × {rows} × {planes}",
            [tr("Ctrl+PgUp and Ctrl+PgDown shift the other series by one slice.")],
        )
        return session.original() if display.is_original_held else session.beside.picture(display.slice_index)

    def plane(self) -> MeasuredPlane | None:
        """Return None, because the pane shows a slice and not a section."""
        return None

    def is_there(self) -> bool:
        """Return whether another series is shown next to the one in view."""
        return self.session.beside.other is not None

    def pictures(self) -> tuple[Picture | None, Picture | None]:
        """Return the slice in view and the same section through the other series; each is None if missing."""
        return self.session.original(), self.session.beside.picture(self.session.view.display.slice_index)
