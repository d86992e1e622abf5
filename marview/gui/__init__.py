"""The desktop window. No other package imports Qt or pyqtgraph."""
