"""Write resources/physics/spectra.csv: tungsten tube, 12 degree anode, 3 mm aluminium, photons per keV, from spekpy.

.venv/bin/pip install spekpy
.venv/bin/python tools/spectra.py
"""

from importlib.metadata import version
from pathlib import Path

import numpy as np
import spekpy

FOLDER = Path(__file__).resolve().parents[1] / "resources" / "physics"
TUBE_KV = (80, 100, 120, 140)
ENERGIES_KEV = np.arange(10, 151)
ANODE_DEGREES = 12
ALUMINIUM_MM = 3


def photons(tube_kv: int) -> np.ndarray:
    """Share of the photons within half a keV of every energy, `[energy]`, sum 1."""
    tube = spekpy.Spek(kvp=tube_kv, th=ANODE_DEGREES, dk=0.5).filter("Al", ALUMINIUM_MM)
    middles, fluence = tube.get_spectrum()
    shares = np.histogram(middles, bins=np.append(ENERGIES_KEV - 0.5, ENERGIES_KEV[-1] + 0.5), weights=fluence)[0]
    return shares / shares.sum()


def main() -> None:
    """Write one column for every tube voltage."""
    table = np.stack([photons(tube_kv) for tube_kv in TUBE_KV], axis=1)
    lines = [
        f"# share of photons per keV; tungsten, {ANODE_DEGREES} degree anode, {ALUMINIUM_MM} mm Al; "
        f"spekpy {version('spekpy')}",
        ",".join(["kev", *map(str, TUBE_KV)]),
    ]
    for energy, row in zip(ENERGIES_KEV, table, strict=True):
        lines.append(",".join([str(energy), *(f"{value:.6g}" for value in row)]))
    (FOLDER / "spectra.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
