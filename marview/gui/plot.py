"""Plots in the window's colours, without pyqtgraph's menus."""

from typing import Any

import pyqtgraph as pg
from PySide6.QtWidgets import QWidget

from marview.gui.palette import colour


def new_plot() -> Any:
    """Create an empty plot."""
    plot = pg.PlotWidget(background=colour("base"), useOpenGL=False, viewBox=pg.ViewBox(enableMenu=False))
    menu = plot.getPlotItem().ctrlMenu  # has no parent and would outlive the plot
    menu.setParent(plot, menu.windowFlags())
    for field in menu.findChildren(QWidget):
        field.setAccessibleName(field.objectName())
    plot.setMinimumHeight(96)
    plot.showGrid(x=True, y=True, alpha=0.12)
    plot.setMenuEnabled(False)
    plot.hideButtons()
    for side in ("left", "bottom"):
        axis = plot.getAxis(side)
        axis.setPen(colour("outline"))
        axis.setTextPen(colour("muted"))
    plot.getAxis("left").setWidth(56)
    return plot
