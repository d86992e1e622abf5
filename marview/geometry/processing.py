"""Virtual scan that all methods use: a fan beam and a 416 x 416 pixel grid that contains the slice."""

import math

from marview.geometry.beam import FanBeamFlat

PROCESSING_SIZE = 416
"""Number of pixels along each side of the processing grid."""


def processing_pixel_mm(shape: tuple[int, int], spacing_mm: tuple[float, float]) -> float:
    """Return the pixel size, in mm, of a slice's processing grid.

    The processing grid is a square of 416 x 416 pixels that contains the slice; it differs from the grid of
    the series.

    Args:
        shape: rows and columns of the slice.
        spacing_mm: spacing of the slice's rows and columns (y, x).
    """
    return max(shape[0] * spacing_mm[0], shape[1] * spacing_mm[1]) / PROCESSING_SIZE


def processing_beam(pixel_mm: float) -> FanBeamFlat:
    """Return the beam of the SynDeepLesion protocol (640 views, 641 bins), scaled to a pixel size in mm.

    The X-ray source is 1075 pixels from the centre. The flat detector is on the opposite side at the
    same distance, and its width is twice the grid diagonal. Reference: A. Zeng et al., SynDeepLesion;
    OSCNet and InDuDoNet use the same beam.

    Examples:
        >>> round(processing_beam(0.36923).source_to_isocentre_mm, 1)
        396.9
    """
    return FanBeamFlat(
        views=640,
        bins=641,
        first_angle_rad=math.pi / 640,
        source_to_isocentre_mm=1075 * pixel_mm,
        source_to_detector_mm=2150 * pixel_mm,
        bin_mm=2 * math.sqrt(2) * PROCESSING_SIZE / 641 * pixel_mm,
    )
