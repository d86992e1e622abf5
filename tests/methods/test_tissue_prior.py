"""The tissue prior: classes of air, soft tissue and bone."""

import numpy as np
import pytest
import torch

from marview.methods.tissue_prior import class_limits, prior_image
from marview.physics.attenuation import MU_WATER


def test_lung_keeps_its_value_only_where_asked() -> None:
    chest = torch.full((1, 90, 90), 0.0)
    chest[:, 5:85, 5:85] = MU_WATER
    chest[:, 15:75, 15:75] = 0.15 * MU_WATER
    metal = torch.zeros(chest.shape, dtype=torch.bool)
    kept, published = (prior_image(chest, metal, 1.0, 1.2 * MU_WATER, has_lung=has) for has in (True, False))
    assert float(kept[0, 45, 45]) == pytest.approx(0.15 * MU_WATER)
    assert float(published[0, 45, 45]) in (0.0, pytest.approx(MU_WATER))
    for image in (kept, published):
        assert float(image[0, 10, 45]) == pytest.approx(MU_WATER)
        assert float(image[0, 0, 0]) == 0


def test_class_limits_agree_with_plain_k_means() -> None:
    random = np.random.default_rng(2)
    image = np.concatenate([random.normal(m, 0.03, 4000) for m in (0.02, 0.2, 0.5)]).clip(0, 1)
    means = np.array([0, MU_WATER, 2 * MU_WATER])
    for _ in range(100):
        nearest = np.abs(image[:, None] - means).argmin(axis=1)
        means = np.array([image[nearest == k].mean() for k in range(3)])
    air, bone = class_limits(torch.from_numpy(image.reshape(1, 120, 100).astype(np.float32)))
    assert float(air) == pytest.approx(means[:2].mean(), abs=1e-3)
    assert float(bone) == pytest.approx(means[1:].mean(), abs=1e-3)
