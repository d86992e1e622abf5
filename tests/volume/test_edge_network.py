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


def recognised_disc(y: int, x: int) -> np.ndarray:
    image, found, by_rules = clipped_disc(y, x)
    return recognised(found, image, found, by_rules)


def test_metal_that_moves_takes_its_edge_along() -> None:
    middle = recognised_disc(48, 48)
    assert middle.any()
    np.testing.assert_array_equal(recognised_disc(40, 53), np.roll(middle, (-8, 5), (0, 1)))


def test_what_lies_far_away_does_not_matter() -> None:
    image, found, by_rules = clipped_disc(48, 48)
    expected = recognised(found, image, found, by_rules)
    image[:8], image[:, 88:] = -1000, 2000
    np.testing.assert_array_equal(recognised(found, image, found, by_rules), expected)


def test_all_metal_lies_near_the_metal_found_before() -> None:
    image, found, by_rules = clipped_disc(48, 48)
    rng = np.random.default_rng(1)
    noisy = (image + rng.normal(0, 500, image.shape)).clip(-1024, 3071).astype(np.int16)
    assert not (recognised(found, noisy, found, by_rules) & ~ndimage.binary_dilation(found, iterations=2)).any()


def test_pieces_are_recognised_alike_alone_and_together() -> None:
    image, found, by_rules = clipped_disc(24, 24, 160)
    for other in (clipped_disc(24, 130, 160), clipped_disc(80, 24, 160)):  # far apart, and with parts in common
        image, found, by_rules = np.maximum(image, other[0]), found | other[1], by_rules | other[2]
    labels, count = ndimage.label(found)
    alone = [recognised(labels == number, image, found, by_rules) for number in range(1, count + 1)]
    assert len(alone) == 3
    assert all(each.any() for each in alone)
    np.testing.assert_array_equal(recognised(found, image, found, by_rules), np.any(alone, axis=0))


def test_without_pieces_nothing_is_recognised() -> None:
    image, found, by_rules = clipped_disc(48, 48)
    assert not recognised(np.zeros_like(found), image, found, by_rules).any()


def test_the_mask_of_the_rules_matters() -> None:
    image, found, by_rules = clipped_disc(48, 48)
    with_rules = edge_network.logits(planes_of(image, found, by_rules))
    without = edge_network.logits(planes_of(image, found, np.zeros_like(by_rules)))
    assert np.abs(with_rules - without)[found].max() > 0.1


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
    part, whole = recognised_disc(48, 4), recognised_disc(48, 30)
    assert np.count_nonzero(part[:, :20] ^ whole[:, 26:46]) < 0.02 * np.count_nonzero(part)
