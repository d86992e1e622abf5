"""Write initial weights for a wide residual U-Net with which it corrects exactly like ADN's narrower network.

    python -m benchmarks.wider_unet --output FILE [--size bundled] [--weights plugins/adn/weights/bundled.safetensors]

`marview train residual_unet --begin-with FILE` starts from these weights. A wide network with random weights would
first need all training steps of the narrow one. New channels receive the image through random weights, but the old
channels do not depend on them until training changes this. New residual blocks have no effect at first.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from marview.learning.recipe import read_recipe
from marview.learning.weights import About, load_weights, save_weights
from marview.mar.manifest import read_manifest
from marview.paths import bundled_plugins
from marview.worker.loading import made_in

METHOD = bundled_plugins() / "residual_unet"
NARROW = bundled_plugins() / "adn" / "weights" / "bundled.safetensors"
PART, OWN_PART = "reduction.", "unet."


def main() -> None:
    """Write the weights."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--size", default="bundled", help="recipe of the wide network")
    parser.add_argument("--weights", type=Path, default=NARROW, help="weights of ADN")
    arguments = parser.parse_args()
    recipe = read_recipe(METHOD, arguments.size)
    torch.manual_seed(recipe.run.seed)
    network = made_in(METHOD, recipe.training).build(recipe.network)
    narrow, of = load_weights(arguments.weights)
    parts = {OWN_PART + name.removeprefix(PART): each for name, each in narrow.items() if name.startswith(PART)}
    about = About(METHOD.name, read_manifest(METHOD).version, recipe.network, of.protocols)
    save_weights(arguments.output, widened(network, parts), about, torch.float32)


def widened(network: nn.Module, narrow: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return weights with which a wide network computes the same result as a narrower one.

    Args:
        network: wide network with random weights; it has all tensors of the narrow one, and may have more residual
            blocks.
        narrow: weights of the narrow network by name.
    """
    return {
        name: _wide(name, each, narrow[name].float()) if name in narrow else _new(name, each)
        for name, each in network.state_dict().items()
    }


def _wide(name: str, wide: Tensor, narrow: Tensor) -> Tensor:
    """Copy a narrow tensor to the first channels of a wide one, without connections from new channels to them."""
    outputs = len(narrow)
    result = wide.clone()
    if narrow.ndim == 1:
        result[:outputs] = narrow
        return result
    result[:outputs] = 0
    # The input of a merge is two concatenated feature maps, and both became wider.
    pieces = 2 if ".merges." in name else 1
    for before, after in zip(narrow.chunk(pieces, dim=1), result[:outputs].chunk(pieces, dim=1), strict=True):
        after[:, : before.shape[1]] = before
    return result


def _new(name: str, wide: Tensor) -> Tensor:
    """Return the random weights of a new residual block, changed so that the block has no effect."""
    return torch.zeros_like(wide) if ".layers.3." in name else wide


if __name__ == "__main__":
    main()
