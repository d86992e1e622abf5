"""Training data for the networks: real pairs, or scenes read from files or simulated during training."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from marview.errors import BadInput
from marview.learning.api import Asked, Sources
from marview.learning.bank import Bank, read_banks
from marview.learning.memory import Remembered
from marview.learning.recipe import Data
from marview.learning.record import collections_of
from marview.text import count

from .batches import GsiBatch
from .kept import batch_of, read_scene, save_scene, scene_file, scene_files
from .real_pairs import RealPairs, matched
from .settings import read_settings
from .surrogate import Scanned, draw_scene, scan

KINDS = {"training": 5, "validation": 6}
"""First number of the seeds of each kind of scenes."""

SURROGATE = "surrogates of spectral images: simulated, monoenergetic, with metal at 110 keV; no GSI scan was used"


@dataclass(frozen=True)
class SimulatedScenes:
    """Source that simulates scenes on request.

    Attributes:
        bank: slices without metal.
        how: settings of the random scenes.
        slices: number of slices in a volume, including the neighbours.
        device: device for the simulation.
        seed: value from `KINDS`, followed by the seed of the run.
    """

    bank: Bank
    how: Data
    slices: int
    device: torch.device
    seed: tuple[int, ...]

    def __call__(self, number: int) -> Scanned:
        """Return the scene with this number.

        Raises:
            BadInput: the slices have no place for metal.
        """
        is_varied = self.seed[0] == KINDS["training"]
        scene = draw_scene(self.bank, self.how, (*self.seed, number), self.slices, is_varied=is_varied)
        return scan(scene, self.device, self.slices)


@dataclass(frozen=True)
class KeptScenes:
    """Source of scenes read from files.

    Attributes:
        files: scene files.
        slices: number of slices in a volume, including the neighbours.
    """

    files: tuple[Path, ...]
    slices: int

    def __call__(self, number: int) -> Scanned:
        """Return the scene with this number.

        Raises:
            BadInput: the file contains too few neighbours.
        """
        return read_scene(self.files[number], self.slices)


@dataclass(frozen=True)
class Batches:
    """Source of batches of scenes.

    Attributes:
        scene: function that returns the scene with a given number.
        size: number of scenes in a batch.
        device: device for the batches.
        scenes: number of scenes before they repeat; 0 for an endless source.
        seed: random seed for the order of the scenes; None keeps them in numerical order.
    """

    scene: Callable[[int], Scanned]
    size: int
    device: torch.device
    scenes: int = 0
    seed: int | None = None

    def __call__(self, number: int) -> GsiBatch:
        """Return the batch with this number."""
        return batch_of([self.scene(self._place(number * self.size + k)) for k in range(self.size)], self.device)

    def _place(self, number: int) -> int:
        if not self.scenes:
            return number
        turn, place = divmod(number, self.scenes)
        if self.seed is None:
            return place
        return int(np.random.default_rng((self.seed, turn)).permutation(self.scenes)[place])


def make_scenes(
    data: Path,
    output: Path,
    how: Data,
    slices: int,
    counts: Mapping[str, int],
    seed: int,
    tell: Callable[[float, str], None],
) -> None:
    """Simulate and save the scenes that are missing from a folder.

    Args:
        data: scans without metal.
        output: folder for the scenes.
        how: settings of the random scenes.
        slices: number of slices in a volume, including the neighbours.
        counts: number of scenes of each kind, training and validation.
        seed: random seed for the scenes.
        tell: function called with the finished fraction and the current step.

    Raises:
        BadInput: there is no slice without metal.
    """
    banks = read_banks(data)
    output.mkdir(parents=True, exist_ok=True)
    plan = [(kind, number) for kind, many in counts.items() for number in range(many)]
    for done, (kind, number) in enumerate(plan):
        file = scene_file(output, kind, number)
        if not file.exists():
            bank = banks.training if kind == "training" else banks.validation
            drawn = SimulatedScenes(bank, how, slices, torch.device("cpu"), (KINDS[kind], seed))
            save_scene(file, drawn(number))
        tell((done + 1) / len(plan), f"{kind} scenes")


def sources_of(asked: Asked) -> Sources:
    """Create the sources: real pairs, saved scenes, or scenes simulated during training.

    `python -m benchmarks.gsi_scenes` saves the scenes.

    Raises:
        BadInput: there is no slice without metal or no real pair, or the folder contains scenes of only one
            kind.
    """
    how, seed, device = asked.recipe.data, asked.recipe.run.seed, asked.device
    if asked.spectral is not None:
        return _real_sources(asked, asked.spectral)
    slices = read_settings(asked.recipe.network).slices
    files = {kind: scene_files(asked.data, kind) for kind in KINDS}
    if all(files.values()):
        training, validation = (
            Batches(KeptScenes(of, slices), how.batch, device, len(of), order)
            for of, order in zip(files.values(), (seed + asked.process, None), strict=True)
        )
        held_out = len(files["validation"])
        words = f"{count(len(files['training']), 'scene')} for training, {held_out} for validation; {SURROGATE}"
        return Sources(training, validation, words)
    if any(files.values()):
        missing = next(kind for kind, found in files.items() if not found)
        raise BadInput(
            f"{asked.data} contains no {missing} scenes. Create some, or specify a folder of scans without metal "
            "with --data."
        )
    banks = read_banks(asked.data, asked.tell)
    training, validation = (
        Batches(SimulatedScenes(bank, how, slices, device, (*first, seed)), how.batch, device)
        for bank, first in (
            (banks.training, (KINDS["training"], asked.process)),
            (banks.validation, (KINDS["validation"],)),
        )
    )
    return Sources(
        Remembered(training, how.remembered, how.shown, seed) if how.shown > 1 else training,
        validation,
        f"{banks.words}; {SURROGATE}",
        collections_of(asked.data, set(banks.training.names)),
    )


def _real_sources(asked: Asked, spectral: Path) -> Sources:
    """Match slices of ordinary and spectral scans; the last ordinary slices are held out."""
    how, slices = asked.recipe.data, read_settings(asked.recipe.network).slices
    ordinary = read_banks(asked.data, asked.tell, has_metal=True, option="--ordinary")
    gsi = read_banks(spectral, asked.tell, has_metal=True, option="--gsi")
    both = Bank([*gsi.training.slices, *gsi.validation.slices], [*gsi.training.names, *gsi.validation.names])
    try:
        clean = read_banks(spectral, lambda _: None).training
    except BadInput:  # all slices contain metal
        clean = Bank([], [])
    training, validation = (
        RealPairs(bank, both, clean, matched(bank, both), slices) for bank in (ordinary.training, ordinary.validation)
    )
    if not len(training) or not len(validation):
        raise BadInput(
            f"No slice of {spectral} resembles a slice with metal in {asked.data}, so there are no pairs. Choose an "
            "ordinary scan and a spectral scan of the same patient and region."
        )
    return Sources(
        Batches(training, how.batch, asked.device, len(training), asked.recipe.run.seed + asked.process),
        Batches(validation, how.batch, asked.device, len(validation)),
        f"{count(len(training), 'pair')} of ordinary and spectral slices for training, {len(validation)} for "
        "validation",
        collections_of(asked.data, set(ordinary.training.names)),
    )
