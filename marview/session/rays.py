"""Compute the sinusoid of a point and the ray of a bin for display, with the formulas of `marview.geometry.beam`."""

import numpy as np
from numpy.typing import NDArray

from marview.geometry import Beam, FanBeamFlat, ParallelBeam, processing_beam, processing_pixel_mm


def sinusoid(beam: Beam, point_mm: tuple[float, float]) -> NDArray[np.float64]:
    """Return the fractional bin onto which the point (x, y) projects in each view, `[view]`.

    Bins may lie outside the detector.
    """
    x, y = point_mm
    cos, sin = np.cos(beam.angles_rad), np.sin(beam.angles_rad)
    along, away = x * cos + y * sin, y * cos - x * sin
    if isinstance(beam, ParallelBeam):
        pitches = along / beam.bin_mm
    elif isinstance(beam, FanBeamFlat):
        pitches = along * beam.source_to_detector_mm / (beam.source_to_isocentre_mm + away) / beam.bin_mm
    else:
        pitches = np.arctan2(along, beam.source_to_isocentre_mm + away) / beam.bin_rad
    return np.asarray(pitches + (beam.bins - 1) / 2 - beam.bin_offset)


def ray(beam: Beam, view: int, bin_: int, reach_mm: float) -> NDArray[np.float64]:
    """Return the end points (x, y) of a ray in mm, `[2, 2]`.

    Each end is `reach_mm` from the point of the ray that is nearest to the isocentre.
    """
    pitch = float(beam.bin_positions[bin_])
    if isinstance(beam, ParallelBeam):
        start, direction = np.array([pitch * beam.bin_mm, 0.0]), np.array([0.0, 1.0])
    else:
        fan_rad = (
            np.arctan2(pitch * beam.bin_mm, beam.source_to_detector_mm)
            if isinstance(beam, FanBeamFlat)
            else pitch * beam.bin_rad
        )
        start = np.array([0.0, -beam.source_to_isocentre_mm])
        direction = np.array([np.sin(fan_rad), np.cos(fan_rad)])
    nearest = start - direction * (start @ direction)
    ends = np.array([nearest - direction * reach_mm, nearest + direction * reach_mm])
    angle = float(beam.angles_rad[view])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.asarray(ends @ turn.T)


def virtual_beam(shape: tuple[int, int], spacing_mm: tuple[float, float]) -> FanBeamFlat:
    """Return the beam used to project slices of this shape (rows, columns) and spacing (y, x)."""
    return processing_beam(processing_pixel_mm(shape, spacing_mm))
