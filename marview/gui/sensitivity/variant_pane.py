"""Main pane of a sweep: the selected variant with its mask, the sensitivity map, the line and the region."""

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QToolButton, QWidget

from marview.gui.icons import icon
from marview.gui.overlay import outlined
from marview.gui.palette import on_image
from marview.gui.panes.segmented import Segmented
from marview.gui.panes.slice_pane import SlicePane
from marview.gui.sensitivity import colours
from marview.gui.sensitivity.colour_bar import ColourBar
from marview.gui.sensitivity.measuring import Measuring, Pen
from marview.session.display import Display, Overlay
from marview.session.picture import Picture
from marview.session.session import Session
from marview.session.swept import strongest
from marview.text import tr

LEAST_PX = 430
"""Minimum width in pixels that fits title and buttons."""


class VariantPane(SlicePane):
    """The main pane of the Sensitivity layout."""

    redraws_for = frozenset({"slice_index", "slice_count", "is_original_held", "layout", "maximised"})

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__("variant", tr("Variant"), session, parent)
        self.setMinimumWidth(LEAST_PX)
        self.measuring = Measuring(self.view, session)
        self.pens = Segmented({Pen.NONE: tr("View"), Pen.LINE: tr("Line"), Pen.REGION: tr("Region")})
        self.pens.setToolTip(tr("What the left button does: width and level, draw the line, draw or move the region"))
        self.pens.choose(Pen.NONE)
        self.pens.chosen.connect(lambda name: self.measuring.take(Pen(name)))
        self.map = QToolButton()
        self.map.setIcon(icon("spread"))
        self.map.setCheckable(True)
        self.map.setToolTip(tr("Sensitivity map: where the result depends on the mask  (Shift+V)"))
        self.map.setAccessibleName(tr("Sensitivity map"))
        self.map.clicked.connect(lambda: session.view.toggle_overlay(Overlay.SPREAD))
        self.controls.addWidget(self.pens)
        self.controls.addWidget(self.map)
        self.bar = ColourBar(self.view.viewport())
        sensitivity = session.sensitivity
        sensitivity.found.connect(self.refresh)
        sensitivity.chosen.connect(self.refresh)

    def picture(self) -> Picture | None:
        """Return the slice of the variant, or the original (X key held, or slice not in the sweep)."""
        session, display = self.session, self.session.view.display
        self._describe(display)
        original, swept = session.original(), session.sensitivity.swept
        if original is None or swept is None or display.is_original_held:
            return original
        return swept.picture(session.sensitivity.variant, display.slice_index) or original

    def draw_overlays(self, display: Display) -> None:
        """Draw the variant's mask and the sensitivity map."""
        if not self.isVisible():
            return
        sensitivity, z = self.session.sensitivity, display.slice_index
        mask = sensitivity.swept.mask(sensitivity.variant, z) if sensitivity.swept is not None else None
        spread = sensitivity.spread(z) if display.shows(Overlay.SPREAD) and not display.is_original_held else None
        image = None
        if spread is not None and sensitivity.swept is not None:
            most = strongest(spread, sensitivity.swept.any_metal(z))
            image = colours.spread_picture(spread, most)
            self.bar.show_scale(most)
        else:
            self.bar.show_scale(None)
        self.view.overlay("spread").show_image(image, self._rect())
        outline = None
        if mask is not None and display.shows(Overlay.MASK):
            outline = outlined(mask, on_image("metal"), 0 if image is not None else 60, 235)
        self.view.overlay("mask").show_image(outline, self._rect())
        self.map.setChecked(display.shows(Overlay.SPREAD))
        self.measuring.draw()

    def _describe(self, display: Display) -> None:
        sensitivity = self.session.sensitivity
        swept = sensitivity.swept
        if swept is None:
            self.title.setText(tr("Original"))
            self.set_note(tr("no sweep yet: choose methods and margins above") if self.session.loaded else "")
            self.set_caption("")
            return
        variant = next(one for one in swept.result.variants if one.name == sensitivity.variant)
        is_swept = display.slice_index in swept.result.slices
        if not is_swept or display.is_original_held:
            self.title.setText(tr("Original"))
            self.set_note("" if is_swept else tr("the sweep does not include this slice"), "warning")
        else:
            self.title.setText(swept.title(variant) if variant.method else tr("Uncorrected"))
            self.set_note("")
        slices, count = swept.result.slices, sum(bool(one.method) for one in swept.result.variants)
        words = tr("{} variants of {}").format(count, display.numbers.words(slices))
        self.set_caption(
            words,
            tr("Not for primary diagnosis; review with the uncorrected images."),
            short=tr("Not for primary diagnosis."),
        )

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the colour bar in its corner."""
        super().resizeEvent(event)
        self.bar.place()
