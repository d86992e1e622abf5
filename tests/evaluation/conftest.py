"""Fixtures: small cases with a measured sinogram of a disc of tissue with a metal rod."""

from collections.abc import Callable

import numpy as np
import pydantic.types  # noqa: F401 - before pytest-qt loads PySide6, whose import hook fails on a half-loaded pydantic
import pytest
import torch

from marview.evaluation.case import KnownCase
from marview.geometry import FanBeamFlat
from marview.methods.api import MarCase
from marview.physics import Protocol
from marview.physics.attenuation import hu_to_mu, mu_to_hu
from marview.projection import Projector

SMALL = Protocol(
    name="small",
    beam=FanBeamFlat(
        views=96, bins=97, first_angle_rad=0.03, source_to_isocentre_mm=300, source_to_detector_mm=600, bin_mm=3.0
    ),
    shape=(64, 64),
    pixel_mm=2.0,
    source="these tests",
)


@pytest.fixture(scope="session")
def small() -> Protocol:
    """The default scan of `make_case`."""
    return SMALL


@pytest.fixture(scope="session")
def make_case() -> Callable[..., KnownCase]:
    def make(
        name: str = "disc", radii_px: tuple[float, ...] = (4, 2), lean_px: float = 6, scan: Protocol = SMALL
    ) -> KnownCase:
        """Metal rods right of the centre and above it, so that a mirrored or transposed image is noticed.

        Lengths are in 1/64 of the image width, independent of the scan's grid.
        """
        y, x = (np.mgrid[: scan.shape[0], : scan.shape[1]] - (scan.shape[0] - 1) / 2) * 64 / scan.shape[0]
        truth = np.where(x**2 / 27**2 + y**2 / 20**2 < 1, 40.0, -1000.0).astype(np.float32)
        truth[(x + 12) ** 2 + y**2 < 16] = 500
        metal = np.stack([(x - 2 * lean_px) ** 2 + (y + lean_px) ** 2 < radius**2 for radius in radii_px])
        truths = np.repeat(truth[None], len(radii_px), axis=0)
        projector = Projector(scan.beam, shape=scan.shape, pixel_mm=scan.pixel_mm)
        clean = projector.forward(hu_to_mu(torch.from_numpy(truths)))
        chord = projector.forward(torch.from_numpy(metal).float())
        sinogram = clean + 4 * torch.tanh(chord)  # saturates like a hardened beam
        case = MarCase(
            hu=mu_to_hu(projector.fbp(sinogram)).clamp(min=-1000),
            metal=torch.from_numpy(metal),
            pixel_mm=scan.pixel_mm,
            beam=scan.beam,
            slice_indices=list(range(len(radii_px))),
            measured_sinogram=sinogram,
            measured_trace=chord > 0,
        )
        return KnownCase(name, case, truths, metal_free_sinogram=clean[:1].numpy())

    return make
