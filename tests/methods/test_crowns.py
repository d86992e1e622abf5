"""The tooth inside a crown keeps its uncorrected HU in NMAR's prior."""

import numpy as np
import torch

from marview.geometry import processing_beam
from marview.methods.api import MarCase
from marview.methods.crowns import inside_crowns
from marview.methods.nmar import NmarSettings, prior_source
from marview.physics.attenuation import hu_to_mu

SIZE = 416


def _disc(radius: float) -> np.ndarray:
    return np.asarray(np.hypot(*np.ogrid[-208:208, -208:208]) <= radius)


def _case(*, measured: bool = False) -> MarCase:
    """A crown around a tooth of 1500 HU, in tissue."""
    crown = _disc(10) & ~_disc(7)
    hu = np.where(_disc(120), 50.0, -1000.0)
    hu[_disc(7)] = 1500
    hu[crown] = 9000
    case = MarCase(torch.from_numpy(hu).float()[None], torch.from_numpy(crown)[None], 0.5, processing_beam(0.5))
    if not measured:
        return case
    return MarCase(case.hu, case.metal, 0.5, case.beam, measured_sinogram=case.sinogram, measured_trace=case.trace)


def _source(case: MarCase, source: str = "auto") -> torch.Tensor:
    return prior_source(case, NmarSettings(prior_source=source, raw_below=0, mild_below=0))


def test_small_holes_are_inside_crowns_and_large_ones_are_not() -> None:
    crown, cup = (torch.from_numpy(_disc(radius + 3) & ~_disc(radius))[None] for radius in (7, 30))
    assert torch.equal(inside_crowns(crown, 0.5)[0], torch.from_numpy(_disc(7)))
    assert not inside_crowns(cup, 0.5).any()
    assert not inside_crowns(torch.zeros(1, SIZE, SIZE, dtype=torch.bool), 0.5).any()


def test_a_crown_with_a_gap_of_a_pixel_holds_its_tooth() -> None:
    crown = _disc(8) & ~_disc(7)
    crown[208, 208:] = False
    inside = inside_crowns(torch.from_numpy(crown)[None], 0.5)
    assert inside[0, 208, 208]
    assert not inside[0, 208, 225]


def test_the_prior_keeps_the_tooth() -> None:
    case = _case()
    tooth = torch.from_numpy(_disc(5))
    source = _source(case)[0]
    assert torch.allclose(source[tooth], hu_to_mu(torch.tensor(1500.0)))
    beside = torch.from_numpy(~_disc(12))
    assert torch.equal(source[beside], case.li_mu[0][beside])


def test_measured_sinograms_and_the_published_prior_are_interpolated() -> None:
    measured, clinical = _case(measured=True), _case()
    assert torch.equal(_source(measured), measured.li_mu)
    assert torch.equal(_source(clinical, "linear_interpolation"), clinical.li_mu)
