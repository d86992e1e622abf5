"""Write resources/physics/attenuation.csv: mass attenuation with coherent scattering, from xraydb (Elam et al. 2002).

.venv/bin/pip install xraydb
.venv/bin/python tools/attenuation_tables.py
"""

import tomllib
from pathlib import Path

import numpy as np
import xraydb

FOLDER = Path(__file__).resolve().parents[1] / "resources" / "physics"
ENERGIES_KEV = np.arange(10, 151)


def main() -> None:
    """Sum the elements of every material by mass fraction at every energy."""
    materials = tomllib.loads((FOLDER / "materials.toml").read_text(encoding="utf-8"))
    columns = []
    for name, material in materials.items():
        fractions = material["elements"]
        total = sum(fractions.values())
        if abs(total - 1) > 1e-6:
            raise ValueError(f"the mass fractions of {name} sum to {total}")
        columns.append(sum(part * xraydb.mu_elam(one, ENERGIES_KEV * 1000.0) for one, part in fractions.items()))
    lines = [f"# mass attenuation with coherent scattering in cm2/g; xraydb {xraydb.__version__}, table of Elam 2002"]
    lines.append(",".join(["kev", *materials]))
    for energy, row in zip(ENERGIES_KEV, np.stack(columns, axis=1), strict=True):
        lines.append(",".join([str(energy), *(f"{value:.6g}" for value in row)]))
    (FOLDER / "attenuation.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
