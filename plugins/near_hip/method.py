"""The near-hip method: a network learns from the patient's own slices beside the metal what the trace hides."""

import math
import time
from collections.abc import Callable
from typing import Any, Literal

import torch
from pydantic import BaseModel, Field
from torch import Tensor, nn
from torch.nn.functional import interpolate

from marview.errors import MethodFailed
from marview.learning.memory import Remembered
from marview.physics.attenuation import mu_to_hu
from marview.projection import fill_linear
from marview.worker.api import Job, MarCase, MarResult, SliceNote

from ..nmar.thin_metal import thin_metal_notes
from .kept import Kept, Learned
from .network import completed, planes
from .patient import NearHipPairs, Patient, SmallScan
from .settings import Settings
from .start import Start, image_of_start
from .training import FEWEST, NearHipTraining, unit

_NEIGHBOURS = 22
_BATCH = 2
_CLIP = 1.0
_OUTSIDE = 0.05
_CALIBRATING = 4
_CHECKED = 6
_REMEMBERED, _SHOWN = 64, 3
_STARTS = {"nmar": "NMAR's completion", "li": "linear interpolation", "nothing": ""}


class Parameters(BaseModel):
    """Parameters of the near-hip method: how long it learns, and on how fine a scan."""

    minutes: float = Field(
        4.0,
        gt=0,
        le=600,
        title="Learn for",
        description="Training ends after so long, or after its steps.",
        json_schema_extra={"unit": "min", "step": 1},
    )
    steps: int = Field(
        1500,
        ge=1,
        le=100_000,
        title="Steps",
        description="Steps of training; the learning rate falls along half a cosine to their end.",
        json_schema_extra={"step": 50},
    )
    channels: int = Field(
        32,
        ge=1,
        le=128,
        title="Channels",
        description="Of the network; 64 have 413,761 parameters and take four times as long as 32.",
        json_schema_extra={"step": 16, "advanced": True},
    )
    size_px: int = Field(
        256,
        ge=64,
        le=512,
        title="Grid",
        description="Rows and columns of the grid that is learned on.",
        json_schema_extra={"unit": "px", "step": 32, "advanced": True},
    )
    views: int = Field(
        180,
        ge=16,
        le=1440,
        title="Views",
        description="Over half a turn of the parallel scan that is learned on.",
        json_schema_extra={"step": 30, "advanced": True},
    )
    block_views: int = Field(
        0,
        ge=0,
        le=1440,
        title="Views of a step",
        description="Neighbouring views that a step sees; 0 for all, as published.",
        json_schema_extra={"step": 15, "advanced": True},
    )
    block_bins: int = Field(
        0,
        ge=0,
        le=1024,
        title="Bins of a step",
        description="Neighbouring bins about the trace that a step sees; 0 for all, as published.",
        json_schema_extra={"step": 16, "advanced": True},
    )
    start: Start = Field(
        "nmar",
        title="Starts at",
        description="What the network corrects, so that a short training is of use: NMAR's completion, linear "
        "interpolation, or nothing, as published.",
        json_schema_extra={"advanced": True},
    )
    fold: int = Field(
        4,
        ge=1,
        le=16,
        title="Fold",
        description="The network works on blocks of so many views and bins, and so sees wider traces; 1 as published.",
        json_schema_extra={"advanced": True},
    )
    learning_rate: float = Field(
        3e-3, gt=0, le=1, title="Learning rate", description="Of Adam.", json_schema_extra={"advanced": True}
    )
    reuse: Literal["same", "alike"] = Field(
        "same",
        title="Learned before",
        description="What an earlier run learned from this scan is used again where the metal masks are the same, or "
        "also where a little was changed (Dice 0.8), so that nobody waits after each stroke of the brush.",
    )
    seed: int = Field(
        0,
        ge=0,
        le=2**31,
        title="Seed",
        description="Of everything left to chance.",
        json_schema_extra={"advanced": True},
    )


class NearHip:
    """Trains on the run's own scan, then fills the trace; a further run with the same settings learns nothing anew."""

    Parameters = Parameters

    def __init__(self) -> None:
        self._kept = Kept()

    def run(self, case: MarCase, parameters: BaseModel, job: Job) -> MarResult:
        """Correct the slices of a case.

        Raises:
            MethodFailed: the scan has too few slices without metal to learn from, or the loss is not a number.
        """
        assert isinstance(parameters, Parameters)
        scan = SmallScan(parameters.size_px, parameters.views, case.pixel_mm * case.hu.shape[-1])
        clean, masks = job.neighbours(_NEIGHBOURS)
        if len(clean) < FEWEST:
            raise MethodFailed(
                f"near_hip learns from slices of the same scan without metal, and there are {len(clean)}; give it a "
                "scan that reaches beyond the implant, or choose another method."
            )
        learned = self._network(Patient.of(scan, clean, masks), parameters, job)
        job.check_cancelled()
        job.progress(0.2, "filling the trace")
        with torch.no_grad():
            prior = prior_image(case, scan, learned.network, parameters.start, job.check_cancelled)
            job.check_cancelled()
            corrected = complete(case.sinogram, case.projector.forward(prior), case.trace)
            job.progress(0.7, "reconstructing")
            notes: list[str | SliceNote] = [learned.words, *thin_metal_notes(case)]
            return MarResult(mu_to_hu(case.reconstruct(corrected)), mu_to_hu(prior), corrected, notes)

    def _network(self, patient: Patient, parameters: BaseModel, job: Job) -> Learned:
        assert isinstance(parameters, Parameters)
        settings = parameters.model_dump_json(exclude={"reuse"})
        known = self._kept.find(patient, settings, is_alike_enough=parameters.reuse == "alike")
        if known is None:
            known = learn((patient,), parameters, job)
            self._kept.keep(patient, settings, known)
        return known


def learn(patients: tuple[Patient, ...], parameters: Parameters, job: Job) -> Learned:
    """Train a network on a patient's slices, or on those of several; what it is worth is measured on slices held out.

    Raises:
        MethodFailed: the loss is not a number.
    """
    shared = parameters.model_dump(include=set(Settings.model_fields))
    settings = shared | {"outside": 1.0 if parameters.start == "nothing" else _OUTSIDE}
    training = NearHipTraining()
    torch.manual_seed(parameters.seed)
    network = training.build(settings).to(job.device)
    adam = torch.optim.Adam(network.parameters(), parameters.learning_rate)
    parts, others = zip(*(patient.parted() for patient in patients), strict=True)
    held_out = tuple(other for other in others if len(other.clean_mu))
    pairs = NearHipPairs(parts, _BATCH, parameters.seed)
    unseen = NearHipPairs(held_out or parts, _BATCH, parameters.seed + 1)
    shown = Remembered(pairs, _REMEMBERED, _SHOWN, parameters.seed)
    began = time.monotonic()
    job.learning(0.0, "looking at the scan")
    before = _error(training, network, unseen, settings, job)
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
    is_used = after < before or parameters.start == "nothing"
    minutes = (time.monotonic() - began) / 60
    of = "this scan" if len(patients) == 1 else f"{len(patients)} scans"
    where = f"{_slices(held_out)} it did not learn from" if held_out else "those slices, as there are no others,"
    words = (
        f"A network of {sum(one.numel() for one in network.parameters()):,} parameters learned from "
        f"{_slices(parts)} of {of} without metal and "
        f"{sum(len(one.masks) for one in patients)} masks of metal "
        f"({parameters.size_px} x {parameters.size_px} pixels, {parameters.views} views): {done} steps in "
        f"{minutes:.1f} minutes; in metal put into {where} its error in the trace is {after:.0%} of linear "
        f"interpolation's."
    )
    if is_used and parameters.start == "nmar":
        words += f" It corrects NMAR's completion, which has {before:.0%}."
    if not is_used:
        words += (
            f" That is no gain, so it was left out and the trace holds {_STARTS[parameters.start]} ({before:.0%}); let "
            "it learn longer."
        )
    return Learned(network.eval() if is_used else _Nothing(), words)


def _slices(patients: tuple[Patient, ...]) -> str:
    count = sum(len(one.clean_mu) for one in patients)
    return f"{count} {'slice' if count == 1 else 'slices'}"


class _Nothing(nn.Module):
    """Adds nothing to what a network starts at."""

    def forward(self, seen: Tensor) -> Tensor:
        return torch.zeros_like(seen[:, :1])


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


def prior_image(
    case: MarCase, scan: SmallScan, network: nn.Module, start: Start, pause: Callable[[], None] = lambda: None
) -> Tensor:
    """The image of what the network corrects, and what it changes on the small scan, 1/cm, `[slice, y, x]`.

    The image itself, with its streaks, would not do: where a sinogram was measured, the trace of the small scan does
    not hide them.

    Args:
        case: the slices.
        scan: that the network learned on.
        network: what was learned.
        start: what it corrects.
        pause: is called between parts of it.
    """
    begun_image = image_of_start(case, start, pause)
    prior = torch.empty_like(begun_image)
    for number in range(len(prior)):
        pause()
        part = slice(number, number + 1)
        small = scan.pairs(begun_image[part], case.metal[part])
        begun = None if start == "nothing" else small.sinogram
        said = completed(network, planes(small.sinogram, small.trace, begun, scan.unit), begun, scan.unit)
        change = scan.projector.fbp(torch.where(small.trace, said - small.sinogram, 0.0))
        fine = interpolate(change[:, None], size=prior.shape[-2:], mode="bilinear", align_corners=False)[:, 0]
        prior[part] = (begun_image[part] + fine).clamp(min=0)
    return prior


def complete(sinogram: Tensor, prior_sinogram: Tensor, trace: Tensor) -> Tensor:
    """The prior's sinogram inside the trace, joined to the measured one; outside it is measured.

    Args:
        sinogram: with metal, line integrals, `[slice, view, bin]`.
        prior_sinogram: of the prior image.
        trace: metal trace, bool.
    """
    return torch.where(trace, fill_linear(sinogram - prior_sinogram, trace) + prior_sinogram, sinogram)
