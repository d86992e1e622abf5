"""Choice between the completions of rounds, network and NMAR by what can be measured without knowing the truth."""

import torch
from torch import Tensor

from marview.physics import material

LARGEST_REMAINDER = 0.2
"""Line integrals. Where the remainder in the metal trace is stronger, it shows starvation rather than tissue. Chosen on
32 simulated validation slices: the slices that the network corrects are at most 6 % worse than linear interpolation."""


def is_trusted(remainder: Tensor) -> Tensor:
    """Whether the network corrects NMAR's completion of a slice, bool, `[slice]`.

    Args:
        remainder: strength of the remainder, as `trace_signal.strength` measures it, `[slice]`.
    """
    return remainder <= LARGEST_REMAINDER  # False where it is not a number


LEAST_EXPLAINED = 0.5
LEAST_EXPLAINED_OF_LIGHT = 0.2
"""Share of the remainder's energy that an image must explain, for the slice to have the result of the rounds. Chosen on
simulated slices: titanium screws have 0.35 and 0.72 and gain, hips of steel and cobalt chromium have at most 0.33."""

_LIGHT_MU = (0.8, 1.25 * material("ti").mu)
"""Attenuation of light metal in images, 1/cm: up to that of titanium at 70 keV, and a quarter more for the overshoot of
sharp kernels. A scale that ends at 3071 HU shows less of any metal, so it does not tell."""

_FULL = 0.9


def is_light(mu: Tensor, metal: Tensor) -> bool:
    """Whether the metal of a slice is as light as titanium.

    Args:
        mu: uncorrected image, 1/cm.
        metal: metal mask, bool, of the same shape; not empty.
    """
    lowest, highest = _LIGHT_MU
    return lowest < float(torch.quantile(mu[metal], _FULL)) < highest


def is_believed(explained: float, *, light: bool) -> bool:
    """Whether a slice has the result of the rounds.

    Args:
        explained: share of the remainder's energy that the rounds put into the image.
        light: whether the metal is light.
    """
    return explained >= (LEAST_EXPLAINED_OF_LIGHT if light else LEAST_EXPLAINED)
