"""The kernels stay inside their arrays even if rays of pixels miss the detector."""

import dataclasses
import math

import numpy as np
import pytest

from marview.geometry import Beam, FanBeamArc, FanBeamFlat, ParallelBeam
from marview.projection.backprojection import gather, scatter
from marview.projection.detector import detector
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
    """The transpose adds only to the bins beside a pixel's ray."""
    seen = detector(beam, PIXEL_MM, "float64")
    image = np.zeros((SHAPE[0] + 2 * PAD, SHAPE[1] + 2 * PAD))
    image[PAD, -PAD - 1] = 1  # the corner
    laid = scatter(seen, image.ravel(), SHAPE, 1).reshape(beam.views, beam.bins + 2)
    missed = laid[:, 1:-1].sum(axis=1) == 0
    assert missed.any()
    assert np.isclose(laid[missed][:, [0, -1]].sum(axis=1), laid[missed].sum(axis=1)).all()


FULL_TURN = {"views": 36, "bins": 70, "first_angle_rad": 0.3, "bin_offset": -1.25}


@pytest.mark.parametrize("lanes", [1, 8, 16])
@pytest.mark.parametrize(
    "beam",
    [
        FanBeamFlat(**FULL_TURN, source_to_isocentre_mm=300, source_to_detector_mm=600, bin_mm=3.0),
        FanBeamFlat(
            **FULL_TURN, source_to_isocentre_mm=300, source_to_detector_mm=600, bin_mm=3.0, arc_rad=-2 * math.pi
        ),
        FanBeamArc(**FULL_TURN, source_to_isocentre_mm=300, bin_rad=math.radians(0.3)),
        ParallelBeam(**FULL_TURN, bin_mm=2.0, arc_rad=2 * math.pi),
    ],
    ids=["flat", "flat, backwards", "arc", "parallel"],
)
def test_packed_rotated_pixels_equal_single_ones(beam: Beam, lanes: int) -> None:
    seen = detector(beam, PIXEL_MM, "float64")
    alone = dataclasses.replace(seen, quarter=0)
    assert (seen.turns(SHAPE), alone.turns(SHAPE)) == (4, 1)
    random = np.random.default_rng(3)
    sinogram = random.random(beam.views * (beam.bins + 2) * lanes)
    image = random.random((SHAPE[0] + 2 * PAD) * (SHAPE[1] + 2 * PAD) * lanes)
    np.testing.assert_allclose(gather(seen, sinogram, SHAPE, lanes), gather(alone, sinogram, SHAPE, lanes), atol=1e-9)
    np.testing.assert_allclose(scatter(seen, image, SHAPE, lanes), scatter(alone, image, SHAPE, lanes), atol=1e-9)
