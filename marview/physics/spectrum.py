"""Photon spectra of X-ray tubes."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from marview.errors import UsageError
from marview.paths import resources
from marview.physics.materials import Material

LOWEST_KEV = 20.0
"""Lowest photon energy in keV, as in published simulators; photons below it are absorbed in the patient."""


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Spectrum of an X-ray tube: the fraction of photons at each energy.

    Attributes:
        energies_kev: energies in keV, `[energy]`.
        shares: fraction of photons, `[energy]`; their sum is 1.
    """

    energies_kev: NDArray[np.float64]
    shares: NDArray[np.float64]

    @property
    def mean_kev(self) -> float:
        """Mean photon energy in keV."""
        return float(self.energies_kev @ self.shares)

    def behind(self, filter_: Material, thickness_mm: float) -> "Spectrum":
        """Return the spectrum after additional filtration by a material; a negative thickness removes filtration."""
        rate = filter_.density_g_cm3 * filter_.at(self.energies_kev) / 10
        return Spectrum.of(self.energies_kev, self.shares * np.exp(-rate * thickness_mm))

    @classmethod
    def of(cls, energies_kev: NDArray[np.float64], photons: NDArray[np.float64]) -> "Spectrum":
        """Create a spectrum from photon counts: drop photons below 20 keV, and normalize the sum to 1."""
        kept = (energies_kev >= LOWEST_KEV) & (photons > 0)
        return cls(energies_kev[kept], photons[kept] / photons[kept].sum())


@cache
def spectrum(tube_kv: int) -> Spectrum:
    """Return the spectrum of a tungsten tube with 3 mm of aluminium filtration (spekpy, Poludniowski 2021).

    Raises:
        UsageError: marview has no spectrum for this tube voltage.

    Examples:
        >>> round(spectrum(120).mean_kev, 1)
        55.5
    """
    path = resources() / "physics" / "spectra.csv"
    columns = path.read_text(encoding="utf-8").splitlines()[1].split(",")
    if str(tube_kv) not in columns[1:]:
        raise UsageError(f"There is no spectrum for {tube_kv} kV. Choose one of {', '.join(columns[1:])}.")
    table = np.genfromtxt(path, delimiter=",", skip_header=2)
    return Spectrum.of(table[:, 0], table[:, columns.index(str(tube_kv))])
