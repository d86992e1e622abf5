"""Methods whose network finds the artifact in the image alone, without sinogram and metal mask."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from pydantic import BaseModel, Field
from torch import nn

from marview.learning.guard import warnings
from marview.learning.weights import about, fill
from marview.methods.api import Job, MarCase, MarResult
from marview.methods.image_domain import artifact_image
from marview.physics.attenuation import MU_WATER

WEIGHTS = "weights/bundled.safetensors"


class Strength(BaseModel):
    """Parameters of methods that subtract an artifact image."""

    strength: float = Field(
        1.0,
        ge=0,
        le=1,
        title="Strength",
        description="Share of the artifact image that is removed. Lower values keep more of the original image.",
        json_schema_extra={"step": 0.1},
    )


class ImageMethod(ABC):
    """Subtracts the artifact image that a network finds in each slice, and shows it as the output `artifact`.

    Attributes:
        part: names of the weights that inference needs begin with this; other weights serve the training alone.
    """

    Parameters: type[BaseModel] = Strength
    part: ClassVar[str] = ""

    @abstractmethod
    def build(self, settings: Mapping[str, Any]) -> tuple[nn.Module, int]:
        """Build the network that corrects an image in the unit of `marview.methods.image_domain`.

        Args:
            settings: settings of the network, stored with the weights.

        Returns:
            The network, and the number that edges of its images must be multiples of.

        Raises:
            BadInput: an unknown name or a wrong value.
        """

    @torch.inference_mode()
    def run(self, case: MarCase, parameters: BaseModel, job: Job) -> MarResult:
        """Correct the slices of a case.

        Raises:
            BadInput: the weights do not say which network they belong to.
            MethodFailed: the weights do not fit that network.
        """
        assert isinstance(parameters, Strength)
        network, fold = self.build(about(job.about_weights(WEIGHTS), WEIGHTS).network)
        weights = job.weights(WEIGHTS)
        if self.part:
            weights = {
                name.removeprefix(self.part): each for name, each in weights.items() if name.startswith(self.part)
            }
        fill(network.to(job.device), weights, WEIGHTS).eval()
        result = case.hu.clone()
        for number, index in enumerate(case.slice_indices or range(len(result))):
            job.check_cancelled()
            job.progress(number / len(result), "removing artifacts")
            artifact_mu = artifact_image(network, case.mu[number : number + 1], fold)[0]
            artifact_hu = parameters.strength * artifact_mu * (1000 / MU_WATER)
            result[number] -= artifact_hu
            job.output("artifact", index, artifact_hu)
        return MarResult(result, notes=warnings(case, job.about_weights(WEIGHTS)))
