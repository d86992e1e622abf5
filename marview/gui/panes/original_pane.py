"""The slice as it was read, with the metal mask."""

from PySide6.QtWidgets import QWidget

from marview.gui.overlay import outlined
from marview.gui.palette import colour
from marview.gui.panes.slice_pane import SlicePane
from marview.gui.text import tr
from marview.session.display import Display, Overlay
from marview.session.picture import Picture
from marview.session.session import Session


class OriginalPane(SlicePane):
    """The source, never altered."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__("original", tr("Original"), session, parent)
        session.metal.changed.connect(lambda: self.draw_overlays(session.view.display))

    def picture(self) -> Picture | None:
        """The slice in view."""
        loaded = self.session.loaded
        if loaded is not None:
            grid = loaded.volume.grid
            planes, rows, columns = grid.shape
            z_mm, y_mm, x_mm = grid.spacing_mm
            size = f"{columns} × {rows} × {planes}  ·  {x_mm:.2f} × {y_mm:.2f} × {z_mm:.2f} mm"
            self.set_caption(loaded.series.description, size)
        return self.session.original()

    def draw_overlays(self, display: Display) -> None:
        """Draw the metal mask."""
        if not self.isVisible():
            return
        metal = self.session.metal
        has_mask = display.shows(Overlay.MASK) and len(metal.counts) > display.slice_index
        mask = metal.plane(display.slice_index) if has_mask else None
        image = None if mask is None else outlined(mask, colour("metal"), 90, 235)
        self.view.overlay("mask").show_image(image, self._rect())
        voxels = int(metal.counts[display.slice_index]) if len(metal.counts) > display.slice_index else 0
        self.set_note(tr("metal, {} pixels").format(voxels) if voxels else "", "metal")
