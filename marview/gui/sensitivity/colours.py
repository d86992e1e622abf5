"""Colours and line styles for a sweep's variants, methods and spread map."""

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QImage

from marview.gui.overlay import indexed
from marview.gui.palette import colour
from marview.mar.sweep_result import SweepResult

STYLES = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DotLine, Qt.PenStyle.DashDotLine)
METHODS = ("method_1", "method_2", "method_3", "method_4", "method_5", "method_6")
"""Colours that colour-blind users can distinguish (after Okabe and Ito)."""

STEPS = 64
_MOST_ALPHA = 225


def of_variants(result: SweepResult) -> dict[str, QColor]:
    """Return the colour of each variant, from violet for the smallest mask to yellow for the largest."""
    kinds = {one.name: (one.threshold_hu or 0.0, one.margin) for one in result.variants if one.method}
    order = {
        kind: number for number, kind in enumerate(sorted(set(kinds.values()), key=lambda kind: (-kind[0], kind[1])))
    }
    places = 0.3 + 0.7 * np.arange(len(order)) / max(1, len(order) - 1)
    table = pg.colormap.get("viridis").map(places, mode="qcolor")
    return {name: table[order[kind]] for name, kind in kinds.items()}


def of_methods(result: SweepResult) -> dict[str, QColor]:
    """Return the colour of each method."""
    return {method: colour(METHODS[at % len(METHODS)]) for at, method in enumerate(result.methods)}


def styles(result: SweepResult) -> dict[str, Qt.PenStyle]:
    """Return the line style of each method."""
    return {method: STYLES[at % len(STYLES)] for at, method in enumerate(result.methods)}


def scale() -> list[QColor]:
    """Return the colour scale of the spread, from zero to the maximum."""
    table = pg.colormap.get("inferno").map(np.linspace(0.25, 1.0, STEPS), mode="qcolor")
    for step, one in enumerate(table):
        one.setAlpha(round(_MOST_ALPHA * min(1.0, step / (STEPS * 0.4))))
    return list(table)


def spread_picture(spread_hu: NDArray[np.float32], strongest_hu: float) -> QImage:
    """Return the overlay of a spread map, HU `[y, x]`; transparent where the spread is 0."""
    steps = np.clip(spread_hu * ((STEPS - 1) / strongest_hu), 0, STEPS - 1).astype(np.uint8)
    return indexed(steps, [_premultiplied(one) for one in scale()])


def _premultiplied(tone: QColor) -> int:
    alpha = tone.alpha()
    red, green, blue = (channel * alpha // 255 for channel in (tone.red(), tone.green(), tone.blue()))
    return alpha << 24 | red << 16 | green << 8 | blue
