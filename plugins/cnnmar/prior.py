"""Tissue processing: convert the network's image to a prior image with uniform soft tissue and no metal."""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, distance_transform_edt
from torch import Tensor

from marview.methods.tissue_prior import class_limits
from marview.physics.attenuation import MU_WATER, hu_to_mu

_STARTS_HU = (-900.0, 0.0, 1000.0)


def tissue_prior(
    image: Tensor, metal: Tensor, *, soft_from_hu: float = -300.0, bone_from_hu: float = 350.0, blend_px: float = 5.0
) -> Tensor:
    """Create the prior image, 1/cm, `[slice, y, x]`.

    k-means divides the pixels into three classes: air, soft tissue and bone. Soft tissue is replaced by its
    mean, with a gradual transition near air and bone. Air and bone keep the network's values.

    Args:
        image: the network's image, 1/cm, `[slice, y, x]`.
        metal: metal mask, bool.
        soft_from_hu: lower limit, in HU, of the k-means threshold between air and soft tissue. The paper has
            no such limit; without it, lung tissue can lower the mean of soft tissue far below water.
        bone_from_hu: lower limit, in HU, of the k-means threshold between soft tissue and bone.
        blend_px: distance in pixels over which soft tissue changes gradually to its mean.

    Source: Zhang and Yu 2018, section II.
    """
    tissue = torch.where(metal, MU_WATER, image)
    air, bone = class_limits(tissue, starts=tuple(hu_to_mu(torch.tensor(_STARTS_HU)).tolist()))
    least_soft, least_bone = (float(hu_to_mu(torch.tensor(each))) for each in (soft_from_hu, bone_from_hu))
    soft = (tissue > air.clamp(min=least_soft)) & (tissue < bone.clamp(min=least_bone))
    arrays = (each.cpu().numpy() for each in (tissue, soft, metal))
    flat = np.stack([_flattened(*planes, blend_px=blend_px) for planes in zip(*arrays, strict=True)])
    return torch.from_numpy(flat).to(image.device)


def _flattened(
    tissue: NDArray[np.float32], soft: NDArray[np.bool_], metal: NDArray[np.bool_], *, blend_px: float
) -> NDArray[np.float32]:
    prior = tissue.clip(0)
    if soft.any():
        share = np.minimum(distance_transform_edt(soft) / blend_px, 1).astype(np.float32)
        prior += share * (tissue[soft].mean() - prior)
    if metal.any():
        grown = binary_dilation(metal, np.ones((3, 3), bool))
        if not grown.all():
            nearest = distance_transform_edt(grown, return_distances=False, return_indices=True)
            prior[grown] = prior[tuple(nearest[:, grown])]
    return prior
