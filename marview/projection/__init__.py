"""Forward projection of images along the rays of a beam, and reconstruction."""

from marview.projection import compiling  # first: it imports numba safely
from marview.projection.fill import fill_linear
from marview.projection.projector import Projector
from marview.projection.warming import warm_up

__all__ = ["Projector", "compiling", "fill_linear", "warm_up"]
