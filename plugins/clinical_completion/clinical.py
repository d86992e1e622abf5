"""Make training pairs from clinical scenes: simulated slices after the clinical front end, and their truth."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from marview.geometry import PROCESSING_SIZE as SIZE
from marview.geometry import processing_beam
from marview.learning.api import Pairs
from marview.methods.nmar import NmarSettings
from marview.methods.tissue_prior import prior_image
from marview.methods.trace_completion import complete_with_prior, grown
from marview.physics.attenuation import MU_WATER, hu_to_mu, mu_to_hu
from marview.physics.simulation import Stages, simulate
from marview.physics.starvation import smooth_starved
from marview.projection import Projector

from .scenes import ClinicalScene
from .trace_signal import metal_sinogram

_NMAR = NmarSettings()


@dataclass(frozen=True, eq=False, kw_only=True)
class ClinicalPairs(Pairs):
    """Pairs of clinical slices, with the completed sinogram that the network corrects.

    Attributes:
        base: sinogram completed with NMAR's prior, `[slice, view, bin]`.
        metal_part: forward projection of the metal in the uncorrected image, `[slice, view, bin]`.
    """

    base: Tensor
    metal_part: Tensor

    @classmethod
    def of(cls, pairs: Pairs) -> Self:
        """Extend pairs with the completed sinogram, which the network corrects, and with the projected metal."""
        li_mu = pairs.li_image
        least_bone = MU_WATER * (1 + _NMAR.bone_from_hu / 1000)
        prior = prior_image(li_mu, pairs.metal, _NMAR.smoothing_px, least_bone, has_lung=_NMAR.has_lung)
        return cls(
            **{name: getattr(pairs, name) for name in Pairs.__dataclass_fields__},
            base=complete_with_prior(pairs.sinogram, pairs.projector.forward(prior), pairs.trace),
            metal_part=metal_sinogram(pairs.projector, pairs.image, pairs.metal),
        )

    def part(self, slices: Tensor | Sequence[int]) -> Self:
        """Return some slices of the batch."""
        chosen = {name: getattr(self, name)[slices] for name in self.__dataclass_fields__ if name != "projector"}
        return replace(self, **chosen)


@torch.no_grad()
def scan(scene: ClinicalScene, device: torch.device) -> ClinicalPairs:
    """Simulate the scan of a scene, clip its image as a scanner does, and make the case of the front end.

    The truth is the image of the same scan without metal, because the sinogram of the front end has the same
    resolution.
    """
    pixel_mm = scene.protocol.pixel_mm
    simulation = simulate(
        torch.from_numpy(scene.hu).to(device),
        {name: torch.from_numpy(share).to(device) for name, share in scene.metal.items()},
        scene.protocol,
        stages=Stages(edges=scene.has_edges),
        seed=scene.seed,
    )
    measured = smooth_starved(simulation.sinogram) if scene.is_smoothed else simulation.sinogram
    images = simulation.projector.fbp(torch.cat([measured, simulation.metal_free_sinogram]), filter=scene.kernel)
    image, truth = mu_to_hu(images).round().chunk(2)
    ends = torch.tensor(scene.scales_hu, device=device)[..., None, None]
    image = torch.minimum(torch.maximum(image, ends[:, 0]), ends[:, 1])
    metal = _masks(scene, image)
    mu, truth_mu = hu_to_mu(image), hu_to_mu(truth)
    projector = Projector(processing_beam(pixel_mm), shape=(SIZE, SIZE), pixel_mm=pixel_mm)
    both = projector.forward(torch.cat([mu, truth_mu]))
    sinogram, metal_free_sinogram = both.chunk(2)
    trace = projector.trace(grown(metal))
    return ClinicalPairs.of(Pairs(truth_mu, metal, sinogram, metal_free_sinogram, trace, projector, clinical_mu=mu))


def _masks(scene: ClinicalScene, image_hu: Tensor) -> Tensor:
    """Return metal masks as a user or a threshold would make them, bool, `[slice, y, x]`."""
    rng = np.random.default_rng(scene.seed)
    shares = np.sum(list(scene.metal.values()), axis=0)
    found = [
        _mask(share, kind, hu, float(rng.uniform(2000, 3000)))
        for share, kind, hu in zip(shares, scene.masks, image_hu.cpu().numpy(), strict=True)
    ]
    return torch.from_numpy(np.stack(found)).to(image_hu.device)


def _mask(share: NDArray[np.float32], kind: str, hu: NDArray[np.float32], limit_hu: float) -> NDArray[np.bool_]:
    true = share >= 0.5 if (share >= 0.5).any() else share > 0
    if kind == "grown":
        return np.asarray(ndimage.binary_dilation(true))
    if kind == "threshold":
        # a threshold includes bright streaks beside the metal, and misses rims that photon starvation darkens
        found = ndimage.binary_dilation(true, iterations=3) & (hu > limit_hu)
        if found.sum() > true.sum() / 2:
            return np.asarray(found)
    return np.asarray(true)
