import numpy as np
import pytest

from marview.geometry import FanBeamArc, FanBeamFlat, ParallelBeam
from marview.session.rays import ray, sinusoid

BEAMS = [
    ParallelBeam(views=36, bins=201, bin_mm=1.1, bin_offset=0.25),
    FanBeamFlat(
        views=36,
        bins=401,
        first_angle_rad=0.3,
        arc_rad=-6.0,
        source_to_isocentre_mm=500,
        source_to_detector_mm=900,
        bin_mm=1.2,
    ),
    FanBeamArc(views=36, bins=401, source_to_isocentre_mm=500, bin_rad=0.0015, bin_offset=-1.25),
]


@pytest.mark.parametrize("beam", BEAMS, ids=lambda beam: type(beam).__name__)
@pytest.mark.parametrize("point", [(0.0, 0.0), (40.0, -25.0), (-3.0, 60.0)])
def test_the_ray_of_a_bin_on_the_sinusoid_passes_the_point(beam, point) -> None:
    bins = sinusoid(beam, point)
    for view in range(0, beam.views, 5):
        first, second = (ray(beam, view, bin_, 300.0) for bin_ in (int(np.floor(bins[view])), int(np.ceil(bins[view]))))
        sides = [np.sign(_side(ends, point)) for ends in (first, second)]
        near = min(_distance(ends, point) for ends in (first, second))
        assert sides[0] != sides[1] or near < 1e-6
        assert near < 1.3


def _side(ends: np.ndarray, point: tuple[float, float]) -> float:
    (ax, ay), (bx, by) = ends
    return float((bx - ax) * (point[1] - ay) - (by - ay) * (point[0] - ax))


def _distance(ends: np.ndarray, point: tuple[float, float]) -> float:
    return abs(_side(ends, point)) / float(np.linalg.norm(ends[1] - ends[0]))
