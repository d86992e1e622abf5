"""Compute polychromatic line integrals, and apply the water correction of a scanner."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from marview.physics.materials import Material
from marview.physics.spectrum import Spectrum

_RAYS_AT_ONCE = 8192
"""Number of rays that are computed together; for a hundred energies, they fit into the cache of a core."""

_DARKEST = 1e-37
_TABLE_STEP = 1 / 64
_NEWTON_STEPS = 3


def polychromatic(line_integrals: Tensor, materials: Sequence[Material], spectrum: Spectrum) -> Tensor:
    """Compute the line integrals that a photon-counting detector without energy resolution measures.

    The formula is -log(sum over E of share(E) exp(-sum over materials of p_material mu_material(E) / mu_material(70
    keV))).

    Args:
        line_integrals: line integrals at the reference energy, unitless, `[material, ...]`.
        materials: materials in the same order.
        spectrum: spectrum of the tube.

    Returns:
        Unitless line integrals, `[...]`, at most 85, because smaller transmissions underflow in float32.
    """
    rates = np.stack([one.relative(spectrum.energies_kev) for one in materials])
    rates_torch = torch.as_tensor(-rates, dtype=line_integrals.dtype, device=line_integrals.device)
    shares = torch.as_tensor(spectrum.shares, dtype=line_integrals.dtype, device=line_integrals.device)
    rays = line_integrals.reshape(len(materials), -1)
    seen = torch.empty_like(rays[0])
    for start in range(0, seen.numel(), _RAYS_AT_ONCE):
        part = slice(start, start + _RAYS_AT_ONCE)
        seen[part] = (rays[:, part].T @ rates_torch).exp_() @ shares
    return seen.clamp_(min=_DARKEST).log_().neg_().reshape(line_integrals.shape[1:])


def polychromatic_of_two(line_integrals: Tensor, materials: Sequence[Material], spectrum: Spectrum) -> Tensor:
    """Compute `polychromatic` for two materials from a table, in a tenth of the time and with an error below 2e-5.

    The result differs from the sum of the two line integrals by a smooth function, so bilinear
    interpolation in steps of 1/64 is accurate.

    Args:
        line_integrals: line integrals at the reference energy, unitless, `[2, ...]`, not negative.
        materials: the two materials.
        spectrum: spectrum of the tube.
    """
    reach = line_integrals.flatten(1).amax(dim=1)
    counts = [max(2, int(most / _TABLE_STEP) + 2) for most in reach.tolist()]
    if 2 * counts[0] * counts[1] > line_integrals[0].numel():
        return polychromatic(line_integrals, materials, spectrum)
    first, second = (torch.arange(count, device=reach.device, dtype=reach.dtype) * _TABLE_STEP for count in counts)
    nodes = torch.stack(torch.meshgrid(first, second, indexing="ij"))
    table = polychromatic(nodes, materials, spectrum) - nodes.sum(dim=0)
    scale = torch.tensor([2 / (_TABLE_STEP * (count - 1)) for count in counts], device=reach.device, dtype=reach.dtype)
    places = torch.stack([line_integrals[1] * scale[1] - 1, line_integrals[0] * scale[0] - 1], dim=-1)
    found = torch.nn.functional.grid_sample(
        table[None, None], places.reshape(1, 1, -1, 2), mode="bilinear", padding_mode="border", align_corners=True
    )
    return line_integrals.sum(dim=0) + found.reshape(line_integrals.shape[1:])


@dataclass(frozen=True)
class WaterCorrection:
    """Cubic polynomial that makes the line integrals of water proportional to its thickness.

    Attributes:
        coefficients: (a1, a2, a3) of a1 p + a2 p^2 + a3 p^3.
    """

    coefficients: tuple[float, float, float]

    def __call__(self, line_integrals: Tensor) -> Tensor:
        """Correct line integrals of any shape."""
        a1, a2, a3 = self.coefficients
        return line_integrals * (a1 + line_integrals * (a2 + line_integrals * a3))

    def slope(self, line_integrals: Tensor) -> Tensor:
        """Return the derivative of the correction for line integrals of any shape."""
        a1, a2, a3 = self.coefficients
        return a1 + line_integrals * (2 * a2 + 3 * a3 * line_integrals)

    def undo(self, corrected: Tensor) -> Tensor:
        """Invert the correction by Newton's method.

        The values may have any shape. The error is below 1e-5 for values up to 13.
        """
        found = corrected
        for _ in range(_NEWTON_STEPS):
            found = found - (self(found) - corrected) / self.slope(found)
        return found


def water_correction(water: Material, spectrum: Spectrum) -> WaterCorrection:
    """Fit the cubic polynomial of the water correction by least squares, for 0 to 50 cm of water in steps of 0.5 mm.

    The simulators of CNN-MAR, ADN and DuDoNet use the same correction.
    """
    length_cm = np.arange(1001, dtype=np.float64) * 0.05
    wanted = np.asarray(water.mu * length_cm, dtype=np.float64)
    seen = polychromatic(torch.from_numpy(wanted)[None], [water], spectrum)
    powers = torch.stack([seen, seen**2, seen**3], dim=1).numpy()
    a1, a2, a3 = np.linalg.lstsq(powers, wanted, rcond=None)[0].tolist()
    return WaterCorrection((a1, a2, a3))
