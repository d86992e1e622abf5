"""Deep image prior: a network fitted to a slice learns the anatomy before the streaks (Ulyanov 2018)."""

import time

import torch
from pydantic import BaseModel, Field
from torch import Tensor

from marview.errors import MethodFailed
from marview.learning.losses import l2
from marview.learning.networks import UNet
from marview.methods.api import Job, MarCase, MarResult, SliceNote
from marview.methods.image_domain import artifact_image, to_unit
from marview.methods.large_metal import LargeMetal, nmar_hu, slices_with_large_metal
from marview.physics.attenuation import MU_WATER
from marview.text import count, translatable

_NOISE_CHANNELS = 16
_NOISE = 0.1
"""Largest value of the random noise, which is the input of the network, as in the paper."""

_ROUGH_HU = 150.0
"""RMS difference from the slice outside metal, in HU, above which the fit counts as unfinished."""


class Parameters(LargeMetal):
    """Parameters of the deep image prior."""

    minutes: float = Field(
        5.0,
        gt=0,
        le=600,
        title="Time limit",
        description="Maximum time for fitting one slice. The fit stops earlier if it completes all steps.",
        json_schema_extra={"unit": "min", "step": 1},
    )
    steps: int = Field(
        1000,
        ge=1,
        le=100_000,
        title="Steps",
        description="Maximum number of steps in the fit. More steps show finer detail, but also more of the streaks.",
        json_schema_extra={"step": 100},
    )
    learning_rate: float = Field(
        0.01,
        gt=0,
        le=1,
        title="Learning rate",
        description="Learning rate of the Adam optimiser.",
        json_schema_extra={"advanced": True},
    )
    width: int = Field(
        16,
        ge=2,
        le=128,
        title="Channels",
        description="Number of channels at the first level of the network.",
        json_schema_extra={"step": 8, "advanced": True},
    )
    seed: int = Field(
        0,
        ge=0,
        le=1_000_000,
        title="Seed",
        description="Seed of the noise and the initial weights.",
        json_schema_extra={"advanced": True},
    )


class DeepImagePrior:
    """Method that fits a network to the pixels outside metal in each slice, and stops the fit early.

    The method uses no data from other patients.
    """

    Parameters = Parameters

    def run(self, case: MarCase, parameters: BaseModel, job: Job) -> MarResult:
        """Correct the slices of a case.

        Raises:
            MethodFailed: the loss is not finite.
        """
        assert isinstance(parameters, Parameters)
        result, fewest = case.hu.clone(), parameters.steps
        large = slices_with_large_metal(case, parameters)
        notes: list[str | SliceNote] = []
        for number, index in enumerate(case.slice_indices or range(len(result))):
            if number in large:
                result[number], note = nmar_hu(case, number, job)
                notes.append(note)
                job.output("artifact", index, case.hu[number] - result[number])
                continue
            part = slice(number, number + 1)
            made, steps = _fitted(case, number, parameters, job)
            fewest = min(fewest, steps)
            artifact_mu = artifact_image(lambda _, made=made: made, case.mu[part], 1)[0]  # type: ignore[misc]
            artifact_hu = artifact_mu * (1000 / MU_WATER)
            result[number] -= artifact_hu
            left_hu = float(artifact_hu[~case.metal[number]].square().mean().sqrt())
            if left_hu > _ROUGH_HU:
                meaning = translatable(", so it does not show the slice yet; increase 'Steps' (steps)")
                notes.append(
                    SliceNote(
                        index, "the fit differs from the slice by {} HU outside metal", meaning, left_hu, "{:.0f}"
                    )
                )
            job.output("artifact", index, artifact_hu)
        if fewest < parameters.steps:
            notes.append(
                translatable(
                    f"The time limit stopped the fit after {count(fewest, 'step')} of {parameters.steps}, so fine "
                    "detail is missing. Increase 'Time limit' (minutes)."
                )
            )
        return MarResult(result, notes=notes)


def _fitted(case: MarCase, number: int, how: Parameters, job: Job) -> tuple[Tensor, int]:
    """Fit a network to a slice; return the image in the unit of `image_domain` and the number of steps."""
    torch.manual_seed(how.seed)
    network = UNet(_NOISE_CHANNELS, 1, how.width).to(job.device)
    noise = _NOISE * torch.rand(1, _NOISE_CHANNELS, *case.hu.shape[-2:]).to(job.device)
    seen, away = to_unit(case.mu[number : number + 1]), (~case.metal[number : number + 1, None]).float()
    adam = torch.optim.Adam(network.parameters(), how.learning_rate)
    began, step = time.monotonic(), 0
    made = seen
    for step in range(1, how.steps + 1):
        job.check_cancelled()
        made = network(noise)
        loss = l2(made, seen, away)
        if not bool(torch.isfinite(loss)):
            raise MethodFailed(
                "deep_image_prior stopped: the loss is not finite. Lower 'Learning rate' (learning_rate)."
            )
        adam.zero_grad()
        torch.autograd.backward(loss)
        adam.step()
        share = max(step / how.steps, (time.monotonic() - began) / 60 / how.minutes)
        job.progress((number + min(1.0, share)) / len(case.hu), f"step {step} of {how.steps}")
        if share >= 1:
            break
    return made.detach(), step
