"""Tests for separating missing tissue from beam hardening caused by light metal."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from marview.geometry import FanBeamFlat
from marview.methods.trace_completion import complete_with_prior, grown
from marview.physics import material
from marview.physics.attenuation import MU_WATER
from marview.projection import Projector

SIZE, PIXEL_MM = 96, 3.0


class Screw:
    """Slice with a long titanium rod inside bone that is missing from the prior image."""

    def __init__(self, room: Any) -> None:
        y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
        body = np.where((x / 40) ** 2 + (y / 30) ** 2 < 1, MU_WATER, 0.0)
        metal = (abs(x) < 1.6) & (abs(y) < 12)
        beam = FanBeamFlat(
            views=160,
            bins=141,
            source_to_isocentre_mm=3 * SIZE * PIXEL_MM,
            source_to_detector_mm=6 * SIZE * PIXEL_MM,
            bin_mm=2 * math.sqrt(2) * SIZE / 141 * PIXEL_MM,
        )
        projector = Projector(beam, shape=(SIZE, SIZE), pixel_mm=PIXEL_MM)
        self.mask = torch.from_numpy(metal)[None]
        without_bone = torch.from_numpy(np.float32(body))[None]
        truth = torch.where(torch.from_numpy(np.hypot(x, y / 1.4) < 11)[None], 0.3, without_bone)
        self.tissue = projector.forward(torch.where(self.mask, 0.0, truth))
        length = projector.forward(self.mask.float() * material("ti6al4v").mu)
        self.added = room.hardening._added_by_titanium(length, self.tissue)
        image = projector.fbp(self.tissue + self.added)
        trace = projector.trace(grown(self.mask))
        part = room.hardening_fit.metal_sinogram(projector, image, self.mask)
        self.shown = room.shown.Shown(projector, image, self.mask, projector.forward(image), trace, part)
        self.base = complete_with_prior(self.shown.sinogram, projector.forward(without_bone), trace)
        self.missing = torch.where(trace, projector.forward(truth) - self.base, 0.0)

    def error(self, left: torch.Tensor) -> float:
        """Return a residual's sum of squared errors, divided by the missing tissue's sum of squares."""
        return float((left - self.missing).square().sum() / self.missing.square().sum())


@pytest.fixture(scope="module")
def screw(room: Any) -> Screw:
    """Return the slice with the titanium rod."""
    return Screw(room)


def test_second_fit_takes_less_bone_for_hardening(room: Any, screw: Screw) -> None:
    plain, sharp = room.hardening.residuals(screw.shown, screw.base)
    assert not plain[~screw.shown.trace].any()
    assert not sharp[~screw.shown.trace].any()
    assert screw.error(sharp) < screw.error(plain)


def test_starved_rays_leave_nothing(room: Any, screw: Screw) -> None:
    starved = replace(screw.shown, sinogram=screw.shown.sinogram + 40)
    assert all(float(each.abs().max()) < 1e-6 for each in room.hardening.residuals(starved, screw.base))


def test_titanium_attenuates_less_the_more_there_is_of_it(room: Any) -> None:
    metal = torch.tensor([0.0, 1.0, 2.0, 4.0])
    added = room.hardening._added_by_titanium(metal, torch.full_like(metal, 4.0))
    assert float(added[0]) == 0
    steps = (added.diff() / metal.diff()).tolist()
    assert steps[0] > steps[1] > steps[2] > 0
