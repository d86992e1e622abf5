"""Correct beam hardening by metal with a polynomial of the path length in metal."""

import torch
from torch import Tensor

_DEGREE = 3


def without_hardening(sinogram: Tensor, li_sinogram: Tensor, trace: Tensor, metal_cm: Tensor) -> Tensor:
    """Estimate the sinogram with metal that a scan with a single photon energy would measure.

    The contribution of metal is the difference from the interpolated sinogram. For each slice it is fitted in the trace
    by c1 t + c2 t^2 + c3 t^3, where t is the path length in metal. The fit is subtracted, and its linear part is added
    back.

    Args:
        sinogram: sinogram with metal, line integrals, `[slice, view, bin]`.
        li_sinogram: sinogram completed by linear interpolation.
        trace: metal trace, bool.
        metal_cm: path length of each ray in metal, in cm.

    Returns:
        Corrected sinogram, `[slice, view, bin]`; unchanged outside the trace.

    Source: Zhang and Yu 2018, section II.
    """
    corrected = sinogram.clone()
    for number in range(len(sinogram)):
        where = trace[number]
        length = metal_cm[number][where].double()
        longest = float(length.max()) if length.numel() else 0.0
        if longest <= 0:
            continue
        powers = torch.stack([(length / longest) ** power for power in range(1, _DEGREE + 1)], dim=1)
        added = (sinogram - li_sinogram)[number][where].double()
        # regularization, because the powers are almost equal for thin metal
        normal = powers.T @ powers
        normal.diagonal().add_(1e-9 * normal.diagonal().mean())
        factors = torch.linalg.solve(normal, powers.T @ added)
        bent = powers[:, 1:] @ factors[1:]
        corrected[number][where] = (sinogram[number][where].double() - bent).to(sinogram.dtype)
    return corrected
