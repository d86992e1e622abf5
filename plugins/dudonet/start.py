"""Compute the network inputs that are not in the paper.

They include the sinogram of NMAR's prior, and the fraction of each pixel's rays that lie in the metal
trace.
"""

from collections.abc import Callable

from marview.methods.api import MarCase
from marview.methods.nmar import nmar_prior
from marview.methods.trace_completion import hidden_share

from .network import DualDomain, Start


def start_of(dual: DualDomain, case: MarCase, pause: Callable[[], None] = lambda: None) -> Start:
    """Compute the inputs that the settings require; `pause` is called between the steps."""
    prior_sinogram = hidden = None
    if dual.settings.sinogram_start == "nmar":
        prior = nmar_prior(case, pause=pause)
        pause()
        prior_sinogram = case.projector.forward(prior)
        pause()
    if dual.settings.sees_hidden and dual.image_net is not None:
        hidden = hidden_share(case.projector, case.trace)
    return Start(case.mu, prior_sinogram, hidden, case.measured_sinogram is not None)
