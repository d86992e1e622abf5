import math

import numpy as np
import pytest

from marview.geometry import Beam, FanBeamArc, FanBeamFlat, ParallelBeam

BEAMS: list[Beam] = [
    ParallelBeam(views=9, bins=7, bin_mm=0.7, bin_offset=0.25),
    FanBeamFlat(
        views=8,
        bins=6,
        bin_mm=1.5,
        source_to_isocentre_mm=400.0,
        source_to_detector_mm=800.0,
        first_angle_rad=math.pi / 8,
    ),
    FanBeamArc(views=5, bins=11, bin_rad=0.001, source_to_isocentre_mm=595.0, arc_rad=-math.pi),
]


@pytest.mark.parametrize("beam", BEAMS, ids=lambda beam: type(beam).__name__)
def test_repr_pastes_back(beam: Beam) -> None:
    names = {kind.__name__: kind for kind in (ParallelBeam, FanBeamFlat, FanBeamArc)}
    assert eval(repr(beam), names) == beam
    assert hash(eval(repr(beam), names)) == hash(beam)


@pytest.mark.parametrize("beam", BEAMS, ids=lambda beam: type(beam).__name__)
def test_views_are_evenly_spaced_over_the_arc(beam: Beam) -> None:
    steps = np.diff(beam.angles_rad)
    np.testing.assert_allclose(steps, beam.arc_rad / beam.views, atol=1e-12)
    assert beam.angles_rad[0] == beam.first_angle_rad


def test_bins_are_centred_and_shifted_by_the_offset() -> None:
    centred = ParallelBeam(views=1, bins=5, bin_mm=1.0)
    assert centred.bin_positions.sum() == 0
    shifted = ParallelBeam(views=1, bins=5, bin_mm=1.0, bin_offset=-1.25)
    np.testing.assert_allclose(shifted.bin_positions - centred.bin_positions, -1.25)


@pytest.mark.parametrize(
    "wrong",
    [
        {"views": 0},
        {"bins": 0},
        {"bin_mm": 0.0},
        {"bin_mm": math.nan},
        {"arc_rad": 0.0},
        {"arc_rad": 7.0},
        {"arc_rad": math.inf},
    ],
)
def test_an_impossible_beam_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"beam|bin_mm"):
        ParallelBeam(**({"views": 3, "bins": 3, "bin_mm": 1.0} | wrong))  # type: ignore[arg-type]


def test_a_fan_of_half_a_turn_is_refused() -> None:
    with pytest.raises(ValueError, match="less than 180 degrees"):
        FanBeamArc(views=3, bins=3, bin_rad=math.pi / 2, source_to_isocentre_mm=1.0)
