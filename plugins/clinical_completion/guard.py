"""Choice between the completions of rounds, network and NMAR, by quantities that need no truth."""

import torch
from torch import Tensor

from marview.physics import material

LARGEST_REMAINDER = 0.2
"""Upper limit of the RMS residual in the metal trace, line integrals; a larger one shows photon starvation rather than
tissue. Chosen on
32 simulated validation slices: the slices that the network corrects are at most 6 % worse than linear interpolation."""


def is_trusted(remainder: Tensor) -> Tensor:
    """Return whether the network corrects NMAR's completion of each slice, bool, `[slice]`.

    Args:
        remainder: RMS residual in the trace (`trace_signal.strength`), `[slice]`.
    """
    return remainder <= LARGEST_REMAINDER  # False where it is not a number


LEAST_EXPLAINED = 0.5
LEAST_EXPLAINED_OF_LIGHT = 0.2
"""Share of the residual's energy that an image must explain for the slice to get the result of the rounds. Chosen on
simulated slices: four with titanium screws have 0.35 to 0.72 and gain, two steel hips have 0.15 and 0.21 and lose."""

_LIGHT_MU = (0.8, material("ti").mu)
"""Lowest and highest attenuation of light metal in images, 1/cm. Beam hardening lowers that of titanium, so titanium
at 70 keV is the upper limit. Steel stems have 2.7 and more. On a scale that ends at 3071 HU every metal has less, so
this limit does not distinguish them."""

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
    """Return whether a slice gets the result of the rounds.

    Args:
        explained: share of the residual's energy that the rounds attribute to the image.
        light: whether the metal is light.
    """
    return explained >= (LEAST_EXPLAINED_OF_LIGHT if light else LEAST_EXPLAINED)
