"""Train the near-hip network, from the command line or during a run."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from marview.errors import BadInput
from marview.learning.api import ONE_TURN, Asked, Pairs, PairSource, Sources
from marview.learning.bank import Bank, read_banks
from marview.learning.losses import l2
from marview.learning.memory import Remembered
from marview.learning.patient import read_patient
from marview.learning.recipe import Data
from marview.learning.record import collections_of
from marview.learning.scene_workers import SceneWorkers
from marview.learning.scenes import Scene, draw_scene, plain_scene
from marview.physics.attenuation import MU_WATER
from marview.text import count

from .network import FROM_LI, NearHipCnn, completed, planes, start_of
from .patient import FEWEST, NearHipPairs, Patient, ScenePairs, SmallScan, alike
from .settings import read_settings

_FIELD_MM = 416.0
"""Field of view of the simulated scan in mm. It has no effect, because the network's unit is proportional to it."""

_TRAINING, _VALIDATION = 0, 1
"""Part of the seeds, so that training and validation draw different random numbers."""


class NearHipTraining:
    """Training with a weighted mean squared error of the sinogram; the trace has most of the weight."""

    turns: tuple[str, ...] = ONE_TURN

    def __init__(self) -> None:
        self._shown: WeakKeyDictionary[Pairs, tuple[Tensor, Tensor | None]] = WeakKeyDictionary()

    def build(self, settings: Mapping[str, Any]) -> nn.Module:
        """Build the network."""
        chosen = read_settings(settings)
        has_start = chosen.start != "nothing"
        planes_seen = 3 if has_start else 1
        return NearHipCnn(chosen.channels, fold=chosen.fold, planes=planes_seen, starts_at_zero=has_start)

    def parameters(self, network: nn.Module, turn: str) -> Iterable[nn.Parameter]:  # noqa: ARG002
        """Return all parameters."""
        return network.parameters()

    def losses(self, network: nn.Module, pairs: Pairs, turn: str, settings: Mapping[str, Any]) -> dict[str, Tensor]:  # noqa: ARG002
        """Compute the loss on the sinogram, in the network's unit."""
        # The bright trace and the start are computed from the whole sinogram, even if a step uses only a part of it.
        chosen = read_settings(settings)
        one, trace, wanted = unit(pairs), pairs.trace, pairs.metal_free_sinogram
        seen, start = self.shown(pairs, settings)
        if network.training:
            slices, views, bins = block(trace, chosen.block_views, chosen.block_bins)
            seen = seen[slices, :, views, bins].movedim(-1, 1)
            trace, wanted = trace[slices, views, bins], wanted[slices, views, bins]
            start = None if start is None else start[slices, views, bins]
        said = completed(network, seen, start, one)
        weights = torch.where(trace, 1.0, chosen.outside)
        return {"sinogram": l2(said / one, wanted / one, weights)}

    @torch.no_grad()
    def shown(self, pairs: Pairs, settings: Mapping[str, Any]) -> tuple[Tensor, Tensor | None]:
        """Return the network's input and initial completion for whole sinograms.

        They are cached, because batches are reused.
        """
        if pairs not in self._shown:
            start = start_of(pairs.case(), read_settings(settings).start, FROM_LI)
            self._shown[pairs] = planes(pairs.sinogram, pairs.trace, start, unit(pairs)), start
        return self._shown[pairs]

    @torch.no_grad()
    def pictures(self, network: nn.Module, pairs: Pairs, settings: Mapping[str, Any]) -> dict[str, Tensor]:
        """Return the sinogram with a bright trace, the corrected sinogram, and the result in 1/cm."""
        said = completed(network, *self.shown(pairs, settings), unit(pairs))
        corrected = torch.where(pairs.trace, said, pairs.sinogram)
        return {
            "sinogram": pairs.sinogram[0],
            "corrected_sinogram": corrected[0],
            "result": pairs.reconstruct(corrected)[0],
        }

    def sources(self, asked: Asked) -> Sources:
        """Create the sources of pairs, from scans of patients with metal or from scans without metal.

        Raises:
            BadInput: there are too few slices without metal, or the recipe is invalid.
        """
        return of_scans(asked) if asked.is_patient else of_slices(asked)


def block(trace: Tensor, views: int, bins: int) -> tuple[Tensor, Tensor, Tensor]:
    """Choose a random block of neighbouring views and bins around the trace of each slice.

    The last and first views do not count as neighbours, because left and right are swapped after half a
    turn.

    Args:
        trace: metal trace, bool, `[slice, view, bin]`.
        views: number of views; 0 for all.
        bins: number of bins; 0 for all.

    Returns:
        Indices of slices, views and bins, which together index `[slice, view, bin]`.
    """
    slices, all_views, all_bins = trace.shape
    views, bins = min(views or all_views, all_views), min(bins or all_bins, all_bins)
    at = torch.arange(views) + int(torch.randint(all_views - views + 1, ()))
    firsts = []
    for one in trace:
        hit = one[at.to(one.device)].any(dim=0).nonzero()
        middle = int(hit[int(torch.randint(len(hit), ()))]) if len(hit) else all_bins // 2
        firsts.append(min(max(middle - bins // 2, 0), all_bins - bins))
    columns = torch.tensor(firsts)[:, None, None] + torch.arange(bins)
    return (
        torch.arange(slices, device=trace.device)[:, None, None],
        at.to(trace.device)[None, :, None],
        columns.to(trace.device),
    )


def unit(pairs: Pairs) -> float:
    """Return the unit of the network, as in `SmallScan.unit`."""
    return MU_WATER * pairs.projector.pixel_mm * pairs.projector.shape[0] / 10 / 2


def of_scans(asked: Asked) -> Sources:
    """Create pairs from the metal-free slices and metal masks of a scan, or of every scan in a folder.

    Raises:
        BadInput: there is no scan with metal, all scans have too few slices without metal, or the recipe is
            invalid.
    """
    chosen, data, seed = read_settings(asked.recipe.network), asked.recipe.data, asked.recipe.run.seed
    found = read_patient(asked.data)
    enough = [each for each in found if len(each.clean_hu) >= FEWEST]
    few = [len(each.clean_hu) for each in found if len(each.clean_hu) < FEWEST]
    if not enough:
        raise BadInput(
            f"{asked.data} has {count(max(few), 'slice')} without metal in addition to the slices with metal, but "
            f"near_hip needs at least {FEWEST} to learn from. Use scans without metal with --data instead."
        )
    for clean in few:
        asked.tell(f"A scan was left out because it has only {count(clean, 'slice')} without metal.")
    parts = []
    for each in enough:
        scan = SmallScan(chosen.size_px, chosen.views, each.field_mm)
        parts.append(Patient.of(scan, alike(each.clean_hu).to(asked.device), each.masks.to(asked.device)).parted())
    learned_from, held_out = zip(*parts, strict=True)
    masks = sum(len(each.masks) for each in learned_from)
    words = (
        f"{_slices(learned_from)} slices without metal and {count(masks, 'mask')} of metal of "
        f"{'one scan' if len(parts) == 1 else f'{len(parts)} scans'} for training, {_slices(held_out)} slices for "
        "validation"
    )
    training = NearHipPairs(learned_from, data.batch, seed + 2 * asked.process)
    return Sources(_remembered(training, data, seed), NearHipPairs(held_out, data.batch, seed + 1), words)


def of_slices(asked: Asked) -> Sources:
    """Create pairs from randomly varied metal-free slices of other patients.

    Metal is drawn at random, as specified in the recipe.

    Raises:
        BadInput: there is no slice without metal, or the recipe is invalid.
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
    """Return a function that draws the scene with a number, in worker processes if the recipe asks for them."""
    if data.workers:
        return SceneWorkers(bank, data, seed, data.workers)
    return lambda number: draw_scene(bank, data, (*seed, number))


def _remembered(made: PairSource, how: Data, seed: int) -> PairSource:
    return Remembered(made, how.remembered, how.shown, seed) if how.shown > 1 else made


def _slices(patients: Sequence[Patient]) -> int:
    return sum(len(each.clean_mu) for each in patients)
