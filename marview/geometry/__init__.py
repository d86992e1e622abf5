"""Geometry of voxels (`Grid`) and of rays (`ParallelBeam`, `FanBeamFlat`, `FanBeamArc`)."""

from marview.geometry.beam import Beam, FanBeamArc, FanBeamFlat, ParallelBeam
from marview.geometry.coverage import GUESS_FRACTION, TraceCoverage
from marview.geometry.grid import Grid
from marview.geometry.numbering import SliceNumbers
from marview.geometry.processing import PROCESSING_SIZE, processing_beam, processing_pixel_mm

__all__ = [
    "GUESS_FRACTION",
    "PROCESSING_SIZE",
    "Beam",
    "FanBeamArc",
    "FanBeamFlat",
    "Grid",
    "ParallelBeam",
    "SliceNumbers",
    "TraceCoverage",
    "processing_beam",
    "processing_pixel_mm",
]
