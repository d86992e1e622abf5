"""The method interface, version 1: the input, the result, and the services that marview provides during a run."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import torch
from pydantic import BaseModel
from torch import Tensor

from marview.geometry import Beam
from marview.methods.notes import SliceNote
from marview.physics.attenuation import hu_to_mu, mu_to_hu
from marview.projection import Projector, fill_linear


class Cancelled(Exception):  # noqa: N818 - not an error: the user cancelled
    """Exception that `Job.check_cancelled` raises when the run is cancelled."""


@dataclass(frozen=True, eq=False)
class MarCase:
    """Slices to correct, on the processing grid.

    All tensors are on the device of the job.

    Attributes:
        hu: float32 HU `[slice, y, x]`, not clipped. Dark streaks near dense metal can be far below -1000 HU,
            and metal keeps the HU of the file. A method may clip its own copy of the image, but not the
            sinogram.
        metal: bool `[slice, y, x]`; the metal mask.
        pixel_mm: edge length of a pixel in mm.
        beam: geometry of the rays.
        slice_indices: index of each slice in its volume.
        measured_sinogram: float32 line integrals `[slice, view, bin]`; None for clinical images, whose
            sinogram is the forward projection of the image.
        measured_trace: bool `[slice, view, bin]`; the metal trace, if the measurement provides it; otherwise
            None.
    """

    hu: Tensor
    metal: Tensor
    pixel_mm: float
    beam: Beam
    slice_indices: Sequence[int] = ()
    measured_sinogram: Tensor | None = None
    measured_trace: Tensor | None = None

    @cached_property
    def projector(self) -> Projector:
        """Projector (forward, adjoint, FBP) between the images and sinograms of this case."""
        return Projector(self.beam, shape=(self.hu.shape[-2], self.hu.shape[-1]), pixel_mm=self.pixel_mm)

    @cached_property
    def mu(self) -> Tensor:
        """Attenuation in 1/cm, `[slice, y, x]`."""
        return hu_to_mu(self.hu)

    @cached_property
    def sinogram(self) -> Tensor:
        """Line integrals `[slice, view, bin]`: the measured sinogram, or else the forward projection of the image."""
        return self.projector.forward(self.mu) if self.measured_sinogram is None else self.measured_sinogram

    @cached_property
    def trace(self) -> Tensor:
        """Metal trace, bool `[slice, view, bin]`; True where a ray crosses the metal mask."""
        return self.projector.trace(self.metal) if self.measured_trace is None else self.measured_trace

    @cached_property
    def li_sinogram(self) -> Tensor:
        """The sinogram with the trace filled by linear interpolation along the bins, `[slice, view, bin]`."""
        return fill_linear(self.sinogram, self.trace)

    @cached_property
    def li_mu(self) -> Tensor:
        """The image reconstructed from `li_sinogram`, in 1/cm, `[slice, y, x]`."""
        return self.reconstruct(self.li_sinogram)

    def reconstruct(self, corrected_sinogram: Tensor) -> Tensor:
        """Reconstruct a corrected sinogram `[slice, view, bin]` into an image in 1/cm, `[slice, y, x]`.

        If the sinogram was measured, the result is the FBP of the corrected sinogram. For a clinical image,
        whose sinogram is only a forward projection, the FBP of the change in the sinogram is added to the
        original image, which avoids the blur of a second reconstruction.
        """
        if self.measured_sinogram is not None:
            return self.projector.fbp(corrected_sinogram)
        return self.mu + self.projector.fbp(corrected_sinogram - self.sinogram)


@dataclass(frozen=True, eq=False)
class MarResult:
    """Result of a method.

    Attributes:
        hu: corrected image on the processing grid, HU `[slice, y, x]`, finite. marview detaches this tensor
            and the other arrays, and converts them to float32.
        prior_hu: prior image, HU `[slice, y, x]`, if there is one.
        corrected_sinogram: corrected line integrals `[slice, view, bin]`, if there are any.
        notes: notes for readers of the result: sentences about the whole run, or `SliceNote` for single slices.
    """

    hu: Tensor
    prior_hu: Tensor | None = None
    corrected_sinogram: Tensor | None = None
    notes: Sequence[str | SliceNote] = field(default=())

    @classmethod
    def from_sinogram(cls, case: MarCase, corrected: Tensor, prior_hu: Tensor | None = None) -> "MarResult":
        """Reconstruct a corrected sinogram `[slice, view, bin]`, and return the result."""
        return cls(mu_to_hu(case.reconstruct(corrected)), prior_hu, corrected)


class Job(Protocol):
    """Services for a running method: progress, intermediate images, cancellation, weights and nearby slices."""

    device: torch.device
    log: logging.Logger

    def progress(self, fraction: float, text: str = "") -> None:
        """Report the finished fraction of this case, 0 to 1.

        `marview reduce` shows `text` next to its progress bar.
        """

    def learning(self, fraction: float, text: str = "") -> None:
        """Report the finished fraction, 0 to 1, of training on this scan; training precedes the correction.

        The window and `marview reduce` show `text`.
        """

    def output(self, name: str, slice_index: int, array: Tensor) -> None:
        """Show a slice's image `[y, x]` or sinogram `[view, bin]`; the manifest must list `name` as an output."""

    def check_cancelled(self) -> None:
        """Raise `Cancelled` if the user cancelled the run. Methods should call it at least once per second."""

    def neighbours(self, count: int) -> tuple[Tensor, Tensor]:
        """Return metal-free slices of the same scan in HU, nearest first, and metal masks (bool) of slices with metal.

        Both arrays are `[slice, y, x]` on the grid of the case, with at most `count` slices each. They are empty
        if the case does not belong to a volume.
        """

    def beside(self, slice_index: int, reach: int) -> Tensor:
        """Return a slice and `reach` slices on each side of it, HU `[slice, y, x]`, on the grid of the case.

        Beyond the ends of the scan, the first or last slice is repeated. The result is empty if the case does
        not belong to a volume.
        """

    def weights(self, file: str) -> dict[str, Tensor]:
        """Return the tensors of a weights file listed in the manifest, by tensor name, on the job's device."""

    def about_weights(self, file: str) -> dict[str, str]:
        """Return the metadata of a weights file: the network settings and training details."""


class Method(Protocol):
    """A metal artifact reduction method: the class named in the manifest, created without arguments."""

    Parameters: type[BaseModel]

    def run(self, case: MarCase, parameters: BaseModel, job: Job) -> MarResult:
        """Correct the slices of a case."""


__all__ = ["Cancelled", "Job", "MarCase", "MarResult", "Method", "SliceNote"]
