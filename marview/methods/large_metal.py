"""Use NMAR instead of an image-domain network near large metal in clinical slices."""

from typing import Literal

from pydantic import BaseModel, Field
from torch import Tensor

from marview.methods.api import Job, MarCase, SliceNote
from marview.methods.dense_nmar import nmar_of_slice
from marview.methods.nmar import is_saturated
from marview.methods.thin_metal import is_thin
from marview.physics.attenuation import mu_to_hu
from marview.text import translatable

_LARGE = translatable(
    "the metal hides many rays and attenuates strongly; near such metal this network has larger errors than NMAR"
)
_NMAR = translatable(
    ", so NMAR was used instead; for the network's image, set 'Near large metal' (large_metal) to network"
)


class LargeMetal(BaseModel):
    """Parameter of image-domain methods that selects NMAR or the network near large metal."""

    large_metal: Literal["nmar", "network"] = Field(
        "nmar",
        title="Near large metal",
        description="Method for clinical slices with large metal (metal that hides many rays, attenuates strongly and "
        "reaches 2900 HU in half of the mask): NMAR, which completes the metal trace, or the network, as in the paper. "
        "All other slices are corrected by the network.",
    )


def slices_with_large_metal(case: MarCase, parameters: LargeMetal) -> list[int]:
    """Return the positions, within the case, of the slices in which NMAR replaces an image-domain network.

    These are clinical slices whose metal is not thin (`thin_metal.is_thin`) and reaches the top of a 12-bit
    HU scale (`nmar.is_saturated`). The list is empty if `parameters` selects the network. It is also empty
    for a measured sinogram, so that published protocols measure the network alone.
    """
    if parameters.large_metal == "network" or case.measured_sinogram is not None or not bool(case.metal.any()):
        return []
    return (case.metal.flatten(1).any(dim=1) & is_saturated(case) & ~is_thin(case)).nonzero().flatten().tolist()


def nmar_hu(case: MarCase, number: int, job: Job) -> tuple[Tensor, SliceNote]:
    """Correct a slice with NMAR; return the corrected image, HU `[y, x]`, and a note.

    Args:
        case: slices to correct.
        number: position of the slice within the case.
        job: job of the run.
    """
    one, _, completed = nmar_of_slice(case, number, job)
    index = case.slice_indices[number] if case.slice_indices else number
    return mu_to_hu(one.reconstruct(completed[None]))[0], SliceNote(index, _LARGE, _NMAR, made_by="NMAR")
