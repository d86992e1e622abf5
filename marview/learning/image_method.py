"""Base class of methods whose network estimates the artifact from the image alone."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from pydantic import BaseModel, Field
from torch import nn

from marview.learning.guard import warnings
from marview.learning.weights import about, fill
from marview.methods.api import Job, MarCase, MarResult, SliceNote
from marview.methods.image_domain import MOST_MU, artifact_image, averaged_over_flips
from marview.methods.large_metal import LargeMetal, nmar_hu, slices_with_large_metal
from marview.physics.attenuation import MU_WATER
from marview.text import translatable

WEIGHTS = "weights/bundled.safetensors"

_FINE_DETAIL = translatable(
    "The network changes the whole slice, even far from metal, and can weaken or remove fine detail such as thin "
    "vessels. Compare the result with the uncorrected image."
)
_NO_METAL = translatable("no pixel exceeds 1604 HU and the metal mask is empty")
_UNCHANGED = translatable(", so the slice is unchanged")


FLIPS: Any = Field(
    4,
    ge=1,
    le=4,
    title="Flips",
    description="The network corrects this number of mirrored and slightly shifted copies of each slice, and "
    "their corrections are averaged. More copies remove more artifacts and take more time; 1 is fastest.",
)
"""Parameter of methods that average the corrections of several copies of a slice."""


class Strength(LargeMetal):
    """Parameters of methods that subtract an artifact image."""

    strength: float = Field(
        1.0,
        ge=0,
        le=1,
        title="Strength",
        description="Fraction of the artifact image that is subtracted. Lower values keep more of the original image.",
        json_schema_extra={"step": 0.1},
    )
    flips: int = FLIPS


class ImageMethod(ABC):
    """Method that subtracts an artifact image, estimated by a network, from each slice.

    The run provides the artifact image as the intermediate image `artifact`.

    Slices without metal are left unchanged, because the network would alter them slightly. In clinical
    slices with large metal objects, NMAR replaces the network, unless the parameters specify otherwise.

    Attributes:
        part: name prefix of the weights that inference needs; the other weights are used only in training.
    """

    Parameters: type[BaseModel] = Strength
    part: ClassVar[str] = ""

    @abstractmethod
    def build(self, settings: Mapping[str, Any]) -> tuple[nn.Module, int]:
        """Build the network that corrects an image in the unit of `marview.methods.image_domain`.

        Args:
            settings: settings of the network, stored with the weights.

        Returns:
            The network, and an integer; the height and width of the network's images must be multiples
            of this integer.

        Raises:
            BadInput: a name is unknown or a value is wrong.
        """

    @torch.inference_mode()
    def run(self, case: MarCase, parameters: BaseModel, job: Job) -> MarResult:
        """Correct all slices of a case that contain visible metal.

        Raises:
            BadInput: the weights file contains no valid description of its network.
            MethodFailed: the weights do not fit the network.
        """
        assert isinstance(parameters, Strength)
        network, fold = self.build(about(job.about_weights(WEIGHTS), WEIGHTS).network)
        weights = job.weights(WEIGHTS)
        if self.part:
            weights = {
                name.removeprefix(self.part): each for name, each in weights.items() if name.startswith(self.part)
            }
        fill(network.to(job.device), weights, WEIGHTS).eval()
        correct = averaged_over_flips(network, parameters.flips, fold)
        result, large = case.hu.clone(), slices_with_large_metal(case, parameters)
        notes, has_run = warnings(case, job.about_weights(WEIGHTS)), False
        for number, index in enumerate(case.slice_indices or range(len(result))):
            job.check_cancelled()
            job.progress(number / len(result), "removing artifacts")
            artifact_hu = torch.zeros_like(result[number])
            if number in large:
                corrected_hu, note = nmar_hu(case, number, job)
                artifact_hu = parameters.strength * (case.hu[number] - corrected_hu)
                notes.append(note)
            elif _shows_metal(case, number):
                artifact_mu = artifact_image(correct, case.mu[number : number + 1], fold)[0]
                artifact_hu = parameters.strength * artifact_mu * (1000 / MU_WATER)
                has_run = has_run or bool(artifact_hu.any())
            else:
                notes.append(SliceNote(index, _NO_METAL, _UNCHANGED))
            result[number] -= artifact_hu
            job.output("artifact", index, artifact_hu)
        if has_run:
            notes.insert(0, _FINE_DETAIL)
        return MarResult(result, notes=notes)


def _shows_metal(case: MarCase, number: int) -> bool:
    """Return whether a slice has a non-empty metal mask or a pixel above the network's HU range."""
    return bool(case.metal[number].any()) or bool((case.mu[number] > MOST_MU).any())
