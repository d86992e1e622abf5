"""Materials and their X-ray attenuation."""

import tomllib
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from marview.errors import UsageError
from marview.paths import resources

_TISSUES = frozenset({"water", "bone"})

REFERENCE_KEV = 70.0
"""Reference energy of images and line integrals in keV."""


@dataclass(frozen=True, eq=False)
class Material:
    """Attenuation of a material as a function of energy.

    Attributes:
        name: name of the material in files and on the command line.
        label: display name of the material.
        density_g_cm3: mass density in g/cm3.
        energies_kev: energies in keV, `[energy]`, increasing.
        mass_attenuation: mass attenuation in cm2/g, including coherent scattering, `[energy]`.
    """

    name: str
    label: str
    density_g_cm3: float
    energies_kev: NDArray[np.float64]
    mass_attenuation: NDArray[np.float64]

    def at(self, kev: ArrayLike) -> NDArray[np.float64]:
        """Return the mass attenuation in cm2/g at the given energies in keV, by linear interpolation."""
        return np.asarray(np.interp(np.asarray(kev, dtype=np.float64), self.energies_kev, self.mass_attenuation))

    def relative(self, kev: ArrayLike) -> NDArray[np.float64]:
        """Return the attenuation at the given energies in keV, relative to the reference energy."""
        return self.at(kev) / self.at(REFERENCE_KEV)

    @property
    def mu(self) -> float:
        """Linear attenuation in 1/cm at the reference energy."""
        return self.density_g_cm3 * float(self.at(REFERENCE_KEV))


def material(name: str) -> Material:
    """Return the material with this name, such as "water", "bone" or "ti6al4v".

    The attenuation comes from the tables of xraydb (Elam, Ravel, Sieber 2002), and the compositions come from
    `resources/physics/materials.toml`.

    Raises:
        UsageError: the name is unknown.

    Examples:
        >>> round(material("ti").mu, 3)
        2.416
    """
    known = _library()
    if name.lower() not in known:
        raise UsageError(f"There is no material {name!r}. Choose one of {', '.join(known)}.")
    return known[name.lower()]


def metal(name: str) -> Material:
    """Return the metal with this name.

    Raises:
        UsageError: the name is unknown, or the material is not a metal.
    """
    if name.lower() not in (known := metal_names()):
        raise UsageError(f"There is no metal {name!r}. Choose one of {', '.join(known)}.")
    return material(name)


def metal_names() -> tuple[str, ...]:
    """Return the names of all metals."""
    return tuple(name for name in _library() if name not in _TISSUES)


def material_names() -> tuple[str, ...]:
    """Return the names of all materials."""
    return tuple(_library())


@cache
def _library() -> dict[str, Material]:
    folder = resources() / "physics"
    described = tomllib.loads((folder / "materials.toml").read_text(encoding="utf-8"))
    table = np.genfromtxt(folder / "attenuation.csv", delimiter=",", skip_header=2)
    names = (folder / "attenuation.csv").read_text(encoding="utf-8").splitlines()[1].split(",")
    return {
        name: Material(name, facts["label"], facts["density"], table[:, 0], table[:, names.index(name)])
        for name, facts in described.items()
    }
