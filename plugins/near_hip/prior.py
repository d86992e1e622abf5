"""The prior image of the near-hip method, and the sinogram that it completes."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from marview.methods.api import MarCase
from marview.methods.thin_metal import is_thin
from marview.physics.attenuation import mu_to_hu

from .learned import Learned
from .network import completed, planes
from .patient import brightness
from .start import image_of_start


def prior_image(case: MarCase, learned: Learned, pause: Callable[[], None] = lambda: None) -> Tensor:
    """The image of what the network corrects, and what it changes on the small scan, 1/cm, `[slice, y, x]`.

    The image itself, with its streaks, would not do: where a sinogram was measured, the trace of the small scan does
    not hide them. Beside thin metal in a clinical image nothing is changed: NMAR's completion has all of the bone
    there, and the network learned from those that have lost some, which it would add a second time.

    Args:
        case: the slices.
        learned: the network.
        pause: is called between parts of it.
    """
    scan = learned.scan
    begun_image = image_of_start(case, learned.start, pause)
    prior = begun_image.clamp(min=0)
    changed = ~is_thin(case) if learned.start == "nmar" else torch.ones(len(prior), dtype=torch.bool)
    for number in changed.nonzero().flatten().tolist():
        pause()
        part = slice(number, number + 1)
        shown, scale = shown_mu(begun_image[part], case.metal[part], learned)
        small = scan.pairs(shown, case.metal[part])
        begun = None if learned.start == "nothing" else small.sinogram
        seen = planes(small.sinogram, small.trace, begun, scan.unit)
        said = completed(learned.network, seen, begun, scan.unit)
        change = scan.projector.fbp(torch.where(small.trace, said - small.sinogram, 0.0)) / scale[:, None, None]
        fine = interpolate(change[:, None], size=prior.shape[-2:], mode="bilinear", align_corners=False)[:, 0]
        prior[part] = (begun_image[part] + fine).clamp(min=0)
    return prior


def shown_mu(image_mu: Tensor, metal: Tensor, learned: Learned) -> tuple[Tensor, Tensor]:
    """Images as bright as those the network learned from, 1/cm, and by which factor, `[slice]`, each is brighter.

    Args:
        image_mu: 1/cm, `[slice, y, x]`.
        metal: metal mask, bool, `[slice, y, x]`.
        learned: the network.
    """
    scale = image_mu.new_ones(len(image_mu))
    if learned.has_alike:
        pairs = zip(image_mu, metal, strict=True)
        scale = image_mu.new_tensor([brightness(mu_to_hu(one[~solid])) for one, solid in pairs])
    return image_mu * scale[:, None, None], scale
