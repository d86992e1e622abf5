"""Train the network that finds the edge of metal on clipped HU scales, and measure it on held-out scenes.

    python -m benchmarks.clipped_edges --data SCANS --examples FOLDER --output FIRST --scenes 320 --steps 10000
    python -m benchmarks.clipped_edges --data SCANS --examples FOLDER --output SECOND --start FIRST

The first command trains a network from random weights; the second continues with hips among the scenes. In this way,
the bundled network was trained. Every scene is drawn once and kept in FOLDER (`benchmarks.edge_examples`) with its
masks, so empty FOLDER after a change of the thresholds or the rules. Every eleventh scene is held out. The network sees
the image, the mask that the adaptive method finds by thresholds, and the mask that the rules leave. The loss is the
cross-entropy of the pixels in and near metal, where at least half of a pixel must be metal. The weights are written
every thousand steps. With `--steps 0`, the weights given by `--start` are measured, and nothing is written.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from benchmarks.clock import Clock
from benchmarks.edge_examples import FIRST_HIPS, SEED, Example, Mask, crop, examples, painted_disc
from marview.export import whole_file
from marview.learning.bank import Bank, read_banks
from marview.learning.networks.start import channels_last
from marview.metrics import dice
from marview.volume.clipped_edge import with_clipped_edges
from marview.volume.edge_network import DILATIONS, WEIGHTS
from marview.volume.scale import TWELVE_BIT_HU

HELD_OUT_EVERY, SAVED_EVERY, DISCS = 11, 1000, 400
WIDTH, PLANES, BATCH, RATE = 24, 3, 8, 4e-3


def main() -> None:
    """Train the network, and print the scores of the masks on held-out scenes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--examples", type=Path, required=True)
    parser.add_argument("--output", type=Path, help="file of the trained weights")
    parser.add_argument("--scenes", type=int, default=404)
    parser.add_argument("--steps", type=int, default=8000)
    parser.add_argument("--start", type=Path, help="weights to continue from")
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    measured = asked.output if asked.steps else asked.start
    if measured is None:
        parser.error("a training needs --output, and without steps --start names the weights to measure")
    torch.set_num_threads(asked.threads)
    torch.manual_seed(SEED)
    bank = read_banks(asked.data).training
    clock, training = Clock(), list[Example]()
    held_out: dict[str, list[Example]] = {"all kinds": [], "hips": [], "painted discs": _discs()}
    for number in range(asked.scenes):
        kept = _kept(bank, number, asked.examples / f"{number:04d}.npz")
        of_kind = held_out["hips" if number >= FIRST_HIPS else "all kinds"]
        (training if number % HELD_OUT_EVERY else of_kind).extend(kept)
        clock.tell((number + 1) / asked.scenes, "scenes")
    if asked.steps:
        trained(training, asked.steps, asked.output, asked.start)
    print(f"{len(training)} slices for training")
    _print_table(held_out, measured)


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


def _discs() -> list[Example]:
    rng = np.random.default_rng((SEED, DISCS))
    return [each for each in (painted_disc(rng) for _ in range(DISCS)) if each.found.any()]


def _print_table(held_out: Mapping[str, Sequence[Example]], weights: Path) -> None:
    """Print the scores of the final masks on the held-out slices that contain metal."""
    masks: dict[str, Callable[[Example], Mask]] = {
        "thresholds": lambda each: each.found,
        "rules": lambda each: each.by_rules,
        "bundled network": lambda each: _final(each, WEIGHTS),
        "this network": lambda each: _final(each, weights),
    }
    print("| slices | mask | mean Dice | lowest tenth | fraction found |")
    print("|---|---|---:|---:|---:|")
    for kind, slices in held_out.items():
        scored = [each for each in slices if each.metal.any()]
        for name, find in masks.items() if scored else ():
            pairs = [(find(each), each.metal) for each in scored]
            overlaps = np.sort([dice(*pair) for pair in pairs])
            fractions = [np.count_nonzero(mask & metal) / np.count_nonzero(metal) for mask, metal in pairs]
            means = (overlaps.mean(), overlaps[: max(1, len(overlaps) // 10)].mean(), np.mean(fractions))
            print(f"| {len(scored)} {kind} | {name} | " + " | ".join(f"{mean:.3f}" for mean in means) + " |")


def _final(example: Example, weights: Path) -> Mask:
    spacing_mm = (float(example.pixel_mm),) * 2
    return with_clipped_edges(example.found, example.image, spacing_mm, TWELVE_BIT_HU, weights)


if __name__ == "__main__":
    main()
