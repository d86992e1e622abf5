"""Materials and their attenuation of X-rays."""

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
    """The attenuation of a material at all energies.

    Attributes:
        name: name in files and on the command line.
        label: name in texts.
        density_g_cm3: mass density.
        energies_kev: `[energy]`, rising.
        mass_attenuation: `[energy]`, cm2/g, coherent scattering included.
    """

    name: str
    label: str
    density_g_cm3: float
    energies_kev: NDArray[np.float64]
    mass_attenuation: NDArray[np.float64]

    def at(self, kev: ArrayLike) -> NDArray[np.float64]:
        """Return the mass attenuation in cm2/g at energies in keV, by linear interpolation."""
        return np.asarray(np.interp(np.asarray(kev, dtype=np.float64), self.energies_kev, self.mass_attenuation))

    def relative(self, kev: ArrayLike) -> NDArray[np.float64]:
        """Return the attenuation at energies in keV relative to that at the reference energy."""
        return self.at(kev) / self.at(REFERENCE_KEV)

    @property
    def mu(self) -> float:
        """Linear attenuation in 1/cm at the reference energy."""
        return self.density_g_cm3 * float(self.at(REFERENCE_KEV))


def material(name: str) -> Material:
    """Return the material with a name, such as water, bone, ti6al4v.

    The tables come from xraydb (Elam, Ravel, Sieber 2002), compositions from `resources/physics/materials.toml`.

    Raises:
        UsageError: an unknown name.

    Examples:
        >>> round(material("ti").mu, 3)
        2.416
    """
    known = _library()
    if name.lower() not in known:
        raise UsageError(f"There is no material {name!r}. Choose one of {', '.join(known)}.")
    return known[name.lower()]


def metal(name: str) -> Material:
    """Return a material of implants by its name.

    Raises:
        UsageError: an unknown name, or not a metal.
    """
    if name.lower() not in (known := metal_names()):
        raise UsageError(f"There is no metal {name!r}. Choose one of {', '.join(known)}.")
    return material(name)


def metal_names() -> tuple[str, ...]:
    """Return the names of metals."""
    return tuple(name for name in _library() if name not in _TISSUES)


def material_names() -> tuple[str, ...]:
    """Return the names of materials."""
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
