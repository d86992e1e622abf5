"""Training data of the network: scenes read from files, or simulated during training."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from marview.errors import BadInput
from marview.learning.api import Asked, PairSource, Sources
from marview.learning.bank import Bank, read_banks
from marview.learning.memory import Remembered
from marview.learning.record import collections_of

from .clinical import ClinicalPairs, scan
from .kept import read_scene, save_scene, scene_file, scene_files
from .scenes import SLICES, draw_clinical

KINDS = {"training": 0, "validation": 1}
"""First number of the seeds of each kind of scenes, so that training and validation draw different scenes."""


@dataclass(frozen=True)
class SimulatedScenes:
    """Source of scenes that are simulated when they are requested.

    Attributes:
        bank: slices without metal.
        slices: slices of a scene.
        device: device for the simulation and the scenes.
        seed: value of `KINDS`, and the seed of the run.
    """

    bank: Bank
    slices: int
    device: torch.device
    seed: tuple[int, ...]

    def __call__(self, number: int) -> ClinicalPairs:
        """Return the scene with this number.

        Raises:
            BadInput: the slices have no place for metal.
        """
        is_varied = self.seed[0] == KINDS["training"]
        scene = draw_clinical(self.bank, (*self.seed, number), slices=self.slices, is_varied=is_varied)
        return scan(scene, self.device)


@dataclass(frozen=True)
class KeptScenes:
    """Source of scenes read from files and repeated in random order.

    Attributes:
        files: files of the scenes.
        device: device for the scenes.
        seed: random seed for the order; None keeps the order of the files.
    """

    files: tuple[Path, ...]
    device: torch.device
    seed: int | None = None

    def __call__(self, number: int) -> ClinicalPairs:
        """Return the scene with this number."""
        turn, place = divmod(number, len(self.files))
        if self.seed is not None:
            place = int(np.random.default_rng((self.seed, turn)).permutation(len(self.files))[place])
        return read_scene(self.files[place], self.device)


def make_scenes(
    data: Path, output: Path, counts: Mapping[str, int], seed: int, tell: Callable[[float, str], None]
) -> None:
    """Simulate the scenes that are missing in a folder, and save them.

    Args:
        data: scans without metal.
        output: folder of the scenes.
        counts: number of scenes of each kind.
        seed: seed of the scenes.
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
            save_scene(file, SimulatedScenes(bank, SLICES, torch.device("cpu"), (KINDS[kind], seed))(number))
        tell((done + 1) / len(plan), f"{kind} scenes")


def sources_of(asked: Asked) -> Sources:
    """Make sources that read scenes of `python -m benchmarks.clinical_scenes`, or simulate scenes from clean scans.

    Raises:
        BadInput: there is no slice without metal, or the folder contains scenes of only one kind.
    """
    how, seed = asked.recipe.data, asked.recipe.run.seed
    training, validation = (tuple(scene_files(asked.data, kind)) for kind in KINDS)
    if training and validation:
        return Sources(
            KeptScenes(training, asked.device, seed + asked.process),
            KeptScenes(validation, asked.device),
            f"{len(training)} simulated clinical scenes of {SLICES} slices, {len(validation)} held out",
        )
    if training or validation:
        missing = "validation" if training else "training"
        raise BadInput(
            f"{asked.data} contains no {missing} scenes. Create some, or specify a folder of scans without metal "
            "with --data."
        )
    banks = read_banks(asked.data, asked.tell)
    drawn: PairSource = SimulatedScenes(
        banks.training, how.batch, asked.device, (KINDS["training"], seed, asked.process)
    )
    return Sources(
        Remembered(drawn, how.remembered, how.shown, seed) if how.shown > 1 else drawn,
        SimulatedScenes(banks.validation, how.batch, asked.device, (KINDS["validation"], seed)),
        f"{banks.words}; clinical scenes are simulated from them",
        collections_of(asked.data, set(banks.training.names)),
    )
