"""Attenuation tables against published values; unknown names are refused."""

from pathlib import Path

import numpy as np
import pytest

from marview.errors import UsageError
from marview.physics import material, material_names, metal, metal_names, spectrum

KEV = (20, 30, 40, 50, 60, 70, 80, 100, 120)
SPECIFIED = {
    "water": (0.8098, 0.3756, 0.2683, 0.2269, 0.2059, 0.1929, 0.1837, 0.1707, 0.1614),
    "bone": (4.0010, 1.3311, 0.6655, 0.4242, 0.3148, 0.2570, 0.2229, 0.1855, 0.1656),
    "ti": (15.8525, 4.9719, 2.2126, 1.2135, 0.7660, 0.5361, 0.4053, 0.2721, 0.2102),
    "fe": (25.683, 8.1775, 3.6289, 1.9574, 1.2049, 0.8164, 0.5952, 0.3717, 0.2693),
    "cu": (33.7997, 10.9144, 4.8612, 2.6130, 1.5926, 1.0642, 0.7630, 0.4585, 0.3195),
    "au": (78.8096, 27.5243, 12.9807, 7.2581, 4.5290, 3.0542, 2.1852, 5.1580, 3.2521),
    "cocrmo": (24.9428, 9.3875, 4.1955, 2.2683, 1.3914, 0.9369, 0.6775, 0.4146, 0.2941),
    "ti6al4v": (15.1808, 4.7650, 2.1243, 1.1681, 0.7399, 0.5197, 0.3943, 0.2666, 0.2071),
    "316l": (24.9734, 8.5513, 3.8081, 2.0574, 1.2657, 0.8562, 0.6228, 0.3865, 0.2782),
}


@pytest.mark.parametrize("name", SPECIFIED)
def test_attenuation_is_the_specified_one(name: str) -> None:
    # four decimals are printed there, so the last digit may differ by half
    np.testing.assert_allclose(material(name).at(KEV), SPECIFIED[name], rtol=1e-3, atol=6e-5)


@pytest.mark.parametrize(("name", "mu"), [("water", 0.193), ("bone", 0.494), ("ti", 2.416), ("au", 59.0)])
def test_linear_attenuation_at_the_reference_energy(name: str, mu: float) -> None:
    assert material(name).mu == pytest.approx(mu, rel=1e-3)


def test_every_material_covers_10_to_150_kev() -> None:
    for name in material_names():
        table = material(name)
        assert (table.energies_kev[0], table.energies_kev[-1]) == (10, 150)
        assert (table.mass_attenuation > 0).all()
        assert table.relative(70.0) == pytest.approx(1)


def test_an_unknown_material_is_refused_with_the_list() -> None:
    with pytest.raises(UsageError, match=r"no material 'cheese'.*ti6al4v"):
        material("cheese")


@pytest.mark.parametrize("tube_kv", [80, 100, 120, 140])
def test_a_spectrum_ends_at_its_tube_voltage(tube_kv: int) -> None:
    tube = spectrum(tube_kv)
    assert tube.shares.sum() == pytest.approx(1)
    assert tube.energies_kev[0] == 20
    assert tube_kv - 2 <= tube.energies_kev[-1] <= tube_kv


def test_the_mean_energy_matches_the_published_spectrum() -> None:
    assert spectrum(120).mean_kev == pytest.approx(55.117, abs=1)


def test_an_unknown_tube_voltage_is_refused() -> None:
    with pytest.raises(UsageError, match="no spectrum for 90 kV"):
        spectrum(90)


@pytest.mark.parametrize("name", ["water", "bone", "unobtainium"])
def test_an_implant_is_made_of_metal(name: str) -> None:
    with pytest.raises(UsageError, match=rf"^There is no metal '{name}'\. Choose one of ti, ti6al4v, .*pt\.$"):
        metal(name)
    assert metal("Ti") is material("ti")
    assert {*metal_names(), "water", "bone"} == set(material_names())


def test_the_page_on_simulation_lists_every_material() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "physics.md").read_text(encoding="utf-8")
    table = page.partition("density g/cm³")[2].partition("\n\n")[0]
    listed = [line for line in table.splitlines() if line.startswith("| `")]
    known = map(material, material_names())
    assert listed == [f"| `{one.name}` | {one.label} | {one.density_g_cm3:g} |" for one in known]
