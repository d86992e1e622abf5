"""Choose between the results of the rounds, the network and NMAR, without knowledge of the truth."""

import torch
from torch import Tensor

from marview.physics import material

LARGEST_REMAINDER = 0.2
"""Upper limit of the RMS residual in the metal trace, in line integrals. Larger residuals show photon starvation rather
than tissue. The limit was chosen on 32 simulated validation slices, where no slice corrected by the network is more
than 6 % worse than linear interpolation."""


def is_trusted(remainder: Tensor) -> Tensor:
    """Return in which slices the network may correct NMAR's completion, bool, `[slice]`.

    Args:
        remainder: RMS residual in the trace (`trace_signal.strength`), `[slice]`.
    """
    return remainder <= LARGEST_REMAINDER  # False for NaN


LEAST_EXPLAINED = 0.5
LEAST_EXPLAINED_OF_LIGHT = 0.2
"""Smallest fraction of the residual's energy that an image must explain for the rounds to be used, 0.2 beside light
metal and 0.5 otherwise. Chosen on simulated slices: four slices with titanium screws have fractions of 0.35 to 0.72 and
improve, and two slices with steel hips have 0.15 and 0.21 and become worse."""

_LIGHT_MU = (0.8, material("ti").mu)
"""Lowest and highest attenuation of light metal in images, 1/cm. Beam hardening lowers the attenuation of titanium, so
its value at 70 keV is the upper limit. Steel stems have 2.7/cm or more. If the HU scale ends at 3071 HU, all metals
have less, so the limits cannot distinguish them."""

_FULL = 0.9


def is_light(mu: Tensor, metal: Tensor) -> bool:
    """Return whether the metal of a slice is as light as titanium.

    Args:
        mu: uncorrected image, 1/cm.
        metal: metal mask, bool, of the same shape; not empty.
    """
    lowest, highest = _LIGHT_MU
    return lowest < float(torch.quantile(mu[metal], _FULL)) < highest


def is_believed(explained: float, *, light: bool) -> bool:
    """Return whether the result of the rounds is used for a slice.

    Args:
        explained: fraction of the residual's energy that the image of the rounds explains.
        light: whether the metal is light.
    """
    return explained >= (LEAST_EXPLAINED_OF_LIGHT if light else LEAST_EXPLAINED)
