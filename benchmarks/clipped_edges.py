"""Train the network that finds the edge of metal on clipped HU scales, and measure it on held-out scenes.

    python -m benchmarks.clipped_edges --data SCANS --output FILE [--scenes 200] [--steps 8000]

The scenes are those of clinical sinogram completion, with more kinds of scanners, clipped at 3071 HU. The network
sees the image and the mask that the adaptive method finds by thresholds. The loss is the cross-entropy of the pixels in
and near metal, where at least half of a pixel must be metal. Every eleventh scene is held out.
"""

import argparse
import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from scipy import ndimage
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from benchmarks.clock import Clock
from marview.export import whole_file
from marview.learning.bank import Bank, read_banks
from marview.learning.metal import Shares
from marview.metrics import dice
from marview.physics import simulate
from marview.physics.attenuation import mu_to_hu
from marview.physics.simulation import Stages
from marview.physics.starvation import smooth_starved
from marview.volume.edge_network import DILATIONS, FARTHEST_PX, planes_of, recognised
from marview.volume.scale import TWELVE_BIT_HU
from marview.volume.segment import adaptive
from marview.worker.loading import made_in

HERE = Path(__file__).resolve().parents[1]
LOWEST_HU, SLICE_MM = -1024, 2.5
KINDS: tuple[dict[str, Any], ...] = (
    {"heads": 0.15},
    {"heads": 0.25, "head_pixel_mm": (0.4, 0.9), "body_pixel_mm": (0.5, 1.15)},
    {"heads": 0.3, "head_pixel_mm": (0.4, 0.9), "body_pixel_mm": (0.5, 1.15), "bins_px": (0.4, 0.9)},
)
"""Kinds of scanners, as `Ranges` of clinical scenes."""

METALS = ("ti", "ti", "ti6al4v", "cocrmo", "316l", "ag", "amalgam", "au")
"""Metals for scenes whose implants do not have their usual metal."""

HELD_OUT_EVERY = 11
WIDTH, CROP_PX, BATCH, RATE, SEED = 16, 80, 8, 4e-3, 0
NEAR_PX = 3

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Example:
    """A slice with metal: HU `[y, x]`, clipped, the mask found by thresholds, and the true metal."""

    image: NDArray[np.int16]
    found: Mask
    metal: Mask


def main() -> None:
    """Train the network, and print the Dice coefficients on held-out scenes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--scenes", type=int, default=200)
    parser.add_argument("--steps", type=int, default=8000)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    bank = read_banks(asked.data).training
    clock, training, held_out = Clock(), list[Example](), list[Example]()
    for number in range(asked.scenes):
        (training if number % HELD_OUT_EVERY else held_out).extend(examples(bank, number))
        clock.tell((number + 1) / asked.scenes, "scenes")
    network = trained(training, asked.steps)
    layers = [each for each in network if isinstance(each, nn.Conv2d)]
    tensors = {
        f"{k}.{name}": each.half() for k, layer in enumerate(layers) for name, each in layer.state_dict().items()
    }
    with whole_file(asked.output) as file:
        save_file(tensors, file)
    print(f"{len(training)} slices for training, {len(held_out)} held out; mean Dice of the held-out slices:")
    print(f"thresholds alone: {_overlap(held_out, lambda each: each.found):.3f}")
    print(f"the bundled network: {_overlap(held_out, lambda each: recognised(each.image, each.found)):.3f}")
    print(f"this network: {_overlap(held_out, lambda each: _recognised(network, each)):.3f}")


def examples(bank: Bank, number: int) -> list[Example]:
    """Simulate a scene, and return its slices in which metal was found."""
    training = made_in(HERE / "plugins" / "clinical_completion", "training:PriorTraining")
    scenes = importlib.import_module(f"{type(training).__module__.rpartition('.')[0]}.scenes")
    ranges = scenes.Ranges(**KINDS[number % len(KINDS)])
    scene = scenes.draw_clinical(bank, (SEED, number), ranges=ranges)
    if number % 2:
        metals = _other_metals(scene.metal, np.random.default_rng((SEED, number, 1)))
        scene = replace(scene, metal=metals, kernel="ram-lak")
    metal = {name: torch.from_numpy(share) for name, share in scene.metal.items()}
    simulation = simulate(
        torch.from_numpy(scene.hu), metal, scene.protocol, stages=Stages(edges=scene.has_edges), seed=scene.seed
    )
    measured = smooth_starved(simulation.sinogram) if scene.is_smoothed else simulation.sinogram
    scanned = mu_to_hu(simulation.projector.fbp(measured, filter=scene.kernel)).round()
    hu = scanned.clamp(LOWEST_HU, TWELVE_BIT_HU).numpy().astype(np.int16)
    true = np.sum(list(scene.metal.values()), axis=0) >= 0.5
    spacing_mm = (SLICE_MM, scene.protocol.pixel_mm, scene.protocol.pixel_mm)
    slices = [
        Example(image, adaptive(image[None], spacing_mm, replace_edges=False).mask[0], each)
        for image, each in zip(hu, true, strict=True)
    ]
    return [each for each in slices if each.found.any()]


def _other_metals(metal: Shares, rng: np.random.Generator) -> Shares:
    """Give all metal of a slice one metal drawn at random, so that a shape does not reveal its metal."""
    share = np.minimum(np.sum(list(metal.values()), axis=0), 1)
    changed: Shares = {}
    for number, one in enumerate(share):
        changed.setdefault(str(rng.choice(METALS)), np.zeros_like(share))[number] = one
    return changed


def trained(given: Sequence[Example], steps: int) -> nn.Sequential:
    """Train the network on crops near metal, randomly mirrored and transposed."""
    network = _network()
    optimiser = torch.optim.AdamW(network.parameters(), weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, steps)
    rng, clock = np.random.default_rng(SEED), Clock()
    for step in range(steps):
        batch = torch.stack([_crop(given[int(rng.integers(len(given)))], rng) for _ in range(BATCH)])
        planes, metal, weight = batch[:, :2], batch[:, 2], batch[:, 3]
        loss = cross_entropy(network(planes)[:, 0], metal, weight=weight, reduction="sum") / weight.sum()
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
        schedule.step()
        clock.tell((step + 1) / steps, f"loss {loss.item():.3f}")
    return network.eval()


def _network() -> nn.Sequential:
    layers: list[nn.Module] = []
    for k, dilation in enumerate(DILATIONS):
        layers += [nn.Conv2d(WIDTH if k else 2, WIDTH, 3, padding=dilation, dilation=dilation), nn.ReLU()]
    return nn.Sequential(*layers, nn.Conv2d(WIDTH, 1, 1))


def _crop(example: Example, rng: np.random.Generator) -> Tensor:
    """Return the planes of a crop, its metal, and the weight of each pixel, `[plane, y, x]`."""
    places = np.argwhere(example.found)
    middle = places[int(rng.integers(len(places)))] + rng.integers(-25, 26, 2)
    ends = np.array(example.image.shape) - CROP_PX
    y, x = np.clip(middle - CROP_PX // 2, 0, ends)
    part = np.s_[y : y + CROP_PX, x : x + CROP_PX]
    found, metal = example.found[part], example.metal[part]
    weight = ndimage.binary_dilation(found | metal, iterations=NEAR_PX)
    planes = np.concatenate([planes_of(example.image[part], found), np.stack([metal, weight])]).astype(np.float32)
    turned = torch.rot90(torch.from_numpy(planes), int(rng.integers(4)), (1, 2))
    return turned.flip(2) if rng.random() < 0.5 else turned


@torch.no_grad()
def _recognised(network: nn.Sequential, example: Example) -> Mask:
    logits = network(torch.from_numpy(planes_of(example.image, example.found))[None])[0, 0].numpy()
    return np.asarray(ndimage.binary_dilation(example.found, iterations=FARTHEST_PX) & (logits > 0))


def _overlap(held_out: Sequence[Example], found_in: Callable[[Example], Mask]) -> float:
    return float(np.mean([dice(found_in(each), each.metal) for each in held_out]))


if __name__ == "__main__":
    main()
