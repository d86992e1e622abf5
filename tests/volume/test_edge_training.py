"""The training of the edge network: crops of slices and painted discs, and weights that marview reads."""

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import ndimage

from benchmarks.clipped_edges import PLANES, trained
from benchmarks.edge_examples import CROP_PX, Example, crop, painted_disc
from marview.volume import edge_network
from marview.volume.clipped_edge import with_edges_of_rules


@pytest.fixture
def bar() -> Example:
    metal = np.zeros((128, 160), bool)
    metal[60:70, 30:60] = True
    image = np.minimum(ndimage.gaussian_filter(np.where(metal, 15000.0, 40.0), 1.2), 3071).astype(np.int16)
    found = image > 2000
    return Example(image, found, with_edges_of_rules(found, image, (0.8, 0.8), 3071), metal, 0.8)


@pytest.mark.parametrize("seed", range(12))
def test_a_painted_disc_is_clipped_metal_whose_blurred_edge_is_found(seed: int) -> None:
    disc = painted_disc(np.random.default_rng(seed))
    assert disc.image.max() <= 3071
    assert np.count_nonzero(disc.found & disc.metal) > 0.7 * np.count_nonzero(disc.metal) > 0
    assert not (disc.found & ~ndimage.binary_dilation(disc.metal, iterations=6)).any()


def test_only_pixels_in_and_near_metal_count(bar: Example) -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        planes = crop(bar, rng)
        assert planes.shape == (PLANES + 2, CROP_PX, CROP_PX)
        metal, weight = planes[PLANES] > 0, planes[PLANES + 1].numpy()
        assert (weight[metal] > 1).all()
        assert not weight[~ndimage.binary_dilation(metal | (planes[1] > 0), iterations=3)].any()


def test_marview_reads_the_weights_of_a_training(bar: Example, tmp_path: Path) -> None:
    torch.manual_seed(0)
    file = tmp_path / "weights.safetensors"
    network = trained([bar], 2, file).half().float()
    planes = edge_network.planes_of(bar.image, bar.found, bar.by_rules)
    with torch.no_grad():
        expected = network(torch.from_numpy(planes)[None])[0, 0].numpy()
    np.testing.assert_allclose(edge_network.logits(planes, file), expected, atol=1e-4)
