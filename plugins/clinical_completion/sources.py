"""Training data of the network: scenes in files, or scenes simulated while it trains."""

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
"""Kinds of scenes, and the first number of their seeds: the two never draw the same scene."""


@dataclass(frozen=True)
class SimulatedScenes:
    """Scenes by number, simulated when they are requested.

    Attributes:
        bank: slices without metal.
        slices: slices of a scene.
        device: device for the simulation and the scenes.
        seed: one of `KINDS`, and the seed of the run.
    """

    bank: Bank
    slices: int
    device: torch.device
    seed: tuple[int, ...]

    def __call__(self, number: int) -> ClinicalPairs:
        """Return the scene of a number.

        Raises:
            BadInput: the slices have no place for metal.
        """
        is_varied = self.seed[0] == KINDS["training"]
        scene = draw_clinical(self.bank, (*self.seed, number), slices=self.slices, is_varied=is_varied)
        return scan(scene, self.device)


@dataclass(frozen=True)
class KeptScenes:
    """Scenes in files, repeated in random order.

    Attributes:
        files: files of the scenes.
        device: device for the scenes.
        seed: random seed for the order; None keeps the order of the files.
    """

    files: tuple[Path, ...]
    device: torch.device
    seed: int | None = None

    def __call__(self, number: int) -> ClinicalPairs:
        """Return the scene of a number."""
        turn, place = divmod(number, len(self.files))
        if self.seed is not None:
            place = int(np.random.default_rng((self.seed, turn)).permutation(len(self.files))[place])
        return read_scene(self.files[place], self.device)


def make_scenes(
    data: Path, output: Path, counts: Mapping[str, int], seed: int, tell: Callable[[float, str], None]
) -> None:
    """Simulate the scenes that a folder lacks, and store them in it.

    Args:
        data: scans without metal.
        output: folder of the scenes.
        counts: number of scenes of each kind of `KINDS`.
        seed: seed of the scenes.
        tell: function that receives the finished share and the current step.

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
    """Read scenes made by `python -m benchmarks.clinical_scenes`, or simulate scenes of scans without metal.

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
        raise BadInput(f"{asked.data} holds no {missing} scenes; make some, or give --data scans without metal.")
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
