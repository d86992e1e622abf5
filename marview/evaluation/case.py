"""A case with known ground truth, and the checks that it must pass."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from marview.errors import BadInput
from marview.methods.api import MarCase
from marview.slices.body import body_of
from marview.worker.neighbours import Neighbours


@dataclass(frozen=True, eq=False)
class KnownCase:
    """A method's input and the ground truth.

    Attributes:
        name: name in tables and files.
        case: input of the method.
        truth_hu: float32 HU `[slice, y, x]`; the image from which the scan was simulated.
        metal_free_sinogram: float32 line integrals of the same scan without metal but with noise,
            `[slice, view, bin]`, or `[1, view, bin]` if all slices share one sinogram. The FBP of this
            sinogram is the best result that sinogram completion can achieve. None if the case has no
            such sinogram.
        neighbours: function that reads other slices of the scan, for methods that learn from the scan;
            None if there are no other slices.
    """

    name: str
    case: MarCase
    truth_hu: NDArray[np.float32]
    metal_free_sinogram: NDArray[np.float32] | None = None
    neighbours: Callable[[], Neighbours] | None = None

    @property
    def uncorrected_hu(self) -> NDArray[np.float32]:
        """The uncorrected image in HU, `[slice, y, x]`."""
        return np.asarray(self.case.hu.numpy())

    @property
    def metal(self) -> NDArray[np.bool_]:
        """The metal mask, bool `[slice, y, x]`."""
        return np.asarray(self.case.metal.numpy())

    @property
    def numbers(self) -> list[int]:
        """Numbers that identify the slices in tables.

        They are the slice numbers of the original series, or the numbers of the metal shapes.
        """
        return list(self.case.slice_indices) or list(range(len(self.truth_hu)))

    def slice(self, index: int) -> "KnownCase":
        """Return the slice at an index as a separate case."""
        one = slice(index, index + 1)
        case = MarCase(
            hu=self.case.hu[one],
            metal=self.case.metal[one],
            pixel_mm=self.case.pixel_mm,
            beam=self.case.beam,
            slice_indices=list(self.case.slice_indices[one]),
            measured_sinogram=None if self.case.measured_sinogram is None else self.case.measured_sinogram[one],
            measured_trace=None if self.case.measured_trace is None else self.case.measured_trace[one],
        )
        free = self.metal_free_sinogram
        if free is not None and len(free) > 1:
            free = free[one]
        return replace(self, case=case, truth_hu=self.truth_hu[one], metal_free_sinogram=free)


@dataclass(frozen=True)
class ListedCase:
    """A case that is read only when needed.

    Attributes:
        name: name of the case.
        read: function that reads or simulates the case; raises `BadInput` if it cannot be used.
        files: files of the case; stored results are valid only while these files are unchanged.
        scan: description of the slices used as neighbours; stored results are valid only for the same
            neighbours.
    """

    name: str
    read: Callable[[], KnownCase]
    files: tuple[Path, ...] = ()
    scan: str = ""

    def state_of_files(self) -> list[str]:
        """Name, size and modification time of each existing file, to detect rewritten files."""
        found = ((path, path.stat()) for path in self.files if path.is_file())
        return [f"{path.name} {about.st_size} {about.st_mtime_ns}" for path, about in found]


def check_case(known: KnownCase) -> KnownCase:
    """Return a case after checking that it can be used.

    Raises:
        BadInput: the shapes do not match, values are not finite, or the mask is empty or covers more than half of the
            body.
    """
    case, shape = known.case, tuple(known.case.hu.shape)
    if len(shape) != 3 or tuple(case.metal.shape) != shape or known.truth_hu.shape != shape:
        raise BadInput(
            f"Case {known.name}: image {shape}, mask {tuple(case.metal.shape)} and ground truth "
            f"{known.truth_hu.shape} have different shapes. Regenerate the case."
        )
    rays = (shape[0], case.beam.views, case.beam.bins)
    sinograms = {
        "sinogram": case.measured_sinogram,
        "metal trace": case.measured_trace,
        "metal-free sinogram": known.metal_free_sinogram,
    }
    for name, sinogram in sinograms.items():
        shared = (1, *rays[1:]) if sinogram is known.metal_free_sinogram else rays
        if sinogram is not None and tuple(sinogram.shape) not in {rays, shared}:
            given = tuple(sinogram.shape)
            raise BadInput(f"Case {known.name}: the {name} has shape {given}, but the beam geometry requires {rays}.")
    values = {"image": case.hu, "ground truth": known.truth_hu} | sinograms
    for name, array in values.items():
        if array is not None and not np.isfinite(np.asarray(array)).all():
            raise BadInput(f"Case {known.name}: the {name} contains non-finite values. Regenerate the case.")
    _check_metal(known)
    return known


def _check_metal(known: KnownCase) -> None:
    for k, metal in enumerate(known.metal):
        if not metal.any():
            raise BadInput(f"Case {known.name}: the metal mask of slice {k} is empty, so there is nothing to correct.")
        body = body_of(known.truth_hu[k])
        if 2 * np.count_nonzero(metal & body) > np.count_nonzero(body):
            raise BadInput(f"Case {known.name}: the metal mask of slice {k} covers more than half of the body.")
