"""Convert clinical slices without raw data to cases for methods, and convert results to corrections.

The sinogram is the forward projection of the slice. The method's result is not used directly, because it
is blurred by resampling and reconstruction. Instead, the difference between the result and the method's
input is added to the slice. This difference is smooth, and it is zero where the method did not change
the image.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from marview.errors import MethodFailed
from marview.geometry import GUESS_FRACTION, Beam, processing_beam
from marview.methods.api import MarCase, MarResult
from marview.methods.notes import SliceNote
from marview.methods.restoring import Restorer, cut_off
from marview.methods.trace_completion import grown
from marview.physics.attenuation import MU_WATER, hu_to_mu
from marview.projection import Projector
from marview.text import translatable
from marview.volume.padding import VACUUM_HU
from marview.volume.volume import BODY_HU
from marview.worker.resampling import AIR_HU, SIZE, SliceFrame

REPROJECTED = translatable(
    "The sinogram is a forward projection of the image, not raw data. marview corrects only the rays in the "
    "metal trace. Correcting the scanner's raw data would give a better result."
)


@dataclass(frozen=True)
class FrontEnd:
    """Converter from slices on a grid to cases, and from results to corrections.

    Attributes:
        frame: grid of the slices and processing grid.
        device: device for the cases.
    """

    frame: SliceFrame
    device: torch.device

    @cached_property
    def beam(self) -> Beam:
        """Beam geometry of all cases."""
        return processing_beam(self.frame.pixel_mm)

    @cached_property
    def _projector(self) -> Projector:
        return Projector(self.beam, shape=(SIZE, SIZE), pixel_mm=self.frame.pixel_mm)

    @cached_property
    def _restorer(self) -> Restorer:
        return Restorer(self.frame.pixel_mm)

    def case(self, hu: NDArray[np.int16], mask: NDArray[np.bool_], slice_indices: list[int]) -> MarCase:
        """Create a case from slices `[slice, row, column]`; the mask is grown by one pixel for the trace."""
        metal = self.frame.mask_to_processing(mask).to(self.device)
        return MarCase(
            hu=self.frame.to_processing(hu).to(self.device),
            metal=metal,
            pixel_mm=self.frame.pixel_mm,
            beam=self.beam,
            slice_indices=slice_indices,
            measured_trace=self.rays_through(grown(metal)),
        )

    def cut_off(self, hu: NDArray[np.int16], mask: NDArray[np.bool_]) -> list[int]:
        """Return the indices of slices with clipped dark streaks.

        Args:
            hu: slices, HU `[slice, row, column]`.
            mask: metal mask of the slices.
        """
        return np.flatnonzero(cut_off(hu, mask).any(axis=(1, 2))).tolist()

    def restored(
        self,
        case: MarCase,
        hu: NDArray[np.int16],
        mask: NDArray[np.bool_],
        pause: Callable[[], None] = lambda: None,
    ) -> tuple[MarCase, list[int]]:
        """Restore clipped dark streaks; return the new case and the indices of the restored slices.

        Args:
            case: case returned by `case` for these slices.
            hu: slices, HU `[slice, row, column]`.
            mask: metal mask of the slices.
            pause: function called between the steps, so that a run can be cancelled.
        """
        dark = cut_off(hu, mask)
        found = np.flatnonzero(dark.any(axis=(1, 2))).tolist()
        if not found:
            return case, []
        share = self.frame.share_to_processing(dark[found]).to(self.device)
        whole = case.hu.clone()
        missing = self._restorer.missing(case.mu[found], case.metal[found], share, pause)
        whole[found] -= missing * (1000 / MU_WATER)
        return replace(case, hu=whole), found

    def trace(self, mask: NDArray[np.bool_]) -> Tensor:
        """Compute the metal trace of masks `[slice, row, column]` as in `case`; bool `[slice, view, bin]`."""
        return self.rays_through(grown(self.frame.mask_to_processing(mask).to(self.device)))

    def rays_through(self, pixels: Tensor) -> Tensor:
        """Return the rays that cross any of the pixels `[slice, y, x]`, bool `[slice, view, bin]`."""
        return self._projector.trace(pixels)

    def rays_through_body(self, hu: NDArray[np.int16]) -> Tensor:
        """Return the rays through the body of a slice `[1, row, column]`, bool `[1, view, bin]`.

        The body comprises the pixels above -500 HU. Separate parts, such as two legs, are included if they are
        at least half as large as the largest part. This excludes the table.
        """
        labels, _ = ndimage.label((self.frame.to_processing(hu)[0] > BODY_HU).numpy())
        sizes = np.bincount(labels.ravel())
        sizes[0] = 0  # label 0 is air
        body = sizes[labels] >= max(1, sizes.max() / 2)
        return self.rays_through(torch.from_numpy(body)[None].to(self.device))

    def correction(
        self,
        before_hu: Tensor,
        result_hu: Tensor,
        hu: NDArray[np.int16],
        mask: NDArray[np.bool_],
        *,
        restore_metal: bool,
    ) -> NDArray[np.float32]:
        """Return the correction to add to the slices, float32 HU `[slice, row, column]`.

        The correction lowers no pixel below -1024 HU, because no material attenuates less than a vacuum. If the
        lowest value of the slice is higher, it is the limit, but at most -1000 HU, so that the result fits into the
        bit depth of the original files.

        Args:
            before_hu: slices on the processing grid, `[slice, y, x]`.
            result_hu: corrected image from the method, HU `[slice, y, x]`.
            hu: slices on their original grid, `[slice, row, column]`.
            mask: metal mask of the slices.
            restore_metal: whether metal pixels keep their original values.
        """
        corrections = np.empty(hu.shape, np.float32)
        change_hu = (result_hu - before_hu).cpu()
        for change, values, metal, correction in zip(change_hu, hu, mask, corrections, strict=True):
            # one at a time, because the steps for a whole batch need four times the memory
            self._correct(change, values, torch.from_numpy(correction))
            if restore_metal:
                correction[metal] = 0
        return corrections

    def _correct(self, change_hu: Tensor, hu: NDArray[np.int16], correction: Tensor) -> None:
        """Compute the correction of a slice, float32 HU `[row, column]`, from the change on the processing grid."""
        torch.mul(self.frame.to_native(change_hu), self.frame.changeable(hu[None])[0], out=correction)
        floor_hu = float(np.clip(hu.min(), VACUUM_HU, AIR_HU))
        room = np.minimum(floor_hu - hu.astype(np.float32), 0)
        torch.maximum(correction, torch.from_numpy(room), out=correction)


def consistency(case: MarCase, result_hu: Tensor) -> Tensor:
    """Return a result's forward projection minus the sinogram, `[slice, view, bin]`; 0 in the metal trace."""
    difference = case.projector.forward(hu_to_mu(result_hu)).sub_(case.sinogram)
    return difference.masked_fill_(case.trace, 0)


def checked_result(result: object, case: MarCase, before_hu: Tensor, method: str) -> MarResult:
    """Check the result of a method, and convert it to float32 without gradients.

    Raises:
        MethodFailed: the result is not a `MarResult`, has a wrong shape or non-finite values, or the input was changed.
    """
    if not isinstance(result, MarResult):
        remedy = "Is a return statement missing?" if result is None else "Write return MarResult(hu)."
        raise MethodFailed(f"The method {method} returned {_kind(result)}, not a MarResult. {remedy}")
    pixels, rays = tuple(before_hu.shape), (len(before_hu), case.beam.views, case.beam.bins)
    _check_tensor(f"The image of {method}", "hu", result.hu, pixels, is_needed=True)
    _check_tensor(f"The prior image of {method}", "prior_hu", result.prior_hu, pixels)
    _check_tensor(f"The corrected sinogram of {method}", "corrected_sinogram", result.corrected_sinogram, rays)
    if not torch.equal(case.hu, before_hu):
        raise MethodFailed(
            f"The method {method} modified its input, so its result cannot be trusted. Work on case.hu.clone()."
        )
    return replace(
        result,
        hu=result.hu.detach().float(),
        prior_hu=None if result.prior_hu is None else result.prior_hu.detach().float(),
        corrected_sinogram=None if result.corrected_sinogram is None else result.corrected_sinogram.detach().float(),
    )


def _check_tensor(what: str, name: str, tensor: object, shape: tuple[int, ...], *, is_needed: bool = False) -> None:
    """Raise `MethodFailed` if the attribute `name` of a result is not a valid tensor."""
    if tensor is None and not is_needed:
        return
    if not isinstance(tensor, Tensor):
        remedy = "; use torch.from_numpy" if isinstance(tensor, np.ndarray) else ""
        raise MethodFailed(f"{what} is {_kind(tensor)}, not a tensor{remedy}.")
    if tensor.is_complex():
        raise MethodFailed(f"{what} contains complex numbers; return real ones.")
    if tuple(tensor.shape) != shape:
        raise MethodFailed(f"{what} has shape {tuple(tensor.shape)}; the expected shape is {shape}.")
    wrong = ~torch.isfinite(tensor)
    if bool(wrong.any()):
        parts, axes = ("rays", "slice, view, bin") if name == "corrected_sinogram" else ("pixels", "slice, row, column")
        raise MethodFailed(
            f"{what} contains non-finite values (NaN or infinite): {int(wrong.sum())} of {wrong.numel()} "
            f"{parts}, the first at {name}{wrong.nonzero()[0].tolist()} ({axes})."
        )


def _kind(value: object) -> str:
    """Return the type of a value with an article, such as "an ndarray" or "a list"; "None" for None."""
    name = type(value).__name__
    article = "an" if name == "ndarray" or name[0].lower() in "aeiou" else "a"
    return "None" if value is None else f"{article} {name}"


def too_much_metal(trace_fraction: float, slice_index: int) -> SliceNote | None:
    """Return a note if the metal trace of a slice is large; otherwise None."""
    if trace_fraction < GUESS_FRACTION:
        return None
    meaning = translatable(", so the values that replace it are largely a guess")
    return SliceNote(slice_index, "metal hides {} of the sinogram", meaning, trace_fraction, "{:.0%}")


__all__ = [
    "AIR_HU",
    "REPROJECTED",
    "FrontEnd",
    "checked_result",
    "consistency",
    "processing_beam",
    "too_much_metal",
]
