"""The network that finds the edge of clipped metal works alike everywhere in an image, and as its training built it."""

import numpy as np
import torch
from safetensors.torch import load_file
from scipy import ndimage
from torch.nn import functional

from marview.volume import edge_network
from marview.volume.clipped_edge import with_edges_of_rules
from marview.volume.edge_network import DILATIONS, planes_of, recognised


def clipped_disc(y: int, x: int, size: int = 96) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Blurred metal on a clipped scale, HU `[y, x]`, and the metal that a threshold finds and the rules leave."""
    metal = np.hypot(*np.ogrid[-y : size - y, -x : size - x]) <= 8
    hu = np.minimum(ndimage.gaussian_filter(np.where(metal, 12000.0, 40.0), 1.2), 3071).astype(np.int16)
    found = hu > 2000
    return hu, found, with_edges_of_rules(found, hu, (0.8, 0.8), 3071)


def test_metal_that_moves_takes_its_edge_along() -> None:
    middle = recognised(*clipped_disc(48, 48))
    assert middle.any()
    np.testing.assert_array_equal(recognised(*clipped_disc(40, 53)), np.roll(middle, (-8, 5), (0, 1)))


def test_what_lies_far_away_does_not_matter() -> None:
    image, found, usual = clipped_disc(48, 48)
    expected = recognised(image, found, usual)
    image[:8], image[:, 88:] = -1000, 2000
    np.testing.assert_array_equal(recognised(image, found, usual), expected)


def test_all_metal_lies_near_the_metal_found_before() -> None:
    image, found, usual = clipped_disc(48, 48)
    rng = np.random.default_rng(1)
    noisy = (image + rng.normal(0, 500, image.shape)).clip(-1024, 3071).astype(np.int16)
    assert not (recognised(noisy, found, usual) & ~ndimage.binary_dilation(found, iterations=2)).any()
    assert not recognised(image, np.zeros_like(found), usual).any()


def test_the_result_is_that_of_torch() -> None:
    given = planes_of(*clipped_disc(48, 48))
    tensors = {name: each.float() for name, each in load_file(edge_network.WEIGHTS).items()}
    planes = torch.from_numpy(given)[None]
    for layer, dilation in enumerate(DILATIONS):
        weight, bias = tensors[f"{layer}.weight"], tensors[f"{layer}.bias"]
        planes = functional.conv2d(planes, weight, bias, padding=dilation, dilation=dilation).relu()
    last = len(DILATIONS)
    expected = functional.conv2d(planes, tensors[f"{last}.weight"], tensors[f"{last}.bias"])[0, 0].numpy()
    np.testing.assert_allclose(edge_network.logits(given), expected, atol=1e-3)


def test_metal_at_the_edge_of_the_image_continues_there() -> None:
    part, whole = recognised(*clipped_disc(48, 4)), recognised(*clipped_disc(48, 30))
    assert np.count_nonzero(part[:, :20] ^ whole[:, 26:46]) < 0.02 * np.count_nonzero(part)
