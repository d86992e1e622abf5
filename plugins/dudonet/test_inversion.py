"""Tests for the Radon inversion layer: the rebinning, its gradient, and the reconstructed image."""

import importlib
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from marview.errors import UsageError
from marview.geometry import Beam, FanBeamArc, FanBeamFlat, ParallelBeam
from marview.projection import Projector
from marview.worker.loading import load_method

HERE = Path(__file__).parent
SIZE, PIXEL_MM = 96, 2.0
DISTANCE_MM = 480.0
BEAMS = {
    "arc": FanBeamArc(views=180, bins=161, source_to_isocentre_mm=DISTANCE_MM, bin_rad=0.6 / 161),
    "flat": FanBeamFlat(
        views=180, bins=161, source_to_isocentre_mm=DISTANCE_MM, source_to_detector_mm=900.0, bin_mm=3.5
    ),
    "arc, other way round": FanBeamArc(
        views=180,
        bins=161,
        first_angle_rad=0.3,
        arc_rad=-2 * math.pi,
        bin_offset=-1.25,
        source_to_isocentre_mm=DISTANCE_MM,
        bin_rad=0.6 / 161,
    ),
}


@pytest.fixture(scope="module")
def inversion() -> Any:
    package = type(load_method(HERE).method).__module__.rpartition(".")[0]
    return importlib.import_module(f"{package}.inversion")


def body() -> torch.Tensor:
    """Return an image of a smooth, asymmetric body with a bone, 1/cm, `[1, y, x]`."""
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    edge = np.clip((1.15 - np.hypot((x - 4) / 36, (y + 2) / 26)) / 0.3, 0, 1)
    bone = np.exp(-((x - 15) ** 2 + (y + 9) ** 2) / 40)
    return torch.from_numpy(np.float32(0.2 * edge + 0.2 * bone))[None]


@pytest.mark.parametrize("beam", BEAMS.values(), ids=BEAMS)
def test_a_rebinned_sinogram_is_the_parallel_projection(inversion: Any, beam: Any) -> None:
    image = body()
    rebinning = inversion.rebinning_of(beam)
    found = rebinning.apply(Projector(beam, shape=(SIZE, SIZE), pixel_mm=PIXEL_MM).forward(image))
    wanted = Projector(rebinning.parallel, shape=(SIZE, SIZE), pixel_mm=PIXEL_MM).forward(image)
    assert float((found - wanted).square().mean().sqrt()) < 0.003 * float(wanted.max())
    assert float((found - wanted).abs().max()) < 0.03 * float(wanted.max())


@pytest.mark.parametrize("beam", BEAMS.values(), ids=BEAMS)
def test_both_ways_give_the_same_image(inversion: Any, beam: Any) -> None:
    image = body()
    projector = Projector(beam, shape=(SIZE, SIZE), pixel_mm=PIXEL_MM)
    sinogram = projector.forward(image)
    rebinned, direct = (inversion.inversion(projector, kind)(sinogram) for kind in ("rebinned", "direct"))
    assert torch.equal(direct, projector.fbp(sinogram))
    errors = [float((each - image).square().mean().sqrt()) for each in (rebinned, direct)]
    assert max(errors) < 0.005
    assert float((rebinned - direct).square().mean().sqrt()) < 0.004


@pytest.mark.parametrize("kind", ["rebinned", "direct"])
@pytest.mark.parametrize("beam", BEAMS.values(), ids=BEAMS)
def test_the_gradient_is_the_adjoint(inversion: Any, beam: Any, kind: str) -> None:
    projector = Projector(beam, shape=(SIZE, SIZE), pixel_mm=PIXEL_MM)
    layer = inversion.inversion(projector, kind)
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(2, SIZE, SIZE, generator=generator, dtype=torch.float64)
    first, second = (torch.randn(2, beam.views, beam.bins, generator=generator, dtype=torch.float64) for _ in range(2))
    first.requires_grad_()
    (adjoint,) = torch.autograd.grad((layer(first) * images).sum(), first)
    assert float((adjoint * second).sum()) == pytest.approx(float((layer(second) * images).sum()), rel=1e-9)


def test_slices_do_not_see_each_other(inversion: Any) -> None:
    rebinning = inversion.rebinning_of(BEAMS["arc"])
    both = torch.randn(2, 180, 161, generator=torch.Generator().manual_seed(1))
    assert torch.equal(rebinning.apply(both)[1:], rebinning.apply(both[1:]))


def test_parallel_rays_need_no_rebinning(inversion: Any) -> None:
    projector = Projector(ParallelBeam(views=90, bins=99, bin_mm=2.0), shape=(64, 64), pixel_mm=PIXEL_MM)
    sinogram = torch.ones(1, 90, 99)
    assert torch.equal(inversion.inversion(projector, "rebinned")(sinogram), projector.fbp(sinogram))


def test_less_than_a_turn_is_refused(inversion: Any) -> None:
    beam: Beam = FanBeamArc(views=180, bins=161, arc_rad=4.0, source_to_isocentre_mm=DISTANCE_MM, bin_rad=0.6 / 161)
    with pytest.raises(UsageError, match="full turn"):
        inversion.inversion(Projector(beam, shape=(SIZE, SIZE), pixel_mm=PIXEL_MM), "rebinned")
