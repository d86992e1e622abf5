"""A pane that shows one result next to the others; all panes show the same measurements."""

from PySide6.QtWidgets import QWidget

from marview.gui.measurer import Measurer
from marview.gui.panes.result_words import caption, coverage_note
from marview.gui.panes.slice_pane import SlicePane
from marview.session.measured_plane import MeasuredPlane
from marview.session.picture import Picture
from marview.session.result import Result
from marview.session.session import Session
from marview.text import tr
from marview.told import told

PREFIX = "compare "


class ComparePane(SlicePane):
    """Pane that shows one result from the list of results.

    Args:
        place: index in the list; 0 is the oldest result.
    """

    redraws_for = frozenset({"slice_index", "slice_count", "is_original_held", "layout", "maximised"})

    def __init__(self, place: int, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(f"{PREFIX}{place}", tr("Result {}").format(place + 1), session, parent)
        self._place_in_list = place
        session.result_changed.connect(self.refresh)
        session.runs.filled.connect(self.refresh)
        self.measurer = Measurer(self.view, session, self)

    @property
    def result(self) -> Result | None:
        """Return the result of this pane; None if there are fewer results."""
        results = self.session.results
        return results[self._place_in_list] if self._place_in_list < len(results) else None

    def picture(self) -> Picture | None:
        """Return the corrected slice, or the original while the X key is held."""
        original, result, display = self.session.original(), self.result, self.session.view.display
        if original is None or result is None:
            return original
        note, kind = coverage_note(result, display, self.session.metal)
        title = tr("Original") if kind == "pending" else result.title_of(display.slice_index)
        self.title.setText(title if display.is_original_held else f"{self._place_in_list + 1} {title}")
        self.set_note(note, kind)
        self.set_caption(*caption(result), more=list(map(told, result.notes)), short=tr("Not for primary diagnosis."))
        if display.is_original_held:
            return original
        return Picture(result.corrected(original.values, display.slice_index), original.pixel_mm)

    def plane(self) -> MeasuredPlane | None:
        """Return None, because the pane shows a slice and not a section."""
        return None

    def is_there(self) -> bool:
        """Return whether a series is open."""
        return self.session.loaded is not None

    def pictures(self) -> tuple[Picture | None, Picture | None]:
        """Return the original slice and this result's corrected slice."""
        original, result = self.session.original(), self.result
        if original is None or result is None:
            return original, None
        values = result.corrected(original.values, self.session.view.display.slice_index)
        return original, Picture(values, original.pixel_mm)
