"""From clinical slices, of which only the image is known, to cases a method can work on, and back.

The sinogram is the forward projection of the slice. What goes back is never the method's image, which lost resolution
on the way, but its difference to the image the method was given: smooth, small, and nothing where nothing was wrong.
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
from marview.methods.trace_completion import grown
from marview.physics.attenuation import MU_WATER, hu_to_mu
from marview.projection import Projector
from marview.volume.padding import VACUUM_HU
from marview.volume.volume import BODY_HU
from marview.worker.resampling import AIR_HU, SIZE, SliceFrame
from marview.worker.restoring import Restorer, cut_off

REPROJECTED = (
    "The sinogram is a forward projection of the image, not raw data: only what passes through the metal trace is "
    "corrected, and a correction of the scanner's raw data would do better."
)


@dataclass(frozen=True)
class FrontEnd:
    """Cases and corrections of slices that share a grid.

    Attributes:
        frame: their grid.
        device: where cases are made.
    """

    frame: SliceFrame
    device: torch.device

    @cached_property
    def beam(self) -> Beam:
        """The beam of every case."""
        return processing_beam(self.frame.pixel_mm)

    @cached_property
    def _projector(self) -> Projector:
        return Projector(self.beam, shape=(SIZE, SIZE), pixel_mm=self.frame.pixel_mm)

    @cached_property
    def _restorer(self) -> Restorer:
        return Restorer(self.frame.pixel_mm)

    def case(self, hu: NDArray[np.int16], mask: NDArray[np.bool_], slice_indices: list[int]) -> MarCase:
        """The case of slices `[slice, row, column]`; its metal trace is that of the mask grown by one pixel."""
        metal = self.frame.mask_to_processing(mask).to(self.device)
        return MarCase(
            hu=self.frame.to_processing(hu).to(self.device),
            metal=metal,
            pixel_mm=self.frame.pixel_mm,
            beam=self.beam,
            slice_indices=slice_indices,
            measured_trace=self.rays_through(grown(metal)),
        )

    def restored(
        self,
        case: MarCase,
        hu: NDArray[np.int16],
        mask: NDArray[np.bool_],
        pause: Callable[[], None] = lambda: None,
    ) -> tuple[MarCase, list[int]]:
        """The case with the dark streaks that the file cut off, and the positions of the slices that had some.

        Args:
            case: of `case`.
            hu: the slices themselves, `[slice, row, column]`.
            mask: their metal.
            pause: called between the steps.
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
        """The metal trace of slices' masks `[slice, row, column]`, bool `[slice, view, bin]`, as cases have it."""
        return self.rays_through(grown(self.frame.mask_to_processing(mask).to(self.device)))

    def rays_through(self, pixels: Tensor) -> Tensor:
        """The rays that meet any of the pixels `[slice, y, x]`, bool `[slice, view, bin]`."""
        return self._projector.trace(pixels)

    def rays_through_body(self, hu: NDArray[np.int16]) -> Tensor:
        """The rays through what is above -500 HU in a slice `[1, row, column]`, bool `[1, view, bin]`.

        Of pieces apart, as legs are, those of half the largest one's size: a table beside the body says nothing of it.
        """
        labels, _ = ndimage.label((self.frame.to_processing(hu)[0] > BODY_HU).numpy())
        sizes = np.bincount(labels.ravel())
        sizes[0] = 0  # the air
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
        """What to add to slices, float32 HU `[slice, row, column]`.

        It takes nothing below the lowest value of the slice, nor below -1024 HU: nothing is thinner than vacuum, and
        the result still fits the bits of the source.

        Args:
            before_hu: the slices on the processing grid, `[slice, y, x]`.
            result_hu: the method's image.
            hu: the slices themselves.
            mask: their metal.
            restore_metal: whether metal keeps its values.
        """
        correction = self.frame.to_native((result_hu - before_hu).cpu())
        correction *= self.frame.changeable(hu)
        floor_hu = np.clip(hu.min(axis=(1, 2), keepdims=True), VACUUM_HU, AIR_HU)
        room = np.minimum(floor_hu - hu.astype(np.float32), 0)
        correction = torch.maximum(correction, torch.from_numpy(room))
        if restore_metal:
            correction[torch.from_numpy(np.ascontiguousarray(mask))] = 0
        return correction.numpy()


def consistency(case: MarCase, result_hu: Tensor) -> Tensor:
    """Forward projection of a result less the sinogram, outside the metal trace, `[slice, view, bin]`."""
    difference = case.projector.forward(hu_to_mu(result_hu)) - case.sinogram
    return difference.masked_fill_(case.trace, 0)


def check_result(result: MarResult, case: MarCase, before_hu: Tensor, method: str) -> None:
    """Refuse what cannot be a result.

    Raises:
        MethodFailed: wrong shape, values that are not numbers, or a changed input.
    """
    if not isinstance(result, MarResult):
        raise MethodFailed(f"The method {method} returned a {type(result).__name__} and no MarResult.")
    images = {"image": result.hu, "prior image": result.prior_hu}
    for name, picture in images.items():
        _check_tensor(f"The {name} of {method}", picture, tuple(before_hu.shape), is_needed=name == "image")
    rays = (len(before_hu), case.beam.views, case.beam.bins)
    _check_tensor(f"The corrected sinogram of {method}", result.corrected_sinogram, rays, is_needed=False)
    if not torch.equal(case.hu, before_hu):
        raise MethodFailed(f"The method {method} wrote to its input; its result cannot be trusted.")


def _check_tensor(what: str, tensor: Tensor | None, shape: tuple[int, ...], *, is_needed: bool) -> None:
    if tensor is None and not is_needed:
        return
    if not isinstance(tensor, Tensor):
        raise MethodFailed(f"{what} is a {type(tensor).__name__} and no tensor.")
    if tuple(tensor.shape) != shape:
        raise MethodFailed(f"{what} has the shape {tuple(tensor.shape)} where {shape} was asked for.")
    if not bool(torch.isfinite(tensor).all()):
        raise MethodFailed(f"{what} holds values that are not numbers (NaN or infinite).")


def too_much_metal(trace_fraction: float, slice_index: int) -> SliceNote | None:
    """The warning where a metal trace is large."""
    if trace_fraction < GUESS_FRACTION:
        return None
    meaning = ", so what is put in its place is largely a guess"
    return SliceNote(slice_index, "metal hides {} of the sinogram", meaning, trace_fraction, "{:.0%}")


__all__ = [
    "AIR_HU",
    "REPROJECTED",
    "FrontEnd",
    "check_result",
    "consistency",
    "processing_beam",
    "too_much_metal",
]
