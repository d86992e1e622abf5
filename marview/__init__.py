"""marview shows CT volumes, marks metal, and runs metal artifact reduction methods on them. For research."""

__version__ = "0.1.0"
