"""Beam hardening, compared with the published simulators and with physics."""

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.io import loadmat

from marview.physics import Material, Spectrum, material, spectrum
from marview.physics.photons import count_photons
from marview.physics.polychromatic import polychromatic, polychromatic_of_two, water_correction


def published_material(folder: Path, file: str, density: float) -> Material:
    table = loadmat(folder / f"Miuof{file}.mat")[f"Miuof{file}"]
    return Material(file, file, density, table[:, 0] * 1000, table[:, 6])


@pytest.fixture(scope="module")
def published(shared_data: Path) -> tuple[Spectrum, Material, Material, Material]:
    folder = shared_data / "physics"
    table = loadmat(folder / "GE14Spectrum120KVP.mat")["GE14Spectrum120KVP"]
    kept = (table[:, 0] >= 20) & (table[:, 0] <= 120)
    return (
        Spectrum.of(table[kept, 0], table[kept, 1]),
        published_material(folder, "H2O", 1.0),
        published_material(folder, "BONE_Cortical_ICRU44", 1.92),
        published_material(folder, "Ti", 4.5),
    )


@pytest.mark.data
def test_published_tables_give_the_published_correction(published: tuple) -> None:
    tube, water, _, _ = published
    assert tube.mean_kev == pytest.approx(55.117, abs=2e-3)
    assert water_correction(water, tube).coefficients == pytest.approx((0.80370341, 0.02301414, -0.0008444), rel=1e-4)


@pytest.mark.data
@pytest.mark.parametrize(
    ("lengths", "seen", "corrected"),
    [
        ((1, 0, 0), 1.218303, 1.011786),
        ((3, 0, 0), 3.432480, 2.995698),
        ((6, 0, 0), 6.536377, 6.000761),
        ((0, 0, 2.41245), 2.954824, 2.553954),
        ((0, 0, 2 * 2.41245), 4.631025, 4.131676),
        ((0, 0, 4 * 2.41245), 7.331688, 6.796814),
        ((3, 0.5, 2 * 2.41245), 7.740875, 7.208732),
    ],
)
def test_published_tables_give_the_published_projections(
    published: tuple, lengths: tuple, seen: float, corrected: float
) -> None:
    tube, *materials = published
    p = polychromatic(torch.tensor(lengths, dtype=torch.float64)[:, None], materials, tube)
    assert float(p[0]) == pytest.approx(seen, rel=1e-3)
    assert float(water_correction(materials[0], tube)(p)[0]) == pytest.approx(corrected, rel=1e-3)


@pytest.mark.data
def test_published_tables_straighten_water_as_far_as_the_published_correction_does(published: tuple) -> None:
    tube, water, _, _ = published
    wanted = water.mu * torch.arange(0, 50.025, 0.05, dtype=torch.float64)
    corrected = water_correction(water, tube)(polychromatic(wanted[None], [water], tube))
    assert float((corrected - wanted).abs().max()) == pytest.approx(0.01247, abs=1e-5)


@pytest.mark.data
def test_scatter_alone_is_the_published_end_of_the_scale(published: tuple) -> None:
    tube, water, _, _ = published
    darkest = count_photons(torch.tensor([60.0], dtype=torch.float64), 2e7, 20.0, None)
    assert float(darkest) == pytest.approx(13.8155, abs=1e-4)
    assert float(water_correction(water, tube)(darkest)) == pytest.approx(13.2696, abs=1e-4)


def test_the_correction_straightens_water() -> None:
    water, tube = material("water"), spectrum(120)
    wanted = torch.linspace(0, 9.6, 50, dtype=torch.float64)
    corrected = water_correction(water, tube)(polychromatic(wanted[None], [water], tube))
    assert float((corrected - wanted).abs().max()) < 0.02


def test_more_material_is_darker_but_ever_less_so() -> None:
    p = polychromatic(torch.linspace(0, 20, 100)[None], [material("ti")], spectrum(120)).numpy()
    steps = np.diff(p)
    assert p[0] == pytest.approx(0, abs=1e-5)
    assert (steps > 0).all()
    assert (np.diff(steps) < 1e-5).all()


def test_a_ray_without_any_light_stays_finite() -> None:
    p = polychromatic(torch.tensor([[5000.0]]), [material("au")], spectrum(120))
    assert bool(p.isfinite().all())


def test_the_table_of_two_materials_agrees_with_the_sum() -> None:
    lengths = torch.rand(2, 3, 200, 200, generator=torch.Generator().manual_seed(0)) * torch.tensor([9.0, 2.0]).reshape(
        2, 1, 1, 1
    )
    materials = [material("water"), material("bone")]
    table = polychromatic_of_two(lengths, materials, spectrum(120))
    assert float((table - polychromatic(lengths, materials, spectrum(120))).abs().max()) < 2e-5


def test_the_table_takes_rays_through_air() -> None:
    lengths = torch.zeros(2, 1, 100, 100)
    materials = [material("water"), material("bone")]
    assert float(polychromatic_of_two(lengths, materials, spectrum(120)).abs().max()) < 1e-5
