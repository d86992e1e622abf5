"""The prior image of a method, on the processing grid."""

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from marview.geometry import processing_pixel_mm
from marview.gui.panes.slice_pane import SlicePane
from marview.session.picture import Picture
from marview.session.result import Coverage
from marview.session.session import Session
from marview.text import tr


class PriorPane(SlicePane):
    """Shows the prior image of the result in view, or why there is none."""

    redraws_for = frozenset({"slice_index", "slice_count", "layout", "maximised"})

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__("prior", tr("Prior image"), session, parent)
        session.result_changed.connect(self.refresh)
        session.runs.filled.connect(self._fill)

    def picture(self) -> Picture | None:
        """Return the prior image of the slice in view."""
        session, z = self.session, self.session.view.display.slice_index
        original, result = session.original(), session.result
        if original is None or result is None:
            self.set_note("")
            self._hint(tr("The prior image appears with a result.") if original is not None else "")
            return None
        values = result.output("prior", z)
        if values is None:
            is_waiting = result.coverage(z) is Coverage.WAITING
            has_none = result.coverage(z) is Coverage.CORRECTED
            reason = tr("no metal in this slice")
            reason = tr("this method has none") if has_none else tr("waiting for this slice") if is_waiting else reason
            self.set_note(reason, "pending" if is_waiting else "")
            self._hint("")
            return None
        self.set_note("")
        self._hint("")
        pixel_mm = processing_pixel_mm((original.values.shape[0], original.values.shape[1]), original.pixel_mm)
        size = f"{values.shape[1]} × {values.shape[0]}  ·  {pixel_mm:.2f} mm"
        self.set_caption(tr("The method's estimate of the slice without metal"), tr("Processing grid, {}").format(size))
        return Picture(
            np.clip(np.rint(values.astype(np.float32)), -32768, 32767).astype(np.int16), (pixel_mm, pixel_mm)
        )

    def _hint(self, text: str) -> None:
        self.set_caption("")
        self.view.set_text(Qt.AlignmentFlag.AlignCenter, text)

    def _fill(self, slice_index: int) -> None:
        if slice_index == self.session.view.display.slice_index:
            self.refresh()
