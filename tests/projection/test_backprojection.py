"""The kernels stay inside their arrays, whatever the pixels' rays miss."""

import math

import numpy as np
import pytest

from marview.geometry import Beam, FanBeamArc, FanBeamFlat, ParallelBeam
from marview.projection.backprojection import detector, gather, scatter
from marview.projection.rays import PAD

SHAPE, PIXEL_MM = (64, 64), 2.0
NARROW = {"views": 33, "bins": 21}
BEAMS = (
    FanBeamFlat(**NARROW, source_to_isocentre_mm=300, source_to_detector_mm=600, bin_mm=3.0),
    FanBeamArc(**NARROW, source_to_isocentre_mm=300, bin_rad=math.radians(0.3)),
    ParallelBeam(**NARROW, bin_mm=2.0),
)


@pytest.mark.parametrize("lanes", [1, 8])
@pytest.mark.parametrize("beam", BEAMS, ids=lambda beam: type(beam).__name__)
def test_pixels_outside_the_fan_read_nothing_behind_the_last_view(beam: Beam, lanes: int) -> None:
    seen = detector(beam, PIXEL_MM, "float32")
    count = beam.views * (beam.bins + 2) * lanes
    memory = np.full(count + 1024, np.nan, np.float32)
    memory[:count] = 0
    assert not gather(seen, memory[:count], SHAPE, lanes).any()


@pytest.mark.parametrize("beam", BEAMS, ids=lambda beam: type(beam).__name__)
def test_pixels_outside_the_fan_reach_no_bin(beam: Beam) -> None:
    """What the transpose lays down lies in the bins that a pixel's own ray falls between, none of it beyond them."""
    seen = detector(beam, PIXEL_MM, "float64")
    image = np.zeros((SHAPE[0] + 2 * PAD, SHAPE[1] + 2 * PAD))
    image[PAD, -PAD - 1] = 1  # the corner
    laid = scatter(seen, image.ravel(), SHAPE, 1).reshape(beam.views, beam.bins + 2)
    missed = laid[:, 1:-1].sum(axis=1) == 0
    assert missed.any()
    assert np.isclose(laid[missed][:, [0, -1]].sum(axis=1), laid[missed].sum(axis=1)).all()
