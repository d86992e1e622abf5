"""Latent GSI Alignment: shift the latent code of a slice towards spectral CT, and keep the metal (Han 2025)."""

from typing import Literal

import torch
from pydantic import BaseModel, Field
from torch import Tensor

from marview.learning.guard import warnings
from marview.learning.image_method import FLIPS
from marview.learning.weights import about, fill
from marview.methods.api import Job, MarCase, MarResult, SliceNote
from marview.methods.large_metal import LargeMetal, nmar_hu, slices_with_large_metal
from marview.text import translatable

from .batches import LEAST_HU, nearness
from .implants import KINDS, WORDS, guess_kind
from .network import LatentAlignment, change_hu
from .settings import read_settings

WEIGHTS = "weights/bundled.safetensors"

SURROGATE = translatable(
    "The weights were trained on simulated surrogates of spectral CT, not on real spectral scans. Compare the result "
    "with the uncorrected image."
)
_GUESSED = translatable("the mask looks like {}")
_CHOOSE = translatable("; set 'Implant type' (implant) if this is wrong")


class Parameters(LargeMetal):
    """Parameters of Latent GSI Alignment."""

    implant: Literal["auto", "hip_prosthesis", "fracture_fixation", "spinal_fixation", "none"] = Field(
        "auto",
        title="Implant type",
        description='Type of implant in the slices. "auto" guesses the type from the position and shape of the metal '
        "mask.",
    )
    reach_px: float = Field(
        60.0,
        gt=0,
        le=600,
        title="Reach",
        description="Correct pixels of the processing grid up to this distance from metal. Pixels beyond it keep their "
        "values. The network was trained for distances up to 60 pixels.",
        json_schema_extra={"unit": "px", "step": 5.0},
    )
    flips: int = FLIPS


class LatentGsiAlignment:
    """Method that decodes the change to each slice's latent code and adds it to the pixels near metal."""

    Parameters = Parameters

    @torch.inference_mode()
    def run(self, case: MarCase, parameters: BaseModel, job: Job) -> MarResult:
        """Correct the pixels near metal in the slices of a case.

        Metal, pixels farther from metal than `reach_px`, and slices without metal stay unchanged. Clinical
        slices with large metal are corrected with NMAR, unless the parameters select the network.

        Raises:
            BadInput: the weights file contains no valid description of its network.
            MethodFailed: the weights do not fit the network.
        """
        assert isinstance(parameters, Parameters)
        network = load(job)
        result, large = case.hu.clone(), slices_with_large_metal(case, parameters)
        indices = list(case.slice_indices or range(len(result)))
        notes: list[str | SliceNote] = [SURROGATE, *warnings(case, job.about_weights(WEIGHTS))]
        for number, index in enumerate(indices):
            job.check_cancelled()
            job.progress(number / len(result), "aligning latent codes")
            hu, mask = case.hu[number], case.metal[number : number + 1]
            if number in large:
                result[number], note = nmar_hu(case, number, job)
                notes.append(note)
            elif bool(mask.any()):
                kind = _kind(parameters, hu, mask[0], case.pixel_mm)
                if parameters.implant == "auto":
                    notes.append(SliceNote(index, _GUESSED.format(WORDS[kind]), _CHOOSE))
                volume = volume_of(hu, job.beside(index, network.settings.slices // 2), network.settings.slices)
                kinds = torch.tensor([kind], device=hu.device)
                near = nearness(mask, parameters.reach_px)[0]
                change = change_hu(network, volume, mask, kinds, parameters.flips)
                result[number] = blended(hu, change[0], near)
            job.output("artifact", index, hu - result[number])
        return MarResult(result, notes=notes)


def load(job: Job) -> LatentAlignment:
    """Load the networks with the method's weights onto the job's device.

    Raises:
        BadInput: the weights file contains no valid description of its network.
        MethodFailed: the weights do not fit the network.
    """
    network = LatentAlignment(read_settings(about(job.about_weights(WEIGHTS), WEIGHTS).network)).to(job.device)
    fill(network, job.weights(WEIGHTS), WEIGHTS)
    return network.eval()


def volume_of(hu: Tensor, beside: Tensor, slices: int) -> Tensor:
    """Combine a slice with its neighbours, HU `[1, neighbour, y, x]`.

    Args:
        hu: slice, HU `[y, x]`, whose clipped dark streaks may have been restored.
        beside: the slice and its neighbours as in the file, HU `[neighbour, y, x]`; if empty, the slice is
            repeated.
        slices: odd number of slices in the result.
    """
    volume = beside.clone() if len(beside) else hu.expand(slices, -1, -1).clone()
    volume[slices // 2] = hu
    return volume[None]


def blended(hu: Tensor, change: Tensor, near: Tensor) -> Tensor:
    """Add a change to the pixels near metal in a slice; changed values are at least -1000 HU.

    Args:
        hu: slice, HU `[y, x]`.
        change: change to add, HU, `[y, x]`.
        near: weight of the change, 0 to 1, `[y, x]`; pixels with weight 0 stay exactly unchanged.
    """
    changed = (hu.clamp(min=LEAST_HU) + change).clamp(min=LEAST_HU)
    return torch.where(near > 0, hu + near * (changed - hu), hu)


def _kind(parameters: Parameters, hu: Tensor, mask: Tensor, pixel_mm: float) -> int:
    if parameters.implant == "auto":
        return guess_kind(hu.cpu().numpy(), mask.cpu().numpy(), pixel_mm)
    return KINDS.index(parameters.implant)
