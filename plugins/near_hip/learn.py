"""Learning from a patient's own slices within a run, and what that was worth."""

import math
import time
from copy import deepcopy
from typing import Any

import torch
from torch import nn

from marview.errors import MethodFailed
from marview.learning.memory import Remembered
from marview.worker.api import Job

from .learned import Learned, Nothing
from .network import completed
from .parameters import Parameters
from .patient import NearHipPairs, Patient
from .settings import Settings
from .start import Start
from .training import NearHipTraining, unit

_BATCH = 2
_CLIP = 1.0
_OUTSIDE = 0.05
_CALIBRATING = 4
_CHECKED = 6
_REMEMBERED, _SHOWN = 64, 3
_STARTS = {"nmar": "NMAR's completion", "li": "linear interpolation", "nothing": ""}


def learn(patients: tuple[Patient, ...], parameters: Parameters, job: Job, taught: Learned | None = None) -> Learned:
    """Train a network on a patient's slices, or on those of several; what it is worth is measured on slices held out.

    Args:
        patients: their tissue as bright as water where the network begins with one that was taught so.
        parameters: of the run.
        job: is told how far it is.
        taught: the network it begins with; one that says nothing where None.

    Returns:
        What has the least error on the slices held out: what was learned now, what was taught before, or nothing.

    Raises:
        MethodFailed: the loss is not a number.
    """
    shared = parameters.model_dump(include=set(Settings.model_fields))
    settings = shared | {"outside": 1.0 if parameters.start == "nothing" else _OUTSIDE}
    training = NearHipTraining()
    torch.manual_seed(parameters.seed)
    network = training.build(settings).to(job.device) if taught is None else deepcopy(taught.network)
    adam = torch.optim.Adam(network.parameters(), parameters.learning_rate)
    parts, others = zip(*(patient.parted() for patient in patients), strict=True)
    held_out = tuple(other for other in others if len(other.clean_mu))
    pairs = NearHipPairs(parts, _BATCH, parameters.seed)
    unseen = NearHipPairs(held_out or parts, _BATCH, parameters.seed + 1)
    shown = Remembered(pairs, _REMEMBERED, _SHOWN, parameters.seed)
    began = time.monotonic()
    job.learning(0.0, "looking at the scan")
    of_start = _error(training, Nothing(), unseen, settings, job)
    of_taught = math.inf if taught is None else _error(training, taught.network, unseen, settings, job)
    network.train()
    done = 0
    for number in range(parameters.steps):
        job.check_cancelled()
        share = max(number / parameters.steps, (time.monotonic() - began) / 60 / parameters.minutes)
        if share >= 1:
            break
        for group in adam.param_groups:
            group["lr"] = parameters.learning_rate * (1 + math.cos(math.pi * share)) / 2
        loss = training.losses(network, shown(number), "all", settings)["sinogram"]
        if not bool(torch.isfinite(loss)):
            raise MethodFailed(
                f"near_hip stopped at step {number + 1}: the loss is not a number; choose a smaller learning rate."
            )
        adam.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(network.parameters(), _CLIP)
        adam.step()
        done = number + 1
        job.learning(share, f"step {done} of {parameters.steps}")
    job.learning(1.0, "checking what was learned")
    calibrate(training, network, pairs, settings, job)
    after = _error(training, network, unseen, settings, job)
    minutes = (time.monotonic() - began) / 60
    of = "this scan" if len(patients) == 1 else f"{len(patients)} scans"
    where = f"{_slices(held_out)} it did not learn from" if held_out else "those slices, as there are no others,"
    before = "" if taught is None else " that other people's slices had taught"
    words = (
        f"A network of {sum(one.numel() for one in network.parameters()):,} parameters{before} learned from "
        f"{_slices(parts)} of {of} without metal and "
        f"{sum(len(one.masks) for one in patients)} masks of metal "
        f"({parameters.size_px} x {parameters.size_px} pixels, {parameters.views} views): {done} steps in "
        f"{minutes:.1f} minutes; in metal put into {where} its error in the trace is {after:.0%} of linear "
        f"interpolation's"
    )
    words += "." if taught is None else f", {of_taught:.0%} before."
    used = network.eval()
    if parameters.start != "nothing" and after >= min(of_start, of_taught):
        used, words = _instead(words, taught, of_start, of_taught, parameters.start)
    elif parameters.start == "nmar":
        words += f" It corrects NMAR's completion, which has {of_start:.0%}."
    return Learned(used, words, patients[0].scan, parameters.start, has_alike=taught is not None)


def _instead(
    words: str, taught: Learned | None, of_start: float, of_taught: float, start: Start
) -> tuple[nn.Module, str]:
    """What is used where nothing was gained, and the words for it."""
    if taught is not None and of_taught < of_start:
        return taught.network, f"{words} That is no gain, so the network was left as it had been."
    words += f" That is no gain, so it was left out and the trace holds {_STARTS[start]} ({of_start:.0%}); let it "
    return Nothing(), f"{words}learn longer."


def _slices(patients: tuple[Patient, ...]) -> str:
    count = sum(len(one.clean_mu) for one in patients)
    return f"{count} {'slice' if count == 1 else 'slices'}"


@torch.no_grad()
def calibrate(
    training: NearHipTraining, network: nn.Module, pairs: NearHipPairs, settings: dict[str, Any], job: Job
) -> None:
    """Measure on whole sinograms what batch normalization takes for mean and spread once training is over.

    The running averages of a short training still hold what the first steps said.
    """
    norms = [one for one in network.modules() if isinstance(one, nn.BatchNorm2d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    network.train()
    for number in range(_CALIBRATING):
        job.check_cancelled()
        network(training.shown(pairs(-10 - number), settings)[0])


@torch.no_grad()
def _error(
    training: NearHipTraining, network: nn.Module, pairs: NearHipPairs, settings: dict[str, Any], job: Job
) -> float:
    """Root mean square error in the trace of some pairs, as a share of linear interpolation's."""
    network.eval()
    wrong = li_wrong = 0.0
    for number in range(_CHECKED):
        job.check_cancelled()
        one = pairs(-1 - number)
        said = completed(network, *training.shown(one, settings), unit(one))
        wrong += float((said - one.metal_free_sinogram)[one.trace].square().sum())
        li_wrong += float((one.li_sinogram - one.metal_free_sinogram)[one.trace].square().sum())
    return (wrong / li_wrong) ** 0.5 if li_wrong else 1.0
