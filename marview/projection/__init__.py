"""Forward projection and filtered backprojection."""

from marview.projection import compiling  # must be first: it sets up numba before numba is imported
from marview.projection.fill import fill_linear
from marview.projection.projector import Projector
from marview.projection.warming import warm_up

__all__ = ["Projector", "compiling", "fill_linear", "warm_up"]
