"""Create training data: simulated clinical slices, processed as in the front end, and their ground truth."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from marview.geometry import PROCESSING_SIZE as SIZE
from marview.geometry import processing_beam
from marview.methods.api import MarCase
from marview.methods.restoring import Restorer, cut_off
from marview.methods.trace_completion import grown
from marview.physics.attenuation import MU_WATER, hu_to_mu, mu_to_hu
from marview.physics.simulation import Stages, simulate
from marview.physics.starvation import smooth_starved
from marview.projection import Projector
from marview.volume.segment import adaptive

from .estimates import Estimates
from .planes import to_unit
from .scenes import ClinicalScene

_BRIGHT_HU = 3000.0
_THICK_MM = 2.0


@dataclass(frozen=True, eq=False)
class Scanned:
    """Input planes of the slices of a scene, with the ground truth in the same unit.

    Attributes:
        planes: input planes, `[slice, plane, y, x]`.
        truth: image of the same scan without metal, `[slice, y, x]`.
    """

    planes: Tensor
    truth: Tensor


@torch.no_grad()
def scan(scene: ClinicalScene, device: torch.device) -> Scanned:
    """Simulate the scan of a scene, clip the image as a scanner does, and compute the input planes.

    The ground truth is the image of the same scan without metal, so it has the same resolution as the
    image with metal.
    """
    case, truth_mu = _case(scene, device)
    estimates = Estimates(case)
    planes = torch.cat([estimates.planes(k) for k in range(len(case.hu))])
    return Scanned(planes, to_unit(truth_mu))


def _case(scene: ClinicalScene, device: torch.device) -> tuple[MarCase, Tensor]:
    """Return the case of a scene and its truth, 1/cm, `[slice, y, x]`."""
    pixel_mm = scene.protocol.pixel_mm
    simulation = simulate(
        torch.from_numpy(scene.hu).to(device),
        {name: torch.from_numpy(share).to(device) for name, share in scene.metal.items()},
        scene.protocol,
        stages=Stages(edges=scene.has_edges),
        scanner=scene.scanner,
        seed=scene.seed,
    )
    measured = smooth_starved(simulation.sinogram) if scene.is_smoothed else simulation.sinogram
    images = simulation.projector.fbp(torch.cat([measured, simulation.metal_free_sinogram]), filter=scene.kernel)
    image, truth = mu_to_hu(images).round().chunk(2)
    ends = torch.tensor(scene.scales_hu, device=device)[..., None, None]
    image = torch.minimum(torch.maximum(image, ends[:, 0]), ends[:, 1])
    metal = _masks(scene, image)
    beam = processing_beam(pixel_mm)
    projector = Projector(beam, shape=(SIZE, SIZE), pixel_mm=pixel_mm)
    case = MarCase(
        hu=_restored(image, metal, pixel_mm),
        metal=metal,
        pixel_mm=pixel_mm,
        beam=beam,
        slice_indices=list(range(len(image))),
        measured_trace=projector.trace(grown(metal)),
    )
    true = torch.from_numpy(_is_true_metal(scene)).to(metal.device)
    return case, hu_to_mu(torch.where(_left_out(true, metal), _BRIGHT_HU, truth))


def _restored(image_hu: Tensor, metal: Tensor, pixel_mm: float) -> Tensor:
    """Restore the dark streaks of clipped slices as the front end does, HU, `[slice, y, x]`."""
    dark = cut_off(image_hu.cpu().numpy().astype(np.int16), metal.cpu().numpy())
    found = np.flatnonzero(dark.any(axis=(1, 2))).tolist()
    if not found:
        return image_hu
    share = torch.from_numpy(dark[found]).to(image_hu)
    result = image_hu.clone()
    result[found] -= Restorer(pixel_mm).missing(hu_to_mu(image_hu[found]), metal[found], share) * (1000 / MU_WATER)
    return result


def _is_true_metal(scene: ClinicalScene) -> NDArray[np.bool_]:
    """Return the pixels that are at least half metal, or all with metal if a slice has no such pixel."""
    shares = np.sum(list(scene.metal.values()), axis=0)
    return np.stack([share >= 0.5 if (share >= 0.5).any() else share > 0 for share in shares])


def _left_out(true: Tensor, metal: Tensor) -> Tensor:
    """Return the pieces of true metal that the mask lacks completely, bool, `[slice, y, x]`; the result keeps them."""
    left_out = [
        ~np.isin(labels, np.unique(labels[found])) & (labels > 0)
        for labels, found in zip(
            (ndimage.label(one)[0] for one in true.cpu().numpy()), metal.cpu().numpy(), strict=True
        )
    ]
    return torch.from_numpy(np.stack(left_out)).to(metal.device)


def _masks(scene: ClinicalScene, image_hu: Tensor) -> Tensor:
    """Return metal masks as a user, a threshold or marview would make them, bool, `[slice, y, x]`."""
    rng = np.random.default_rng(scene.seed)
    found = [
        _mask(true, kind, hu, float(rng.uniform(2000, 3000)), scene.protocol.pixel_mm)
        for true, kind, hu in zip(_is_true_metal(scene), scene.masks, image_hu.cpu().numpy(), strict=True)
    ]
    return torch.from_numpy(np.stack(found)).to(image_hu.device)


def _mask(
    true: NDArray[np.bool_], kind: str, hu: NDArray[np.float32], limit_hu: float, pixel_mm: float
) -> NDArray[np.bool_]:
    if kind == "automatic":
        found = adaptive(hu.astype(np.int16)[None], (_THICK_MM, pixel_mm, pixel_mm)).mask[0]
        return found if found.any() else true
    if kind == "grown":
        return np.asarray(ndimage.binary_dilation(true))
    if kind == "threshold":
        # a threshold includes bright streaks beside the metal, and misses rims that photon starvation darkens
        found = ndimage.binary_dilation(true, iterations=3) & (hu > limit_hu)
        if found.sum() > true.sum() / 2:
            return np.asarray(found)
    return np.asarray(true)
