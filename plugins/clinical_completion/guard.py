"""Detect, without ground truth, network estimates that predict the measured rays poorly."""

from torch import Tensor
from torch.nn.functional import max_pool1d

from marview.methods.trace_completion import interpolate_with_prior

from .shown import Shown

_EDGE_BINS = 2
"""Width of the edge on each side of the metal trace, whose rays are measured and can be predicted."""

_MOST_ERROR = 4.0
"""Maximum mean squared error of the network's predictions, relative to NMAR's. Good estimates have up to 3.6 times
NMAR's error, on a clipped HU scale. Estimates that change NMAR's image far too much often have more; changes in the
wrong direction are not recognised."""


def predicts_well(shown: Shown, sinogram: Tensor, nmar_sinogram: Tensor) -> bool:
    """Return whether the network's image predicts rays beside the metal trace about as well as NMAR's prior.

    Args:
        shown: data of the slice.
        sinogram: forward projection of the network's image, line integrals, `[1, view, bin]`.
        nmar_sinogram: forward projection of NMAR's prior, line integrals, `[1, view, bin]`.
    """
    wider = max_pool1d(shown.trace.float(), 2 * _EDGE_BINS + 1, stride=1, padding=_EDGE_BINS) > 0
    edge = wider & ~shown.trace
    if not bool(edge.any()):
        return False  # metal hides every ray, so nothing can be compared

    def error(prior_sinogram: Tensor) -> float:
        left = interpolate_with_prior(shown.sinogram, prior_sinogram, wider) - shown.sinogram
        return float(left[edge].square().mean())

    return error(sinogram) < _MOST_ERROR * error(nmar_sinogram)
