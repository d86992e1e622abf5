"""A small network that finds the edge of metal where the HU scale is clipped.

The edge lies where the HU fall to half of the metal's own HU, but a clipped scale ends far below this
value. The network recognises the edge from the surrounding HU, which differ between metal, blur and
streaks, and from the mask that the rules of `clipped_edge` leave.
"""

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file
from scipy import ndimage

from marview.paths import resources

DILATIONS = (1, 1, 2, 4, 8, 4, 2, 1)
"""Distance in pixels between the pixels that a layer reads; each layer reads 3 x 3, and a last layer 1 x 1 pixels."""

FARTHEST_PX = 2
"""Farthest distance of recognised metal from the pieces that were found before."""

_PADDED_PX = sum(DILATIONS)
REACH_PX = FARTHEST_PX + _PADDED_PX
"""Farthest distance from a piece of pixels that decide about its edge."""

WEIGHTS = resources() / "masks" / "clipped_edges.safetensors"
"""File of the weights."""

Planes = NDArray[np.float32]


def planes_of(image: NDArray[np.int16], found: NDArray[np.bool_], by_rules: NDArray[np.bool_]) -> Planes:
    """Return the network input, float32 `[plane, y, x]`: HU / 1000 - 1 and the two masks.

    Args:
        image: HU, `[y, x]`.
        found: metal including its blurred edge, bool `[y, x]`.
        by_rules: metal that the rules leave, bool `[y, x]`.
    """
    return np.stack([image.astype(np.float32) / 1000 - 1, found.astype(np.float32), by_rules.astype(np.float32)])


def recognised(
    pieces: NDArray[np.bool_],
    image: NDArray[np.int16],
    found: NDArray[np.bool_],
    by_rules: NDArray[np.bool_],
    weights: Path = WEIGHTS,
) -> NDArray[np.bool_]:
    """Return the pixels in pieces of metal, or at most 2 pixels from them, that the network recognises as metal.

    Args:
        pieces: pieces of `found` that the network decides about, bool `[y, x]`.
        image: HU, `[y, x]`.
        found: metal including its blurred edge, bool `[y, x]`.
        by_rules: metal that the rules leave, bool `[y, x]`.
        weights: file of the weights.

    Returns:
        Recognised metal, bool `[y, x]`.
    """
    result = np.zeros_like(found)
    # only what the network reads is computed, because it is slow on whole slices
    groups, _ = ndimage.label(ndimage.maximum_filter(pieces, 2 * REACH_PX + 1))
    for number, box in enumerate(ndimage.find_objects(groups), start=1):
        # edge values continue beyond the image, because zeros would look like tissue of 1000 HU
        planes = planes_of(image[box], found[box], by_rules[box])
        planes = np.pad(planes, [(0, 0), (_PADDED_PX,) * 2, (_PADDED_PX,) * 2], mode="edge")
        is_metal = logits(planes, weights)[_PADDED_PX:-_PADDED_PX, _PADDED_PX:-_PADDED_PX] > 0
        result[box] |= is_metal & (groups[box] == number)
    return np.asarray(result & ndimage.binary_dilation(pieces, iterations=FARTHEST_PX))


def logits(planes: Planes, weights: Path = WEIGHTS) -> NDArray[np.float32]:
    """Return the logit of the metal probability of each pixel, `[y, x]`; `weights` is the file of the weights."""
    layers = _layers(weights)
    for (weight, bias), dilation in zip(layers, DILATIONS, strict=False):
        planes = np.maximum(_convolved(planes, weight, dilation) + bias, 0)
    weight, bias = layers[-1]
    return np.asarray((_convolved(planes, weight, 0) + bias)[0])


def _convolved(planes: Planes, weight: Planes, dilation: int) -> Planes:
    """Convolve planes, `[plane, y, x]`, with kernels `[plane out, plane in, ky, kx]`; zeros surround the image."""
    _, rows, columns = planes.shape
    padded = np.pad(planes, [(0, 0), (dilation, dilation), (dilation, dilation)])
    result = np.zeros((len(weight), rows * columns), np.float32)
    for y, x in np.ndindex(weight.shape[2:]):
        part = padded[:, y * dilation : y * dilation + rows, x * dilation : x * dilation + columns]
        result += weight[:, :, y, x] @ part.reshape(len(planes), -1)
    return result.reshape(-1, rows, columns)


@cache
def _layers(weights: Path) -> list[tuple[Planes, Planes]]:
    """Read the weights and the biases of the layers."""
    tensors = {name: each.astype(np.float32) for name, each in load_file(weights).items()}
    return [
        (tensors[f"{layer}.weight"], tensors[f"{layer}.bias"][:, None, None]) for layer in range(len(DILATIONS) + 1)
    ]
