"""Correct beam hardening caused by metal with a polynomial in the path length through metal."""

import torch
from torch import Tensor

_DEGREE = 3


def without_hardening(sinogram: Tensor, li_sinogram: Tensor, trace: Tensor, metal_cm: Tensor) -> Tensor:
    """Estimate the sinogram that a monoenergetic scan of the slice, including its metal, would produce.

    The contribution of the metal is the sinogram minus the interpolated sinogram. In the trace of each
    slice, the polynomial c1 t + c2 t^2 + c3 t^3 is fitted to this contribution, where t is the path length
    through metal. The fit is then subtracted from the sinogram, and its linear term is added back.

    Args:
        sinogram: sinogram with metal, line integrals, `[slice, view, bin]`.
        li_sinogram: sinogram completed by linear interpolation.
        trace: metal trace, bool.
        metal_cm: path length of each ray through metal, in cm.

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
