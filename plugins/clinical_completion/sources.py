"""Training data for the network: scenes read from files or simulated during training."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from marview.errors import BadInput
from marview.learning.api import Asked, BatchSource, Sources
from marview.learning.bank import Bank, read_banks
from marview.learning.memory import Remembered
from marview.learning.record import collections_of

from .batches import PriorBatch
from .clinical import Scanned, scan
from .kept import read_slice, save_scene, scene_file, scene_files, slices_of
from .scenes import SLICES, draw_clinical

KINDS = {"training": 0, "validation": 1}
"""First number of the seeds of each kind of scenes, so that training and validation draw different scenes."""


@dataclass(frozen=True)
class SimulatedScenes:
    """Source that simulates scenes on request.

    Attributes:
        bank: slices without metal.
        slices: number of slices in a scene.
        device: device for the simulation.
        seed: value from `KINDS`, followed by the seed of the run.
    """

    bank: Bank
    slices: int
    device: torch.device
    seed: tuple[int, ...]

    def scene(self, number: int) -> Scanned:
        """Simulate the scene with the given number.

        Raises:
            BadInput: the slices have no suitable position for metal.
        """
        is_varied = self.seed[0] == KINDS["training"]
        scene = draw_clinical(self.bank, (*self.seed, number), slices=self.slices, is_varied=is_varied)
        return scan(scene, self.device)

    def __call__(self, number: int) -> PriorBatch:
        """Return the scene with this number as a batch.

        Raises:
            BadInput: the slices have no place for metal.
        """
        scanned = self.scene(number)
        return PriorBatch.of(list(zip(scanned.planes, scanned.truth, strict=True)), self.device)


@dataclass(frozen=True)
class KeptSlices:
    """Source of slice batches read from scene files.

    Attributes:
        files: scene files.
        size: number of slices in a batch.
        device: device for the batches.
        seed: random seed for choosing slices; None takes one slice from each scene in turn.
    """

    files: tuple[Path, ...]
    size: int
    device: torch.device
    seed: int | None = None

    def __call__(self, number: int) -> PriorBatch:
        """Return the batch with this number."""
        if self.seed is None:
            places = [divmod(number * self.size + place, len(self.files)) for place in range(self.size)]
        else:
            rng = np.random.default_rng((self.seed, number))
            places = [(int(rng.integers(2**31)), int(rng.integers(len(self.files)))) for _ in range(self.size)]
        chosen = [(self.files[scene], k) for k, scene in places]
        return PriorBatch.of([read_slice(path, k % slices_of(path)) for path, k in chosen], self.device)


def make_scenes(
    data: Path,
    output: Path,
    counts: Mapping[str, int],
    seed: int,
    tell: Callable[[float, str], None],
) -> None:
    """Simulate and save the scenes that are missing from a folder.

    Args:
        data: scans without metal.
        output: folder for the scenes.
        counts: number of scenes of each kind, training and validation.
        seed: random seed for the scenes.
        tell: function called with the finished fraction and the current step.

    Raises:
        BadInput: there is no slice without metal.
    """
    banks = read_banks(data)
    output.mkdir(parents=True, exist_ok=True)
    plan = [(kind, number) for kind, count in counts.items() for number in range(count)]
    for done, (kind, number) in enumerate(plan):
        file = scene_file(output, kind, number)
        if not file.exists():
            bank = banks.training if kind == "training" else banks.validation
            source = SimulatedScenes(bank, SLICES, torch.device("cpu"), (KINDS[kind], seed))
            save_scene(file, source.scene(number))
        tell((done + 1) / len(plan), f"{kind} scenes")


def sources_of(asked: Asked) -> Sources:
    """Create sources that read saved scenes, or simulate scenes from scans without metal.

    `python -m benchmarks.clinical_scenes` saves the scenes.

    Raises:
        BadInput: there is no slice without metal, or the folder contains scenes of only one kind.
    """
    how, seed = asked.recipe.data, asked.recipe.run.seed
    training, validation = (scene_files(asked.data, kind) for kind in KINDS)
    if training and validation:
        return Sources(
            KeptSlices(training, how.batch, asked.device, seed + asked.process),
            KeptSlices(validation, how.batch, asked.device),
            f"{len(training)} simulated clinical scenes of {SLICES} slices for training, {len(validation)} for "
            "validation",
        )
    if training or validation:
        missing = "validation" if training else "training"
        raise BadInput(
            f"{asked.data} contains no {missing} scenes. Create some, or specify a folder of scans without metal "
            "with --data."
        )
    banks = read_banks(asked.data, asked.tell)
    drawn: BatchSource = SimulatedScenes(
        banks.training, how.batch, asked.device, (KINDS["training"], seed, asked.process)
    )
    return Sources(
        Remembered(drawn, how.remembered, how.shown, seed) if how.shown > 1 else drawn,
        SimulatedScenes(banks.validation, how.batch, asked.device, (KINDS["validation"], seed)),
        f"{banks.words}; clinical scenes are simulated from them",
        collections_of(asked.data, set(banks.training.names)),
    )
