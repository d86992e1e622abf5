"""Pane with the original slice and the metal mask, on which the user paints."""

from PySide6.QtWidgets import QWidget

from marview.dicom import LoadedSeries
from marview.gui.measurer import Measurer, SliceSurface
from marview.gui.overlay import MaskPicture
from marview.gui.palette import on_image
from marview.gui.panes.slice_pane import SlicePane
from marview.session.display import Display, Overlay
from marview.session.picture import Picture
from marview.session.session import Session
from marview.text import count, tr
from marview.volume.box import Box


def _about(loaded: LoadedSeries) -> list[str]:
    """Describe how a derived series was made, from its header."""
    header = next((one for one in loaded.sources if one is not None), None)
    return [header.derivation] if header is not None and loaded.series.derived else []


class OriginalPane(SlicePane):
    """Pane that shows the original slice, unaffected by runs."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__("original", tr("Original"), session, parent)
        self._mask_picture = MaskPicture(on_image("metal"), 90, 235)
        self._drawn: int | None = None
        self.measurer = Measurer(self.view, session, SliceSurface(session, shows_change=False), paints=True)
        session.metal.touched.connect(self._touch)
        session.metal.changed.connect(self._change)

    def picture(self) -> Picture | None:
        """Return the slice in view."""
        loaded = self.session.loaded
        if loaded is not None:
            grid = loaded.volume.grid
            planes, rows, columns = grid.shape
            z_mm, y_mm, x_mm = grid.spacing_mm
            size = f"{columns} × {rows} × {planes}  ·  {x_mm:.2f} × {y_mm:.2f} × {z_mm:.2f} mm"
            self.set_caption(loaded.series.derived or loaded.series.description, size, _about(loaded))
        return self.session.original()

    def draw_overlays(self, display: Display) -> None:
        """Draw the metal mask."""
        if not self.isVisible():
            return
        metal = self.session.metal
        has_mask = display.shows(Overlay.MASK) and len(metal.counts) > display.slice_index
        mask = metal.plane(display.slice_index) if has_mask else None
        image = None if mask is None else self._mask_picture.draw(mask)
        self._drawn = None if mask is None else display.slice_index
        self.view.overlay("mask").show_image(image, self._rect())
        self._count(display)

    def _touch(self, box: Box) -> None:
        """Redraw the changed part of the mask."""
        display, metal = self.session.view.display, self.session.metal
        z = display.slice_index
        if not self.isVisible() or metal.shared is None or not box[0].start <= z < box[0].stop:
            return
        if not metal.is_painting or self._drawn != z:
            self.draw_overlays(display)
            return
        self._mask_picture.redraw(metal.shared.array[z], box[1], box[2])
        self.view.overlay("mask").show_part(box[1], box[2])

    def _change(self) -> None:
        if self.session.metal.shared is None or self._drawn is None:
            self.draw_overlays(self.session.view.display)
        elif self.isVisible():
            self._count(self.session.view.display)

    def _count(self, display: Display) -> None:
        counts = self.session.metal.counts
        voxels = int(counts[display.slice_index]) if len(counts) > display.slice_index else 0
        self.set_note(tr("metal, {}").format(count(voxels, "pixel")) if voxels else "", "metal")
