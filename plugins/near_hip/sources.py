"""Training data of `marview train near_hip`: a patient's own scan, or slices of many patients."""

from collections.abc import Callable, Sequence
from functools import partial

from marview.errors import BadInput
from marview.learning.api import Asked, PairSource, Sources
from marview.learning.bank import Bank, read_banks
from marview.learning.memory import Remembered
from marview.learning.patient import read_patient
from marview.learning.recipe import Data
from marview.learning.record import collections_of
from marview.learning.scene_workers import SceneWorkers
from marview.learning.scenes import Scene, draw_scene, plain_scene
from marview.text import count

from .patient import FEWEST, NearHipPairs, Patient, SmallScan, alike
from .scene_pairs import ScenePairs
from .settings import read_settings

_FIELD_MM = 416.0
"""Lengths of a scan that is simulated do not matter to the network, whose unit grows with the field."""

_TRAINING, _VALIDATION = 0, 1
"""Chance of training and of validation never meet."""


def of_scans(asked: Asked) -> Sources:
    """Slices without metal of one scan that has some elsewhere, or of every such scan in a folder, and its masks.

    Raises:
        BadInput: there is no scan, every one has too few slices without metal, or the recipe is wrong.
    """
    chosen, data, seed = read_settings(asked.recipe.network), asked.recipe.data, asked.recipe.run.seed
    found = read_patient(asked.data)
    enough = [each for each in found if len(each.clean_hu) >= FEWEST]
    few = [len(each.clean_hu) for each in found if len(each.clean_hu) < FEWEST]
    if not enough:
        raise BadInput(
            f"{asked.data} has {count(max(few), 'slice')} without metal beside those with some, and near_hip learns "
            f"from {FEWEST} at least. Scans without metal can be named with --data instead."
        )
    for clean in few:
        asked.tell(f"A scan with {count(clean, 'slice')} without metal is left out: too few.")
    parts = []
    for each in enough:
        scan = SmallScan(chosen.size_px, chosen.views, each.field_mm)
        parts.append(Patient.of(scan, alike(each.clean_hu).to(asked.device), each.masks.to(asked.device)).parted())
    learned_from, held_out = zip(*parts, strict=True)
    masks = sum(len(each.masks) for each in learned_from)
    words = (
        f"{_slices(learned_from)} slices without metal and {count(masks, 'mask')} of metal of "
        f"{'one scan' if len(parts) == 1 else f'{len(parts)} scans'}, {_slices(held_out)} held out"
    )
    training = NearHipPairs(learned_from, data.batch, seed + 2 * asked.process)
    return Sources(_remembered(training, data, seed), NearHipPairs(held_out, data.batch, seed + 1), words)


def of_slices(asked: Asked) -> Sources:
    """Return metal-free slices of any patients, augmented and with inserted metal as the recipe says.

    Raises:
        BadInput: there is no slice without metal, or the recipe is wrong.
    """
    chosen, data, seed = read_settings(asked.recipe.network), asked.recipe.data, asked.recipe.run.seed
    banks = read_banks(asked.data, asked.tell)
    scan = SmallScan(chosen.size_px, chosen.views, _FIELD_MM)
    training = ScenePairs(scan, _drawing(banks.training, data, (_TRAINING, seed, asked.process)), asked.device)
    validation = ScenePairs(scan, partial(plain_scene, banks.validation, data, (_VALIDATION, seed)), asked.device)
    collections = collections_of(asked.data, set(banks.training.names))
    words = f"{banks.words}; metal is drawn into them"
    return Sources(_remembered(training, data, seed), validation, words, collections)


def _drawing(bank: Bank, data: Data, seed: tuple[int, ...]) -> Callable[[int], Scene]:
    """Draws the scene of a number, in processes of its own where the recipe says so."""
    if data.workers:
        return SceneWorkers(bank, data, seed, data.workers)
    return lambda number: draw_scene(bank, data, (*seed, number))


def _remembered(made: PairSource, how: Data, seed: int) -> PairSource:
    return Remembered(made, how.remembered, how.shown, seed) if how.shown > 1 else made


def _slices(patients: Sequence[Patient]) -> int:
    return sum(len(each.clean_mu) for each in patients)
