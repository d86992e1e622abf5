"""Learning from a patient's own slices within a run, and what that was worth."""

import math
import time
from copy import deepcopy
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from marview.errors import MethodFailed
from marview.learning.memory import Remembered
from marview.methods.api import Job
from marview.text import count, translatable

from .learned import Learned, Nothing
from .network import completed
from .parameters import Parameters
from .patient import NearHipPairs, Patient
from .settings import Settings
from .training import NearHipTraining, unit
from .worth import Errors, lesson

_BATCH = 2
_CLIP = 1.0
_OUTSIDE = 0.05
_CALIBRATING = 4
_CHECKED = 6
_REMEMBERED, _SHOWN = 64, 3


def learn(patients: tuple[Patient, ...], parameters: Parameters, job: Job, taught: Learned | None = None) -> Learned:
    """Train a network on a patient's slices, or on those of several; what it is worth is measured on slices held out.

    Args:
        patients: their tissue as bright as water where the network begins with one that was taught so.
        parameters: parameters of the run.
        job: job that receives the progress.
        taught: the network it begins with; one that says nothing where None.

    Returns:
        What has the least error on the slices held out: what was learned now, what was taught before, or nothing.

    Raises:
        MethodFailed: the loss is not a number, or there was no time for a step and nothing to begin with.
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
    job.learning(0.0, translatable("looking at the scan"))
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
                translatable(
                    f"near_hip stopped at step {number + 1}: the loss is not a number; choose a smaller learning rate."
                )
            )
        adam.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(network.parameters(), _CLIP)
        adam.step()
        done = number + 1
        job.learning(share, translatable(f"step {done} of {parameters.steps}"))
    minutes = (time.monotonic() - began) / 60
    spent = translatable(f"{count(done, 'step')} in {minutes:.1f} minutes")
    after = math.inf
    if done:
        job.learning(1.0, translatable("checking what was learned"))
        calibrate(training, network, pairs, settings, job)
        after = _error(training, network, unseen, settings, job)
    errors = Errors(after, of_taught, of_start if parameters.start != "nothing" else math.inf)
    if math.isinf(errors.least):
        raise MethodFailed(
            translatable("near_hip had no time for a single step of learning: let it learn for more minutes.")
        )
    said = lesson(parts, held_out, masks=sum(len(one.masks) for one in patients), spent=spent, errors=errors)
    scan, start = patients[0].scan, parameters.start
    if errors.least == errors.after:
        return Learned(network.eval(), said, scan, start, has_alike=taught is not None)
    if taught is not None and errors.least == errors.of_taught:
        return replace(taught, words=said, scan=scan)
    return Learned(Nothing(), said, scan, start, has_alike=taught is not None)


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
