"""Train the network during a run, measure its error, and store trained networks for later runs."""

import hashlib
import math
import time
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from marview.errors import MethodFailed
from marview.learning.in_run import learn_in_run
from marview.learning.memory import Remembered
from marview.learning.recipe import Optimiser
from marview.methods.api import Job
from marview.metrics.overlap import dice
from marview.text import count, translatable

from .network import Nothing, completed
from .patient import NearHipPairs, Patient, SmallScan
from .settings import Parameters, Start
from .training import NearHipTraining, unit

_BATCH = 2
_CLIP = 1.0
_CALIBRATING = 4
_CHECKED = 6
_REMEMBERED, _SHOWN = 64, 3

MOST = 16
"""Number of networks that are stored; each needs about two megabytes."""

ALIKE = 0.8
"""Dice coefficient from which masks count as the same; training rotates, scales and shifts masks anyway."""

_LONGER = translatable("Increase 'Training time' (minutes).")
_CHANGED = translatable("The network was trained with a slightly different mask.")


@dataclass(frozen=True, eq=False)
class Learned:
    """Trained network and its description.

    Attributes:
        network: network that corrects the initial completion.
        words: description for the notes of a result.
        scan: small scan that the network processes.
        start: kind of initial completion.
        is_own: whether the network was trained on the scan to be corrected.
        has_alike: whether soft tissue in the training slices was scaled to water.
    """

    network: nn.Module
    words: str
    scan: SmallScan
    start: Start
    is_own: bool = True
    has_alike: bool = False


def learn(patients: tuple[Patient, ...], parameters: Parameters, job: Job, taught: Learned | None = None) -> Learned:
    """Train a network on slices of one or several patients, and measure its error on held-out slices.

    Args:
        patients: training data of the patients; if `taught` is given, with soft tissue scaled to water.
        parameters: parameters of the run.
        job: job of the run, for reporting progress and for cancelling.
        taught: initial network; None for random weights.

    Returns:
        The network with the smallest error on the held-out slices: the trained network, `taught`, or a
        network that changes nothing.

    Raises:
        MethodFailed: the loss is not a number, or there was no time for a training step and there is no
            initial network.
    """
    settings, training = parameters.network, NearHipTraining()
    torch.manual_seed(parameters.seed)
    network = training.build(settings).to(job.device) if taught is None else deepcopy(taught.network)
    parts, others = zip(*(patient.parted() for patient in patients), strict=True)
    held_out = tuple(other for other in others if len(other.clean_mu))
    pairs = NearHipPairs(parts, _BATCH, parameters.seed)
    unseen = NearHipPairs(held_out or parts, _BATCH, parameters.seed + 1)
    shown = Remembered(pairs, _REMEMBERED, _SHOWN, parameters.seed)
    began = time.monotonic()
    job.learning(0.0, translatable("measuring the scan"))
    of_start = error(training, Nothing(), unseen, settings, job)
    of_taught = math.inf if taught is None else error(training, taught.network, unseen, settings, job)
    how = Optimiser(learning_rate=parameters.learning_rate, gradient_clip=_CLIP)
    done = learn_in_run(training, network, shown, settings, how, parameters.steps, parameters.minutes, job, began)
    spent = translatable(f"{count(done, 'step')} in {(time.monotonic() - began) / 60:.1f} minutes")
    after = math.inf
    if done:
        job.learning(1.0, translatable("checking the trained network"))
        calibrate(training, network, pairs, settings, job)
        after = error(training, network, unseen, settings, job)
    if parameters.start == "nothing":
        of_start = math.inf
    if min(after, of_taught, of_start) == math.inf:
        raise MethodFailed(
            translatable("near_hip had no time for a single training step. Increase 'Training time' (minutes).")
        )
    of = translatable("this scan") if len(parts) == 1 else translatable(f"{len(parts)} scans")
    slices, left_over = (sum(len(one.clean_mu) for one in group) for group in (parts, held_out))
    masks, scan = count(sum(len(one.masks) for one in patients), "mask"), patients[0].scan
    words = translatable(
        f"The network was trained on {count(slices, 'slice')} of {of} without metal and {masks} of metal: {spent}, "
        f"{scan.size_px} x {scan.size_px} pixels, {scan.views} views"
    ) + lesson(left_over, after, of_taught, of_start)
    if taught is not None and of_taught < after and of_taught <= of_start:
        return replace(taught, words=words, scan=scan)
    used = network.eval() if after <= min(of_taught, of_start) else Nothing()
    return Learned(used, words, scan, parameters.start, has_alike=taught is not None)


def lesson(held_out: int, after: float, of_taught: float, of_start: float) -> str:
    """Describe the error of a trained network in a few sentences.

    Args:
        held_out: number of held-out slices.
        after: error in the trace with the trained network, as a fraction of linear interpolation's
            error; infinite if there was no training.
        of_taught: the same error with the initial network; infinite if there is no initial network.
        of_start: the same error with the initial completion; infinite if there is no initial completion.
    """
    least = min(after, of_taught, of_start)
    words = "" if of_taught == math.inf else translatable(", starting from weights of other patients")
    words += ". "
    if after == math.inf:
        words += translatable("The training time was too short for a single step")
    else:
        unseen = count(held_out, "slice")
        where = translatable(f"{unseen} not used for training")
        if not held_out:
            where = translatable("the training slices (there are no others)")
        words += translatable(
            f"With simulated metal in {where}, its error in the trace is {after:.0%} of linear interpolation's error"
        )
        words += "" if of_taught == math.inf else translatable(f", {of_taught:.0%} before the training")
        words += "" if of_start == math.inf else translatable(f", {of_start:.0%} for the completion that it corrects")
        words += "."
        if after == least:
            worse = translatable(
                "The network is no better than linear interpolation. Increase 'Training time' (minutes), or choose "
                "another 'Initial completion' (start)."
            )
            return words if after < 1 else f"{words} {worse}"
        words += f" {translatable('That is not an improvement')}"
    if of_taught == least:
        return words + translatable(", so the initial weights were used, which were not trained on this patient") + "."
    left_out = translatable(
        ", so the network was not used, and the trace contains the completion that the network would correct"
    )
    return f"{words}{left_out}. {_LONGER}"


@torch.no_grad()
def calibrate(
    training: NearHipTraining, network: nn.Module, pairs: NearHipPairs, settings: Mapping[str, Any], job: Job
) -> None:
    """Recompute the batch normalisation statistics on whole sinograms.

    After a short training run, the running averages still depend on the first steps.
    """
    for norm in network.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.reset_running_stats()
            norm.momentum = None
    network.train()
    for number in range(_CALIBRATING):
        job.check_cancelled()
        network(training.shown(pairs(-10 - number), settings)[0])


@torch.no_grad()
def error(
    training: NearHipTraining, network: nn.Module, pairs: NearHipPairs, settings: Mapping[str, Any], job: Job
) -> float:
    """Return the network's RMS error in the trace, as a fraction of linear interpolation's error."""
    network.eval()
    wrong = li_wrong = 0.0
    for number in range(_CHECKED):
        job.check_cancelled()
        one = pairs(-1 - number)
        made = completed(network, *training.shown(one, settings), unit(one))
        wrong += float((made - one.metal_free_sinogram)[one.trace].square().sum())
        li_wrong += float((one.li_sinogram - one.metal_free_sinogram)[one.trace].square().sum())
    return (wrong / li_wrong) ** 0.5 if li_wrong else 1.0


class Kept:
    """Cache of networks from earlier runs, keyed by scan, settings and masks; the oldest is dropped first."""

    def __init__(self) -> None:
        self._entries: list[tuple[str, Tensor, Learned]] = []

    def find(self, patient: Patient, settings: str, *, is_alike_enough: bool) -> Learned | None:
        """Return the network trained on this scan with these settings and masks; None if there is none.

        Args:
            patient: training data of the patient.
            settings: settings of the run, as JSON.
            is_alike_enough: whether a network trained with similar masks is accepted.
        """
        scan = _scan(patient, settings)
        known = [(_overlap(masks, patient.masks), learned) for of, masks, learned in self._entries if of == scan]
        overlap, learned = max(known, key=lambda each: each[0], default=(0.0, None))
        if learned is None or overlap == 1:
            return learned
        changed = replace(learned, words=f"{learned.words} {_CHANGED}")
        return changed if is_alike_enough and overlap >= ALIKE else None

    def keep(self, patient: Patient, settings: str, learned: Learned) -> None:
        """Store a network."""
        self._entries = [*self._entries[1 - MOST :], (_scan(patient, settings), patient.masks, learned)]


def _scan(patient: Patient, settings: str) -> str:
    digest = hashlib.sha256(f"{settings} {patient.clean_mu.device}".encode())
    digest.update(patient.clean_mu.cpu().numpy().tobytes())
    return digest.hexdigest()


def _overlap(one: Tensor, other: Tensor) -> float:
    """Return the Dice coefficient of two sets of masks, bool `[mask, y, x]`; 0 if their shapes differ."""
    return dice(one.cpu().numpy(), other.cpu().numpy()) if one.shape == other.shape else 0.0
