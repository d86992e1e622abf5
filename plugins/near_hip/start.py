"""Start of the network: nothing, as published, or a completion of the trace, which it corrects."""

from collections.abc import Callable
from typing import Literal

from torch import Tensor

from marview.learning.api import Pairs
from marview.methods.api import MarCase
from marview.methods.nmar import NmarSettings, prior_source
from marview.methods.tissue_prior import prior_image
from marview.methods.trace_completion import interpolate_with_prior
from marview.physics.attenuation import MU_WATER
from marview.projection import Projector

Start = Literal["nothing", "li", "nmar"]

_USUAL = NmarSettings()


def start_of(pairs: Pairs, how: Start) -> Tensor | None:
    """The completion that the network corrects, `[slice, view, bin]`; None where it makes its own.

    Linear interpolation, or NMAR's: the projection of air, lung, water and bone as the image of linear interpolation
    shows them, joined to the measured sinogram.
    """
    if how == "nothing":
        return None
    if how == "li":
        return pairs.li_sinogram
    return _nmar(pairs.sinogram, pairs.trace, pairs.li_image, pairs.metal, pairs.projector)


def image_of_start(case: MarCase, how: Start, pause: Callable[[], None] = lambda: None) -> Tensor:
    """A case's own image with that completion in its trace, on its own grid; linear interpolation's where it is none.

    The prior is made of the same image as NMAR's: the uncorrected one where metal hides little.

    Args:
        case: the slices.
        how: what the network starts at.
        pause: is called between its parts.

    Returns:
        1/cm, `[slice, y, x]`.
    """
    if how != "nmar":
        return case.li_mu
    source = prior_source(case, _USUAL)
    pause()
    completed = _nmar(case.sinogram, case.trace, source, case.metal, case.projector)
    pause()
    return case.reconstruct(completed)


def _nmar(sinogram: Tensor, trace: Tensor, source_mu: Tensor, metal: Tensor, projector: Projector) -> Tensor:
    least_bone = MU_WATER * (1 + _USUAL.bone_from_hu / 1000)
    prior = prior_image(source_mu, metal, _USUAL.smoothing_px, least_bone, has_lung=_USUAL.has_lung)
    prior_sinogram = projector.forward(prior)
    return interpolate_with_prior(sinogram, prior_sinogram, trace)
