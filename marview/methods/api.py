"""The contract of a method: what it is given, what it gives back, how it reports (version 1)."""

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


class Cancelled(Exception):  # noqa: N818 - not an error: the person said stop
    """Raised by `Job.check_cancelled` when the run is to stop."""


@dataclass(frozen=True, eq=False)
class MarCase:
    """Slices to correct, on the processing grid.

    Attributes:
        hu: float32, `[slice, y, x]`, HU, as the file has them. Dark streaks beside dense metal reach far below
            -1000 HU, and metal is as bright as it is stored. A method may clip its own copy, never the sinogram.
        metal: bool, `[slice, y, x]`, the metal mask.
        pixel_mm: edge of a pixel.
        beam: where the rays are.
        slice_indices: index of each slice in the volume it comes from.
        measured_sinogram: float32 `[slice, view, bin]`, line integrals; None where only the image is known and the
            sinogram is its forward projection (clinical images).
        measured_trace: bool `[slice, view, bin]`, where the case brings its own.
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
        """Forward projection, adjoint and FBP between this case's images and sinograms."""
        return Projector(self.beam, shape=(self.hu.shape[-2], self.hu.shape[-1]), pixel_mm=self.pixel_mm)

    @cached_property
    def mu(self) -> Tensor:
        """Attenuation in 1/cm, `[slice, y, x]`."""
        return hu_to_mu(self.hu)

    @cached_property
    def sinogram(self) -> Tensor:
        """Line integrals, `[slice, view, bin]`: the measured ones, else the forward projection of the image."""
        return self.projector.forward(self.mu) if self.measured_sinogram is None else self.measured_sinogram

    @cached_property
    def trace(self) -> Tensor:
        """Metal trace, bool, `[slice, view, bin]`: rays that meet the metal mask."""
        return self.projector.trace(self.metal) if self.measured_trace is None else self.measured_trace

    @cached_property
    def li_sinogram(self) -> Tensor:
        """The sinogram with the trace filled by linear interpolation along the bins, `[slice, view, bin]`."""
        return fill_linear(self.sinogram, self.trace)

    @cached_property
    def li_mu(self) -> Tensor:
        """The linear interpolation image in 1/cm, `[slice, y, x]`."""
        return self.reconstruct(self.li_sinogram)

    def reconstruct(self, corrected_sinogram: Tensor) -> Tensor:
        """Image in 1/cm, `[slice, y, x]`, of a corrected sinogram, `[slice, view, bin]`.

        With a measured sinogram this is its FBP. A clinical image, whose sinogram is only a forward projection, is
        spared the blur of that round trip: the FBP of the *change* is added to it.
        """
        if self.measured_sinogram is not None:
            return self.projector.fbp(corrected_sinogram)
        return self.mu + self.projector.fbp(corrected_sinogram - self.sinogram)


@dataclass(frozen=True, eq=False)
class MarResult:
    """What a method makes of a case.

    Attributes:
        hu: float32, `[slice, y, x]`, the corrected image on the processing grid in HU, finite.
        prior_hu: its prior image, where it has one, `[slice, y, x]`.
        corrected_sinogram: its corrected sinogram, where it has one, line integrals `[slice, view, bin]`.
        notes: what a reader of the result should know: sentences about the whole run, and notes on single slices.
    """

    hu: Tensor
    prior_hu: Tensor | None = None
    corrected_sinogram: Tensor | None = None
    notes: Sequence[str | SliceNote] = field(default=())

    @classmethod
    def from_sinogram(cls, case: MarCase, corrected: Tensor, prior_hu: Tensor | None = None) -> "MarResult":
        """The result of a method that completes the sinogram: its image is the case's reconstruction."""
        return cls(mu_to_hu(case.reconstruct(corrected)), prior_hu, corrected)


class Job(Protocol):
    """How a method reports while it runs."""

    device: torch.device
    log: logging.Logger

    def progress(self, fraction: float, text: str = "") -> None:
        """Say how much of this case is done, 0 to 1."""

    def learning(self, fraction: float, text: str = "") -> None:
        """Say how much is done of the learning from this scan that comes before its correction, 0 to 1."""

    def output(self, name: str, slice_index: int, array: Tensor) -> None:
        """Show a picture of a slice, `name` one of the manifest's outputs, `array` `[y, x]` or `[view, bin]`."""

    def check_cancelled(self) -> None:
        """Raise `Cancelled` if the run is to stop; call it at least once a second."""

    def neighbours(self, count: int) -> tuple[Tensor, Tensor]:
        """Slices of the same scan without metal, nearest to it first, HU, and the metal of slices that have some, bool.

        Both `[slice, y, x]` on the case's grid, at most `count` of either; none where the case belongs to no volume.
        """

    def weights(self, file: str) -> dict[str, Tensor]:
        """Learned weights by name, on the job's device, of a file the manifest names; its sha256 is checked first."""

    def about_weights(self, file: str) -> dict[str, str]:
        """What that file says of itself (its metadata): the settings of its network, what it was trained on."""


class Method(Protocol):
    """A metal artifact reduction method; the class a manifest's entry names, made without arguments."""

    Parameters: type[BaseModel]

    def run(self, case: MarCase, parameters: BaseModel, job: Job) -> MarResult:
        """Correct the slices of a case."""


__all__ = ["Cancelled", "Job", "MarCase", "MarResult", "Method", "SliceNote"]
