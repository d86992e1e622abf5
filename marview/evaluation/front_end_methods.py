"""Run methods on clinical slices in a worker process, as `marview reduce` does."""

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from marview.errors import MethodFailed
from marview.evaluation.benchmark import Corrected, Entry, Tell
from marview.evaluation.case import KnownCase
from marview.evaluation.taking_part import entry
from marview.mar import (
    Listing,
    MarWorker,
    Message,
    Output,
    Progress,
    SharedArray,
    SliceDone,
    discover,
    metal_of,
    reduce_request,
)
from marview.mar.messages import Device
from marview.volume.correction import corrected


@dataclass(frozen=True, eq=False)
class FoundMetal:
    """Metal found automatically in a study with known ground truth.

    Attributes:
        mask: bool `[slice, y, x]`; metal mask of the slices in the case.
        clean_hu: int16 HU `[slice, y, x]`; metal-free slices of the study, those nearest to metal first.
    """

    mask: NDArray[np.bool_]
    clean_hu: NDArray[np.int16]


@dataclass(frozen=True, eq=False)
class CorrectedSlices:
    """A method's result on slices of a volume.

    Attributes:
        hu: float32 HU `[z, y, x]`, on the grid of the volume, rounded as when saved; slices without
            metal are unchanged.
        seconds: run time in seconds.
        consistency: root mean square difference between the result's forward projection and the sinogram
            outside the metal trace, in line integrals; one value per slice.
        consistency_map: map of this difference for the slice `mapped_slice`, `[view, bin]`, 0 in the
            metal trace; None if the run has no such slice.
        notes: the method's notes on its result.
    """

    hu: NDArray[np.float32]
    seconds: float
    consistency: Mapping[int, float]
    consistency_map: NDArray[np.float32] | None = None
    notes: tuple[str, ...] = ()


class FrontEndMethods:
    """Installed methods, run on volumes in a persistent worker process.

    Attributes:
        found: automatically found metal of each case, by case name. The case's own mask is the ground truth,
            which methods must not see.

    Args:
        device: device for the methods.
        listings: function that finds the installed methods.
    """

    def __init__(self, device: Device = "auto", listings: Callable[[], list[Listing]] = discover) -> None:
        self.found: dict[str, FoundMetal] = {}
        self._made: dict[tuple[str, str], tuple[list[int], Corrected]] = {}
        self._device, self._listings = device, listings
        self._worker = MarWorker(listings=listings)

    def entry(self, method: str, parameters: Mapping[str, Any] | None = None) -> Entry:
        """Return an installed method as a benchmark entry.

        Raises:
            UsageError: the method is unknown or not trained.
        """
        return entry(method, self._listings(), parameters)

    def __call__(self, entry: Entry, known: KnownCase, tell: Tell) -> Corrected:
        """Run a method on slices of a study with known ground truth, using the automatic metal mask.

        Slices that this object has already corrected are not corrected again. Thus figures show the measured images,
        and a method that is trained on the scan is not trained again for every slice.

        Raises:
            MethodFailed: the method failed, crashed or refused its parameters.
        """
        wanted, name = list(known.case.slice_indices), (known.name, f"{entry.id} {entry.key}")
        indices, whole = self._made.get(name, ([], None))
        if whole is not None and set(wanted) < set(indices):
            return Corrected(whole.hu[[indices.index(k) for k in wanted]], 0.0)
        found = self.found[known.name]
        given = known.uncorrected_hu.round().clip(-32768, 32767).astype(np.int16)
        hu = np.concatenate([given, found.clean_hu])
        mask = np.concatenate([found.mask[wanted], np.zeros(found.clean_hu.shape, np.bool_)])
        made = self.correct(entry, hu, mask, (1.0, known.case.pixel_mm, known.case.pixel_mm), tell)
        slices = Corrected(made.hu[: len(given)], made.seconds, made.notes)
        self._made[name] = (wanted, slices)
        return slices

    def correct(
        self,
        entry: Entry,
        hu: NDArray[np.int16],
        mask: NDArray[np.bool_],
        spacing_mm: tuple[float, float, float],
        tell: Tell = lambda _: None,
        *,
        mapped_slice: int = -1,
    ) -> CorrectedSlices:
        """Run a method on a volume.

        Args:
            entry: benchmark entry of the method.
            hu: HU, `[z, y, x]`.
            mask: metal mask of the volume.
            spacing_mm: distance between neighbouring voxels along (z, y, x).
            tell: called with the completed fraction of the run.
            mapped_slice: index of the slice for which the consistency map is kept.

        Raises:
            MethodFailed: the method failed, crashed or refused its parameters.
        """
        heard = _Heard(tell, mapped_slice)
        with SharedArray.copy_of(hu) as given:
            request = reduce_request(
                entry.id,
                given,
                metal_of(mask),
                spacing_mm=spacing_mm,
                parameters=entry.parameters,
                device=self._device,
                keep_outputs=True,
            )
            with closing(request):
                run = self._worker.reduce(request, heard)
                try:
                    outcome = run.wait()
                except KeyboardInterrupt:
                    run.cancel()
                    raise
                if outcome.state != "done":
                    raise MethodFailed(outcome.sentence)
                result = corrected(hu, request.correction.array).astype(np.float32)
        report = outcome.report
        notes = tuple(map(str, report["notes"]))
        return CorrectedSlices(result, float(report["seconds"]), heard.consistency(), heard.mapped, notes)

    def close(self) -> None:
        """Stop the worker process."""
        self._worker.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Heard:
    """Consistency values that a run reports."""

    def __init__(self, tell: Tell, mapped_slice: int) -> None:
        self.mapped: NDArray[np.float32] | None = None
        self._tell, self._mapped_slice = tell, mapped_slice
        self._mean_squares: dict[int, float] = {}
        self._outside: dict[int, float] = {}

    def __call__(self, message: Message) -> None:
        if isinstance(message, Progress) and not message.is_learning:
            self._tell(message.fraction)
        elif isinstance(message, SliceDone):
            self._outside[message.slice_index] = 1 - message.trace_fraction
        elif isinstance(message, Output) and message.name == "consistency":
            difference = np.load(message.path, allow_pickle=False).astype(np.float32)
            self._mean_squares[message.slice_index] = float(np.mean(difference**2))
            if message.slice_index == self._mapped_slice:
                self.mapped = difference

    def consistency(self) -> dict[int, float]:
        """Return the root mean square difference outside the metal trace for each slice, by slice index.

        The difference maps are 0 in the trace, so their mean over all rays is divided by the fraction of rays
        outside the trace.
        """
        return {k: float(np.sqrt(square / max(self._outside[k], 1e-6))) for k, square in self._mean_squares.items()}
