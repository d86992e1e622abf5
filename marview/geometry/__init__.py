"""Where voxels are (`Grid`) and where rays are (`ParallelBeam`, `FanBeamFlat`, `FanBeamArc`)."""

from marview.geometry.beam import Beam, FanBeamArc, FanBeamFlat, ParallelBeam
from marview.geometry.grid import Grid

__all__ = ["Beam", "FanBeamArc", "FanBeamFlat", "Grid", "ParallelBeam"]
