"""Measure the time of a training step of a method by part: networks, projection and the rest.

    python -m benchmarks.training_step [--method deep_sinogram_completion] [--size paper] [--batch 1]

The same step, forward and backward, is measured with marview's projectors, and with the same operators written in
PyTorch operations. Times are CPU seconds on one thread and exclude the simulation of the pairs.
"""

import argparse
import os
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import torch

from marview.learning.api import Pairs, Trainable
from marview.learning.bank import read_banks
from marview.learning.pairs import SimulatedPairs
from marview.learning.recipe import Recipe, read_recipe
from marview.projection import cpu, projector, tensors
from marview.worker.loading import made_in

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data" / "metal_free"
TITLES = {
    "forward": "forward projection",
    "adjoint": "its transpose",
    "fbp": "FBP",
    "fbp_adjoint": "the transpose of FBP",
}
Kind = type[cpu.Operators] | type[tensors.Operators]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", default="deep_sinogram_completion")
    parser.add_argument("--size", default="paper")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--data", type=Path, default=DATA)
    asked = parser.parse_args()
    os.environ["MARVIEW_THREADS"] = "1"
    torch.set_num_threads(1)
    folder = ROOT / "plugins" / asked.method
    recipe = read_recipe(folder, asked.size)
    recipe = recipe.model_copy(update={"data": recipe.data.model_copy(update={"batch": asked.batch})})
    trainable: Trainable = made_in(folder, recipe.training)
    torch.manual_seed(0)
    network = trainable.build(recipe.network)
    pairs, simulated = _pairs(asked.data, recipe)
    count = sum(one.numel() for one in network.parameters())
    load = ", ".join(f"{each:.2f}" for each in os.getloadavg())
    print(f"{asked.method}, {asked.size}: {count:,} parameters, batch {asked.batch}, one thread, load {load}\n")
    print("| CPU s per step | with torch's operations | with marview's projectors |\n|---|---|---|")
    step(trainable, network, pairs, recipe, cpu.Operators)  # compiles the kernels and fills the caches
    before = step(trainable, network, pairs, recipe, tensors.Operators)
    after = step(trainable, network, pairs, recipe, cpu.Operators)
    for part in after:
        print(f"| {part} | {before[part]:.2f} | {after[part]:.2f} |")
    print(f"| making the pairs, not in the sum | | {simulated:.2f} |")


def _pairs(data: Path, recipe: Recipe) -> tuple[Pairs, float]:
    source = SimulatedPairs(read_banks(data).training, recipe.data, torch.device("cpu"), 0, 0)
    source(0)
    start = time.process_time()
    pairs = source(1)
    _ = pairs.image, pairs.li_image
    return pairs, time.process_time() - start


def step(trainable: Trainable, network: torch.nn.Module, pairs: Pairs, recipe: Recipe, kind: Kind) -> dict[str, float]:
    """Return the CPU seconds of a step by part."""
    spent: dict[str, float] = defaultdict(float)

    def operators(asked: projector.Projector, like: torch.Tensor) -> Any:  # noqa: ARG001 - the CPU's, always
        return Timed(kind(asked.beam, asked.shape, asked.pixel_mm), spent)

    network.zero_grad(set_to_none=True)
    with mock.patch.object(projector, "_operators", operators):
        start = time.process_time()
        losses = trainable.losses(network, pairs, trainable.turns[0], recipe.network)
        torch.autograd.backward(torch.stack(list(losses.values())).sum())
        whole = time.process_time() - start
    projection = sum(spent.values())
    return dict(spent) | {"networks and losses": whole - projection, "whole step": whole}


class Timed:
    """Operators that record their time."""

    def __init__(self, operators: Any, spent: dict[str, float]) -> None:
        self._operators, self._spent = operators, spent

    def __getattr__(self, name: str) -> Callable[..., torch.Tensor]:
        work = getattr(self._operators, name)

        def timed(*given: Any) -> torch.Tensor:
            start = time.process_time()
            made: torch.Tensor = work(*given)
            self._spent[TITLES[name]] += time.process_time() - start
            return made

        return timed


if __name__ == "__main__":
    main()
