"""Create unpaired batches: images with metal, and images without metal from other slices."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from marview.errors import BadInput
from marview.learning.api import Asked, Pairs, Sources, Unpaired
from marview.learning.bank import Bank, read_banks
from marview.learning.memory import Remembered
from marview.learning.pairs import SimulatedPairs, ValidationPairs
from marview.learning.recipe import Augmentation, Data
from marview.learning.record import collections_of
from marview.learning.scenes import draw_clean
from marview.physics import protocol
from marview.physics.attenuation import hu_to_mu
from marview.text import count

_TRAINING, _VALIDATION = 3, 4
"""Part of the seed, so that these random numbers differ from those of `pairs` and `memory`."""


@dataclass(frozen=True)
class UnpairedBatches:
    """Source of unpaired training batches; each batch depends only on its number, the seed and the process.

    A fraction of the batches includes the ground truth of its images with simulated metal, from which a
    network learns to preserve bone.

    Attributes:
        simulated: source of pairs that provide images with metal.
        clean: slices for the images without metal.
        real: slices with metal from real scans; None if all metal is simulated.
    """

    simulated: SimulatedPairs
    clean: Bank
    real: Bank | None = None

    def __call__(self, number: int) -> Unpaired:
        """Return the batch with this number.

        Raises:
            BadInput: the slices contain no tissue for metal.
        """
        simulated, how = self.simulated, self.simulated.how
        rng = np.random.default_rng((_TRAINING, simulated.seed, simulated.process, number))
        has_truth = bool(rng.random() < how.paired)
        if self.real is not None and not has_truth:
            shape = protocol(str(rng.choice(how.protocols))).shape
            with_metal = _drawn(self.real, how, shape, rng, simulated.device)
            return Unpaired(with_metal, _drawn(self.clean, how, shape, rng, simulated.device))
        pairs = simulated(number)
        without = _drawn(self.clean, how, _shape(pairs), rng, simulated.device)
        return (
            Unpaired(pairs.image, without, pairs.truth_mu, pairs.metal) if has_truth else Unpaired(pairs.image, without)
        )


@dataclass(frozen=True)
class UnpairedValidation:
    """Source of unpaired validation batches.

    If there are real scans with metal, every second batch is from these scans and has no ground truth.
    """

    pairs: ValidationPairs
    clean: Bank
    real: Bank | None = None

    def __call__(self, number: int) -> Unpaired:
        """Return the batch with this number."""
        made, device = self.pairs(number), self.pairs.device
        rng = np.random.default_rng((_VALIDATION, self.pairs.seed, number))
        how = self.pairs.how.model_copy(update={"augmentation": Augmentation.nothing()})
        without = _drawn(self.clean, how, _shape(made), rng, device)
        if self.real is not None and number % 2:
            return Unpaired(_drawn(self.real, how, _shape(made), rng, device), without)
        return Unpaired(made.image, without, made.truth_mu, made.metal)


def _shape(pairs: Pairs) -> tuple[int, int]:
    return pairs.truth_mu.shape[-2], pairs.truth_mu.shape[-1]


def _drawn(bank: Bank, how: Data, shape: tuple[int, int], rng: np.random.Generator, device: torch.device) -> Tensor:
    """Draw the images of a batch from a bank, 1/cm, at least 0, `[slice, y, x]`."""
    slices = np.stack([draw_clean(bank, how, shape, rng) for _ in range(how.batch)])
    return hu_to_mu(torch.from_numpy(slices).to(device)).clamp(min=0)


def unpaired_sources(asked: Asked) -> Sources:
    """Create the batch sources for unpaired training from scans without metal and, optionally, with metal.

    Raises:
        BadInput: a folder contains no usable slices, or too few to divide them into two halves.
    """
    how, seed, device = asked.recipe.data, asked.recipe.run.seed, asked.device
    banks = read_banks(asked.data, asked.tell)
    if asked.with_metal is None:
        first, second = _halves(banks.training, asked.data)
        words = f"{banks.words}; half of the training slices get simulated metal, and the other half stay without metal"
        collections = collections_of(asked.data, set(banks.training.names))
        real = held_out = None
    else:
        with_metal = read_banks(asked.with_metal, asked.tell, has_metal=True)
        first = second = banks.training
        real, held_out = with_metal.training, with_metal.validation
        words = f"{with_metal.words}; {banks.words}"
        collections = (
            *collections_of(asked.with_metal, set(real.names)),
            *collections_of(asked.data, set(banks.training.names)),
        )
    simulated = SimulatedPairs.of(first, how, device, seed, asked.process)
    batches = UnpairedBatches(simulated, second, real)
    return Sources(
        Remembered(batches, how.remembered, how.shown, seed) if how.shown > 1 else batches,
        UnpairedValidation(ValidationPairs(banks.validation, how, device, seed), banks.validation, held_out),
        f"{words}; {how.paired:.0%} of the batches contain the ground truth of the simulated metal",
        collections,
    )


def _halves(bank: Bank, path: Path) -> tuple[Bank, Bank]:
    """Split a bank into two halves of every second slice, so that both streams show the same body regions."""
    if len(bank) < 2:
        raise BadInput(
            f"{path} contains only {count(len(bank), 'slice')} without metal to train on. Unpaired training needs two "
            "or more, because a slice is used either with or without metal. Add slices, or use --with-metal."
        )
    return Bank(bank.slices[::2], bank.names[::2]), Bank(bank.slices[1::2], bank.names[1::2])
