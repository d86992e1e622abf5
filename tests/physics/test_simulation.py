"""The simulated scan: stages, reproducibility and appearance."""

import numpy as np
import pytest
import torch

from marview.errors import UsageError
from marview.geometry import FanBeamArc
from marview.physics import Protocol, Stages, material, simulate
from marview.physics.attenuation import MU_WATER, mu_to_hu

QUIET = Stages(noise=False)


@pytest.fixture(scope="module")
def scan() -> Protocol:
    """A small scan of a body's true size."""
    return Protocol(
        name="small",
        beam=FanBeamArc(views=180, bins=185, source_to_isocentre_mm=570.0, bin_rad=0.005),
        shape=(96, 96),
        pixel_mm=4.0,
        source="tests",
    )


def disc(radius_mm: float, x_mm: float = 0.0, y_mm: float = 0.0) -> np.ndarray:
    y, x = (np.mgrid[:96, :96] - 47.5) * 4.0
    return (np.hypot(x - x_mm, y - y_mm) < radius_mm)[None]


@pytest.fixture(scope="module")
def body() -> np.ndarray:
    return np.where(disc(150), 0.0, -1000.0).astype(np.float32)


@pytest.fixture(scope="module")
def pins() -> np.ndarray:
    return (disc(12, -60) | disc(12, 60)).astype(np.float32)


def test_the_same_seed_gives_the_same_scan_and_another_one_other_noise(body, pins, scan) -> None:
    first, again, other = (simulate(body, {"ti": pins}, scan, seed=seed).sinogram for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_outside_the_trace_metal_changes_nothing(body, pins, scan) -> None:
    result = simulate(body, {"ti": pins}, scan)
    assert bool(result.trace.any())
    assert torch.equal(result.sinogram[~result.trace], result.metal_free_sinogram[~result.trace])
    assert float((result.sinogram - result.metal_free_sinogram)[result.trace].mean()) > 1


def test_two_pins_draw_a_dark_band_between_them(body, pins, scan) -> None:
    image = mu_to_hu(simulate(body, {"cocrmo": pins}, scan, stages=QUIET).image)[0].numpy()
    between, elsewhere = image[46:50, 44:52].mean(), image[20:26, 44:52].mean()
    assert between < elsewhere - 100


def test_without_metal_the_scan_shows_the_body(body, scan) -> None:
    result = simulate(body, {}, scan, stages=QUIET)
    assert not bool(result.trace.any())
    inside = disc(110)[0]
    hu = mu_to_hu(result.image)[0].numpy()[inside]
    assert abs(hu.mean()) < 15


def test_water_correction_takes_the_cup_away(body, scan) -> None:
    def cup(stages: Stages) -> float:
        hu = mu_to_hu(simulate(body, {}, scan, stages=stages).image)[0].numpy()
        return float(hu[disc(130)[0] & ~disc(110)[0]].mean() - hu[disc(30)[0]].mean())

    assert cup(Stages(noise=False, water_correction=False)) > 5 * abs(cup(QUIET))


def test_without_hardening_the_scan_is_the_projection(body, pins, scan) -> None:
    stages = Stages(hardening=False, noise=False, scatter=False, edges=False, tissue_under_metal=True)
    result = simulate(body, {"ti": pins}, scan, stages=stages)
    mu = result.mu + material("ti").mu * torch.from_numpy(pins)
    torch.testing.assert_close(result.sinogram, result.projector.forward(mu), atol=2e-4, rtol=1e-5)


def test_metal_displaces_tissue_by_default(body, pins, scan) -> None:
    stages = {"hardening": False, "noise": False, "scatter": False, "edges": False}
    over = simulate(body, {"ti": pins}, scan, stages=Stages(tissue_under_metal=True, **stages)).sinogram
    into = simulate(body, {"ti": pins}, scan, stages=Stages(**stages))
    tissue = into.projector.forward(torch.from_numpy(pins) * MU_WATER)
    torch.testing.assert_close(over - into.sinogram, tissue, atol=2e-4, rtol=1e-4)


def test_rays_at_the_edge_of_the_trace_keep_a_quarter_of_their_metal(scan) -> None:
    air = np.full((1, 96, 96), -1000.0, dtype=np.float32)
    pin = disc(20).astype(np.float32)
    stages = {"hardening": False, "noise": False, "scatter": False}
    whole = simulate(air, {"ti": pin}, scan, stages=Stages(edges=False, **stages))
    edged = simulate(air, {"ti": pin}, scan, stages=Stages(**stages)).sinogram
    row = whole.trace[0, 0].nonzero().ravel()
    share = (edged / whole.sinogram)[0, 0, row]
    assert share[0] == pytest.approx(0.25)
    assert share[-1] == pytest.approx(0.25)
    torch.testing.assert_close(share[1:-1], torch.ones(len(row) - 2))


def test_several_materials_in_one_slice_add_up(body, scan) -> None:
    left, right = disc(12, -60).astype(np.float32), disc(12, 60).astype(np.float32)
    stages = Stages(hardening=False, noise=False, scatter=False, edges=False)
    both = simulate(body, {"ti": left, "cocrmo": right}, scan, stages=stages)
    change = both.sinogram - both.metal_free_sinogram
    expected = both.projector.forward(
        torch.from_numpy((material("ti").mu - MU_WATER) * left + (material("cocrmo").mu - MU_WATER) * right)
    )
    torch.testing.assert_close(change, expected, atol=5e-4, rtol=1e-4)


def test_the_darkest_ray_is_what_scatter_leaves(body, scan) -> None:
    block = disc(60).astype(np.float32)
    stages = Stages(noise=False, water_correction=False)
    sinogram = simulate(body, {"au": block}, scan, stages=stages).sinogram
    assert float(sinogram.max()) == pytest.approx(np.log(scan.photons / scan.scatter_photons), abs=1e-4)


def test_noise_has_the_deviation_of_counted_photons(body, scan) -> None:
    quiet = simulate(body, {}, scan, stages=Stages(noise=False, water_correction=False)).sinogram
    noisy = simulate(body, {}, scan, stages=Stages(water_correction=False)).sinogram
    middle = slice(85, 100)
    expected = torch.exp(quiet[:, :, middle] / 2) / scan.photons**0.5
    ratio = (noisy - quiet)[:, :, middle] / expected
    assert float(ratio.std()) == pytest.approx(1, abs=0.05)


def test_the_li_sinogram_is_numpy_interp_along_the_bins(body, pins, scan) -> None:
    result = simulate(body, {"ti": pins}, scan)
    for view in (0, 17, 90):
        trace, values = result.trace[0, view].numpy(), result.sinogram[0, view].numpy()
        bins = np.arange(len(values))
        expected = np.where(trace, np.interp(bins, bins[~trace], values[~trace]), values)
        np.testing.assert_allclose(result.li_sinogram[0, view].numpy(), expected, atol=1e-6)


def test_interpolation_brings_the_image_closer_to_the_truth(body, pins, scan) -> None:
    result = simulate(body, {"ti": pins}, scan)
    tissue = ~result.metal & torch.from_numpy(disc(140))

    def error(image: torch.Tensor) -> float:
        return float(((image - result.mu)[tissue] ** 2).mean())

    assert error(result.metal_free_image) < error(result.li_image) < error(result.image)


def test_wrong_input_is_refused_with_a_message(body, pins, scan) -> None:
    with pytest.raises(UsageError, match="no material 'wood'"):
        simulate(body, {"wood": pins}, scan)
    for wrong in (body[:, :50], body[0]):
        with pytest.raises(UsageError, match=r"shape \[slice, 96, 96\]"):
            simulate(wrong, {}, scan)
    with pytest.raises(UsageError, match="must be between 0 and 1, not 5"):
        simulate(body, {"ti": pins * (5 / pins.max())}, scan)
    with pytest.raises(UsageError, match="arrays by material"):
        simulate(body, pins, scan)
    with pytest.raises(UsageError, match="non-finite values"):
        simulate(np.full_like(body, np.nan), {}, scan)
