"""Create training pairs for a small scan from metal-free slices and randomly altered metal masks."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample, interpolate

from marview.geometry import ParallelBeam
from marview.learning.api import Pairs
from marview.learning.scenes import Scene
from marview.physics.attenuation import MU_WATER, hu_to_mu
from marview.projection import Projector

from .network import brightened

FEWEST = 3
"""Smallest number of slices without metal that training needs."""

_BODY_HU = -200.0
_TURN, _GROW, _SHIFT = 0.6, 1.5, 0.25
"""Ranges of the random rotation (rad), scale (factor) and shift (fraction of half the field) of a mask."""

_TRIES = 12
_HELD_OUT = 5


@dataclass(frozen=True)
class SmallScan:
    """Parallel-beam scan on a small grid, on which a network can be trained in minutes.

    Attributes:
        size_px: number of rows and columns.
        views: number of views over half a turn.
        field_mm: edge length of the grid in mm.
    """

    size_px: int
    views: int
    field_mm: float

    @cached_property
    def projector(self) -> Projector:
        """Projector between images and sinograms; bins are as wide as pixels and cover the whole grid."""
        pixel = self.field_mm / self.size_px
        bins = math.ceil(math.sqrt(2) * self.size_px) // 2 * 2 + 1
        beam = ParallelBeam(views=self.views, bins=bins, bin_mm=pixel)
        return Projector(beam, shape=(self.size_px, self.size_px), pixel_mm=pixel)

    @property
    def unit(self) -> float:
        """Unit of the network: the line integral of water over half the field."""
        return MU_WATER * self.field_mm / 10 / 2

    def image(self, mu: Tensor) -> Tensor:
        """Resample images `[slice, y, x]` to the small grid."""
        if mu.shape[-1] == self.size_px:
            return mu
        return interpolate(mu[:, None], size=(self.size_px, self.size_px), mode="bilinear", antialias=True)[:, 0]

    def pairs(self, mu: Tensor, metal: Tensor) -> Pairs:
        """Make re-projected pairs without ground truth from slices with metal.

        The slices, in 1/cm, may be on any grid with the same field of view.
        """
        image, mask = self.image(mu), self.mask(metal)
        sinogram = self.projector.forward(image)
        return Pairs(
            truth_mu=image,
            metal=mask,
            sinogram=sinogram,
            metal_free_sinogram=sinogram,
            trace=self.projector.trace(mask),
            projector=self.projector,
            clinical_mu=image,
        )

    def mask(self, metal: Tensor) -> Tensor:
        """Resample masks to the small grid, bool `[slice, y, x]`, without losing small metal objects."""
        return self.image(metal.float()) > 0.05


@dataclass(frozen=True, eq=False)
class Patient:
    """Training data from a patient's scan, on the small grid.

    Attributes:
        scan: small scan.
        clean_mu: slices without metal, 1/cm, `[slice, y, x]`.
        masks: metal masks of slices with metal, bool, `[mask, y, x]`.
    """

    scan: SmallScan
    clean_mu: Tensor
    masks: Tensor

    @classmethod
    def of(cls, scan: SmallScan, clean_hu: Tensor, masks: Tensor) -> "Patient":
        """Create training data from metal-free slices in HU and metal masks.

        The slices and masks may be on any grid with the same field of view.
        """
        return cls(scan, scan.image(hu_to_mu(clean_hu)).clamp(min=0), scan.mask(masks))

    def parted(self) -> tuple["Patient", "Patient"]:
        """Split the data into training slices and held-out slices.

        Every fifth slice is held out. If there are two to four slices, one is held out; if there is only
        one, it is used for training.
        """
        count = len(self.clean_mu)
        is_held = torch.arange(count, device=self.clean_mu.device) % _HELD_OUT == min(_HELD_OUT // 2, max(count - 1, 1))
        return replace(self, clean_mu=self.clean_mu[~is_held]), replace(self, clean_mu=self.clean_mu[is_held])

    @cached_property
    def sinograms(self) -> Tensor:
        """Sinograms of the clean slices, `[slice, view, bin]`."""
        return self.scan.projector.forward(self.clean_mu)


def brightness(clean_hu: Tensor) -> float:
    """Return the factor that scales mean soft tissue to water, to make different patients' slices similar."""
    tissue = hu_to_mu(clean_hu[clean_hu > _BODY_HU])
    return MU_WATER / float(tissue.mean()) if tissue.numel() else 1.0


def alike(clean_hu: Tensor) -> Tensor:
    """Scale each slice, HU `[slice, y, x]`, by its `brightness` factor."""
    scale = clean_hu.new_tensor([brightness(one) for one in clean_hu])
    return (clean_hu + 1000) * scale[:, None, None] - 1000


@dataclass(frozen=True, eq=False)
class LitPairs(Pairs):
    """Pairs whose sinogram has a bright trace in place of metal."""

    @classmethod
    def of(cls, projector: Projector, truth_mu: Tensor, free: Tensor, masks: Tensor) -> "LitPairs":
        """Make pairs from metal-free slices and metal masks.

        Args:
            projector: projector between images and sinograms.
            truth_mu: slices without metal, 1/cm, `[slice, y, x]`.
            free: sinograms of the slices, `[slice, view, bin]`.
            masks: metal masks, bool, `[slice, y, x]`.
        """
        trace = projector.trace(masks)
        return cls(
            truth_mu=truth_mu,
            metal=masks,
            sinogram=brightened(free, trace),
            metal_free_sinogram=free,
            trace=trace,
            projector=projector,
        )

    @cached_property
    def image(self) -> Tensor:
        """Linear interpolation image, clipped at 0, 1/cm, `[slice, y, x]`.

        This image is used because the FBP of a bright trace does not look like metal.
        """
        return self.li_image.clamp(min=0)


@dataclass(frozen=True, eq=False)
class NearHipPairs:
    """Source of pairs from patients' own slices; a batch depends only on its number and the seed.

    Attributes:
        patients: training data of the patients; all slices of a batch come from one of them.
        batch: number of slices in a batch.
        seed: seed of the random choices.
    """

    patients: tuple[Patient, ...]
    batch: int
    seed: int

    def __call__(self, number: int) -> Pairs:
        """Return the batch with this number."""
        chance = torch.Generator().manual_seed(self.seed * 1_000_003 + number)
        patient = self.patients[_drawn(len(self.patients), chance)]
        chosen = torch.tensor([_drawn(len(patient.clean_mu), chance) for _ in range(self.batch)])
        masks = torch.stack([changed_mask(patient, int(k), chance) for k in chosen])
        chosen = chosen.to(patient.clean_mu.device)
        return LitPairs.of(patient.scan.projector, patient.clean_mu[chosen], patient.sinograms[chosen], masks)


def changed_mask(patient: Patient, index: int, chance: torch.Generator) -> Tensor:
    """Return a randomly rotated, scaled and shifted metal mask, bool, `[y, x]`.

    It is one of the patient's masks, placed within the body of a clean slice.
    """
    body = patient.clean_mu[index] > MU_WATER / 2
    kept = patient.masks[_drawn(len(patient.masks), chance)]
    best, inside = kept, -1.0
    for _ in range(_TRIES):
        moved = _moved(kept, chance)
        share = float((moved & body).sum() / moved.sum().clamp(min=1)) if bool(moved.any()) else -1.0
        if share > inside:
            best, inside = moved, share
        if inside > 0.95:
            break
    return best


def _moved(mask: Tensor, chance: torch.Generator) -> Tensor:
    turn, grow, right, down = (2 * torch.rand(4, generator=chance) - 1).tolist()
    angle, factor = turn * _TURN, _GROW**-grow
    y, x = mask.nonzero().float().mean(dim=0).tolist()
    rows, columns = mask.shape
    middle = (2 * x + 1) / columns - 1, (2 * y + 1) / rows - 1
    cosine, sine = factor * math.cos(angle), factor * math.sin(angle)
    # the pixel p of the result comes from middle + A (p - middle - shift)
    at = middle[0] + right * _SHIFT, middle[1] + down * _SHIFT
    matrix = [
        [cosine, -sine, middle[0] - cosine * at[0] + sine * at[1]],
        [sine, cosine, middle[1] - sine * at[0] - cosine * at[1]],
    ]
    grid = affine_grid(torch.tensor([matrix], device=mask.device), [1, 1, rows, columns], align_corners=False)
    return grid_sample(mask[None, None].float(), grid, align_corners=False)[0, 0] > 0.5


def _drawn(count: int, chance: torch.Generator) -> int:
    return int(torch.randint(count, (), generator=chance))


@dataclass(frozen=True, eq=False)
class ScenePairs:
    """Source of pairs from other patients' slices, with random metal and soft tissue scaled to water.

    Attributes:
        scan: small scan.
        draw: function that draws the scene with a given number.
        device: device for the pairs.
    """

    scan: SmallScan
    draw: Callable[[int], Scene]
    device: torch.device

    def __call__(self, number: int) -> LitPairs:
        """Return the batch with this number.

        Raises:
            BadInput: the slices contain no tissue for metal.
        """
        scene = self.draw(number)
        mu = self.scan.image(hu_to_mu(alike(torch.from_numpy(scene.hu)))).clamp(min=0).to(self.device)
        metal = np.any([share > 0 for share in scene.metal.values()], axis=0)
        masks = self.scan.mask(torch.from_numpy(metal)).to(self.device)
        return LitPairs.of(self.scan.projector, mu, self.scan.projector.forward(mu), masks)
