"""Train the network that finds the edge of metal on clipped HU scales, and measure it on held-out scenes.

    python -m benchmarks.clipped_edges --data SCANS --examples FOLDER --output FILE [--start FILE] [--steps 8000]

Every scene is drawn once and kept in FOLDER (`benchmarks.edge_examples`); every eleventh is held out. The network sees
the image, the mask that the adaptive method finds by thresholds, and the mask that the rules leave. The loss is the
cross-entropy of the pixels in and near metal, where at least half of a pixel must be metal. FILE is written every
thousand steps.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from scipy import ndimage
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from benchmarks.clock import Clock
from benchmarks.edge_examples import SEED, Example, Mask, crop, examples
from marview.export import whole_file
from marview.learning.bank import Bank, read_banks
from marview.learning.networks.start import channels_last
from marview.metrics import dice
from marview.volume.clipped_edge import with_clipped_edges
from marview.volume.edge_network import DILATIONS, FARTHEST_PX, planes_of
from marview.volume.scale import TWELVE_BIT_HU

HELD_OUT_EVERY, SAVED_EVERY = 11, 1000
WIDTH, PLANES, BATCH, RATE = 24, 3, 8, 4e-3


def main() -> None:
    """Train the network, and print the Dice coefficients on held-out scenes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--examples", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--scenes", type=int, default=404)
    parser.add_argument("--steps", type=int, default=8000)
    parser.add_argument("--start", type=Path, help="weights to continue from")
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    torch.manual_seed(SEED)
    bank = read_banks(asked.data).training
    clock, training, held_out = Clock(), list[Example](), list[Example]()
    for number in range(asked.scenes):
        kept = _kept(bank, number, asked.examples / f"{number:04d}.npz")
        (training if number % HELD_OUT_EVERY else held_out).extend(kept)
        clock.tell((number + 1) / asked.scenes, "scenes")
    network = trained(training, asked.steps, asked.output, asked.start)
    print(f"{len(training)} slices for training, {len(held_out)} held out; Dice of the held-out slices:")
    overlaps = {
        "thresholds": _overlaps(held_out, lambda each: each.found),
        "rules": _overlaps(held_out, lambda each: each.usual),
        "the bundled network and rules": _overlaps(held_out, _bundled),
        "this network": _overlaps(held_out, lambda each: _recognised(network, each)),
    }
    for name, values in overlaps.items():
        print(f"{name}: {values.mean():.3f}, lowest tenth {np.sort(values)[: len(values) // 10].mean():.3f}")


def trained(given: Sequence[Example], steps: int, output: Path, start: Path | None = None) -> nn.Sequential:
    """Train the network on crops near metal, and write its weights, float16, to `output`.

    The argument `start` is a file of weights to continue from; None for random ones.
    """
    network = _network(start)
    channels_last(network)  # twice as fast on a CPU
    optimiser = torch.optim.AdamW(network.parameters(), weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, steps)
    rng, clock, mean_loss = np.random.default_rng(SEED), Clock(), 0.0
    for step in range(1, steps + 1):
        batch = torch.stack([crop(given[int(rng.integers(len(given)))], rng) for _ in range(BATCH)])
        batch = batch.contiguous(memory_format=torch.channels_last)
        planes, metal, weight = batch[:, :PLANES], batch[:, PLANES], batch[:, PLANES + 1]
        loss = cross_entropy(network(planes)[:, 0], metal, weight=weight, reduction="sum") / weight.sum()
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
        schedule.step()
        mean_loss += (loss.item() - mean_loss) * max(0.01, 1 / step)
        clock.tell(step / steps, f"step {step}  mean loss {mean_loss:.3f}")
        if step % SAVED_EVERY == 0 or step == steps:
            _save(network, output)
    return network.eval()


def _network(start: Path | None) -> nn.Sequential:
    layers: list[nn.Module] = []
    for k, dilation in enumerate(DILATIONS):
        layers += [nn.Conv2d(WIDTH if k else PLANES, WIDTH, 3, padding=dilation, dilation=dilation), nn.ReLU()]
    network = nn.Sequential(*layers, nn.Conv2d(WIDTH, 1, 1))
    if start is not None:
        tensors = {name: each.float() for name, each in load_file(start).items()}
        for k, layer in enumerate(_convolutions(network)):
            layer.load_state_dict({name: tensors[f"{k}.{name}"] for name in ("weight", "bias")})
    return network


def _convolutions(network: nn.Sequential) -> list[nn.Conv2d]:
    return [each for each in network if isinstance(each, nn.Conv2d)]


def _save(network: nn.Sequential, output: Path) -> None:
    tensors: dict[str, Tensor] = {
        f"{k}.{name}": each.half().contiguous()
        for k, layer in enumerate(_convolutions(network))
        for name, each in layer.state_dict().items()
    }
    with whole_file(output) as file:
        save_file(tensors, file)


def _kept(bank: Bank, number: int, file: Path) -> list[Example]:
    """Read the slices of a scene from a file, which is written first if it does not exist."""
    names = [each.name for each in fields(Example)]
    if not file.exists():
        drawn = examples(bank, number)
        columns: dict[str, Any] = {name: np.stack([getattr(each, name) for each in drawn]) for name in names}
        with whole_file(file) as part, part.open("wb") as stream:
            np.savez_compressed(stream, **columns)
    with np.load(file) as stored:
        slices = [Example(*each) for each in zip(*(stored[name] for name in names), strict=True)]
    return [each for each in slices if each.found.any()]


def _bundled(example: Example) -> Mask:
    return with_clipped_edges(example.found, example.image, (float(example.pixel_mm),) * 2, TWELVE_BIT_HU)


@torch.no_grad()
def _recognised(network: nn.Sequential, example: Example) -> Mask:
    planes = planes_of(example.image, example.found, example.usual)
    logits = network(torch.from_numpy(planes)[None])[0, 0].numpy()
    return np.asarray(ndimage.binary_dilation(example.found, iterations=FARTHEST_PX) & (logits > 0))


def _overlaps(held_out: Sequence[Example], found_in: Callable[[Example], Mask]) -> NDArray[np.float64]:
    return np.array([dice(found_in(each), each.metal) for each in held_out])


if __name__ == "__main__":
    main()
