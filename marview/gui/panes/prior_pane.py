"""The prior image of a method, or the artifact image of an image-domain method, on the processing grid."""

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from marview.geometry import processing_pixel_mm
from marview.gui.panes.slice_pane import WINDOW_DRAG, SlicePane
from marview.session.display import Display
from marview.session.picture import Picture
from marview.session.result import Coverage
from marview.session.session import Session
from marview.text import tr
from marview.volume.window import HuWindow


class PriorPane(SlicePane):
    """Pane that shows the prior or artifact image of the result in view, or explains why there is none."""

    redraws_for = frozenset({"slice_index", "slice_count", "layout", "maximised"})
    _is_artifact = False

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__("prior", tr("Prior image"), session, parent)
        session.result_changed.connect(self.refresh)
        session.runs.filled.connect(self._fill)
        session.methods.chosen.connect(self.refresh)

    def window_in_use(self, display: Display) -> HuWindow:
        """Return the HU window; artifact images use the HU window of difference images."""
        return display.difference_window if self._is_artifact else display.window

    def picture(self) -> Picture | None:
        """Return the prior or artifact image of the slice in view."""
        session, z = self.session, self.session.view.display.slice_index
        original, result = session.original(), session.result
        current = session.methods.current
        method = result.method if result is not None else current.id if current is not None else ""
        self._name(is_artifact=session.methods.subtracts(method))
        if original is None or result is None:
            hint = tr("Run the method to see its artifact image.") if self._is_artifact else ""
            hint = hint or tr("Run a method to see its prior image.")
            self.set_note("")
            self._hint(hint if original is not None else "")
            return None
        values = result.output("prior", z)
        if values is not None:
            self._name(is_artifact=False)
        elif (values := result.output("artifact", z)) is not None:
            self._name(is_artifact=True)
        if values is None:
            unchanged = tr("no metal in this slice")
            if session.metal.plane(z) is not None:
                unchanged = tr("this slice was not corrected")
            reasons = {
                Coverage.WAITING: tr("waiting for this slice"),
                Coverage.CORRECTED: tr("not provided by this method"),
                Coverage.UNCHANGED: unchanged,
            }
            coverage = result.coverage(z)
            self.set_note(reasons[coverage], "pending" if coverage is Coverage.WAITING else "")
            self._hint("")
            return None
        self.set_note("")
        self._hint("")
        pixel_mm = processing_pixel_mm((original.values.shape[0], original.values.shape[1]), original.pixel_mm)
        size = f"{values.shape[1]} × {values.shape[0]}  ·  {pixel_mm:.2f} mm"
        meaning = tr("The method's estimate of the slice without metal")
        if self._is_artifact:
            meaning = tr("What the method subtracts from the slice")
        self.set_caption(meaning, tr("Processing grid, {}").format(size))
        return Picture(
            np.clip(np.rint(values.astype(np.float32)), -32768, 32767).astype(np.int16), (pixel_mm, pixel_mm)
        )

    def _name(self, *, is_artifact: bool) -> None:
        self._is_artifact = is_artifact
        self.title.setText(tr("Artifact image") if is_artifact else tr("Prior image"))

    def _hint(self, text: str) -> None:
        self.set_caption("")
        self.view.set_text(Qt.AlignmentFlag.AlignCenter, text)

    def _drag_window(self, right_px: float, down_px: float) -> None:
        if not self._is_artifact:
            super()._drag_window(right_px, down_px)
            return
        step = max(100.0, self.session.view.display.difference_window.width_hu) * WINDOW_DRAG
        self.session.view.adjust_difference(right_px * step, down_px * step)

    def _fill(self, slice_index: int) -> None:
        if slice_index == self.session.view.display.slice_index:
            self.refresh()
