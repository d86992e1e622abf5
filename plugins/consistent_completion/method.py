"""Consistent completion: adjust tissue and metal until their simulated scan matches the measured scan."""

from collections.abc import Sequence

import torch
from pydantic import BaseModel

from marview.methods.api import Job, MarCase, MarResult, SliceNote
from marview.physics import protocol_of
from marview.physics.attenuation import mu_to_hu
from marview.text import translatable

from .filtration import MOST_MM, SOFTER_MM
from .first_step import completed_by_nmar
from .parameters import Parameters
from .reconstruction import Reconstruction, reconstruct
from .steps import is_light

NOT_MEASURED = translatable("the sinogram is a forward projection of the image, not a measured one")

NMAR = translatable(", so NMAR was used instead")

UNKNOWN_SCAN = translatable(
    "The scan matches no named protocol, so a tube voltage of 120 kV was assumed; set 'Tube voltage' (tube_kv) if it "
    "differs."
)

DENSE = translatable("the metal looks like {}, which is dense")

NAMED_DENSE = translatable("the metal is given as {}, which is dense")

UNEXPLAINED = translatable(
    "the metal looks like {}, which does not explain its rays (another metal, several metals, a mask that does not "
    "fit, or another spectrum)"
)

NAMED_UNEXPLAINED = translatable(
    "the metal is given as {}, which does not explain its rays (another metal, several metals, a mask that does not "
    "fit, or another spectrum)"
)

LEFT_OUT = translatable(", so its rays were not used and the tissue they cross is interpolated")

MISUSED = translatable("; the result may be worse than interpolation")

HARDER = translatable("the beam looks filtered by {} mm of copper or more")

SOFTER = translatable("the beam looks softer than the modelled beam")

REFITTED = translatable("the rays through metal do not fit the mask")

BY_RAYS = translatable(
    ", so a mask fitted to them was used; it differs in {} pixels, so compare the mask with the image"
)

COMPARE = translatable("; compare 'Tube voltage' (tube_kv) and 'Added filtration' (filtration_mm) with the scan")


class ConsistentCompletion:
    """Method that starts from NMAR and adjusts tissue and metal until they match the measured rays."""

    Parameters = Parameters

    @torch.inference_mode()
    def run(self, case: MarCase, parameters: BaseModel, job: Job) -> MarResult:
        """Correct the slices of a case; clinical slices have no measured sinogram, so NMAR corrects them."""
        assert isinstance(parameters, Parameters)

        def tell(share: float, text: str) -> None:
            job.check_cancelled()
            job.progress(share, text)

        prior, completed = completed_by_nmar(case, tell)
        indices, has_metal = case.slice_indices or range(len(prior)), case.metal.flatten(1).any(dim=1)
        for index, picture in zip(case.slice_indices, prior, strict=False):
            job.output("prior", index, mu_to_hu(picture))
        if case.measured_sinogram is None:
            aside = [
                SliceNote(indices[k], NOT_MEASURED, NMAR, made_by="NMAR")
                for k in has_metal.nonzero().flatten().tolist()
            ]
            return MarResult(mu_to_hu(case.reconstruct(completed)), mu_to_hu(prior), completed, aside)
        found = reconstruct(case, parameters, tell, completed)
        tell(0.95, "corrected sinogram")
        return MarResult(
            torch.where(has_metal[:, None, None], mu_to_hu(found.tissue), case.hu),
            mu_to_hu(prior),
            torch.where(found.trace, found.predicted(), case.sinogram),
            _notes(case, parameters, found, has_metal.tolist()),
        )


def _notes(
    case: MarCase, parameters: Parameters, found: Reconstruction, has_metal: Sequence[bool]
) -> list[str | SliceNote]:
    """Return notes about assumptions, and about rays through metal that were not used."""
    notes: list[str | SliceNote] = []
    if parameters.tube_kv == "auto" and protocol_of(case.beam, case.pixel_mm) is None:
        notes.append(UNKNOWN_SCAN)
    indices = case.slice_indices or range(len(has_metal))
    is_named = parameters.material != "auto"
    dense, unexplained = (NAMED_DENSE, NAMED_UNEXPLAINED) if is_named else (DENSE, UNEXPLAINED)
    each = zip(indices, found.metals, found.is_trusted, found.is_explained, has_metal, strict=False)
    for index, metal, is_trusted, is_explained, is_there in each:
        text = unexplained if is_light(metal) or is_trusted else dense
        if is_there and not (is_trusted and is_explained):
            notes.append(SliceNote(index, text.format(metal.label), MISUSED if is_trusted else LEFT_OUT))
    for index, pixels in zip(indices, found.changed_pixels, strict=False):
        if pixels:
            notes.append(SliceNote(index, REFITTED, BY_RAYS.format(pixels)))
    for index, copper_mm in zip(indices, found.copper_mm, strict=False):
        if copper_mm >= MOST_MM:
            notes.append(SliceNote(index, HARDER.format(MOST_MM), COMPARE))
        elif copper_mm < SOFTER_MM:
            notes.append(SliceNote(index, SOFTER, COMPARE))
    return notes
