"""Tests for linear interpolation: the values that it keeps and the artifacts that it removes."""

import logging
from pathlib import Path

import torch

from marview.geometry import FanBeamArc
from marview.methods.api import MarCase
from marview.physics.attenuation import mu_to_hu
from marview.worker.loading import load_method


class SilentJob:
    device = torch.device("cpu")
    log = logging.getLogger("test")

    def progress(self, fraction: float, text: str = "") -> None: ...

    def check_cancelled(self) -> None: ...


def test_metal_goes_and_what_was_measured_beside_it_stays() -> None:
    hu = torch.full((2, 64, 64), -1000.0)
    hu[:, 10:54, 8:56] = 0
    metal = torch.zeros(hu.shape, dtype=torch.bool)
    metal[:, 30:33, 36:39] = True
    hu[metal] = 8000
    beam = FanBeamArc(views=180, bins=120, source_to_isocentre_mm=200.0, bin_rad=0.005)
    loaded = load_method(Path(__file__).parent)
    for measured in (None, MarCase(hu, metal, 1.0, beam).sinogram):
        case = MarCase(hu, metal, 1.0, beam, [0, 1], measured)
        result = loaded.method.run(case, loaded.parameters({}), SilentJob())
        assert result.corrected_sinogram is not None
        assert torch.equal(result.corrected_sinogram[~case.trace], case.sinogram[~case.trace])
        assert float(result.hu[metal].mean()) < 2000
        torch.testing.assert_close(result.hu, mu_to_hu(case.li_mu))
