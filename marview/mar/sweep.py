"""Measure how results depend on the metal mask: run methods with masks that differ in margin and threshold.

The experiment follows Fig. 7 of Yu 2021, Deep Sinogram Completion with Image Prior, where masks are eroded and dilated
by 1 and 2 pixels of a 416 x 416 grid. `marview.evaluation.processing_grid` resamples a series to this grid.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from marview.errors import BadInput, MarviewError, UsageError
from marview.geometry import SliceNumbers
from marview.mar.messages import Device, Message, Progress, ReduceRequest
from marview.mar.request import metal_of, reduce_request
from marview.mar.run import OnMessage, Outcome, Run
from marview.mar.shared import SharedArray
from marview.mar.sweep_plan import Variant
from marview.mar.sweep_result import SweepResult
from marview.volume.correction import corrected
from marview.volume.mask import NO_DRIFT, grow_mm, grow_px, refuse_unusable

ASK_S = 0.1


class SweepCancelled(MarviewError):  # noqa: N818 - not an error: the user cancelled
    """Exception raised when a sweep is cancelled."""

    exit_code = 130


class Reducer(Protocol):
    """Object that starts corrections, such as `marview.mar.runner.MarWorker`."""

    def reduce(self, request: ReduceRequest, on_message: OnMessage) -> Run:
        """Start a run; return immediately."""


@dataclass(frozen=True, eq=False)
class SweepInput:
    """Input that all variants of a sweep share.

    Attributes:
        hu: int16 HU, `[z, y, x]`.
        spacing_mm: distance between slices along their normal, between rows and between columns.
        metal: mask to grow or shrink by the margins, bool `[z, y, x]`.
        slices: z indices of the slices; empty for all slices with metal.
        numbers: slice numbers as shown to users.
        drift_mm: shift (y, x) from one slice to the next, caused by a tilted gantry.
        region: region in which mean and standard deviation are measured, bool `[z, y, x]`; None for the soft
            tissue within 20 pixels of the metal.
        truth_hu: true image without metal, HU `[z, y, x]`, if known.
    """

    hu: SharedArray
    spacing_mm: tuple[float, float, float]
    metal: NDArray[np.bool_]
    slices: tuple[int, ...] = ()
    region: NDArray[np.bool_] | None = None
    truth_hu: NDArray[np.int16] | None = None
    numbers: SliceNumbers = field(default_factory=SliceNumbers)
    drift_mm: tuple[float, float] = NO_DRIFT


def sweep(
    given: SweepInput,
    variants: Sequence[Variant],
    worker: Reducer,
    *,
    parameters: Mapping[str, Mapping[str, Any]] | None = None,
    device: Device = "auto",
    restore_cut_off: bool = True,
    on_progress: Callable[[float, str], None] | None = None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> SweepResult:
    """Run every variant of a sweep.

    Each slice is projected only once, and variants with the same method and equal masks share a run.

    Args:
        given: slices, mask and ground truth.
        variants: result of `plan`.
        worker: worker that runs the methods.
        parameters: values of each method's parameters that differ from their defaults, by method identifier.
        device: device for the methods.
        restore_cut_off: whether to restore clipped dark streaks before the methods run.
        on_progress: called with the finished fraction and the current step.
        is_cancelled: called several times per second; True cancels the sweep.

    Raises:
        BadInput: the mask cannot be used, or no slice contains the region.
        UsageError: no variant's mask can be used, or a method, parameter or slice is unknown.
        MethodFailed: a method failed.
        SweepCancelled: the sweep was cancelled.
    """
    masks = sweep_masks(given, variants)
    slices, why_not = masks.slices, masks.why_not
    index = list(slices)
    runs = _Runs(given, slices, worker, parameters or {}, device, is_cancelled, restore_cut_off=restore_cut_off)
    original = Variant("")
    results = {original.name: given.hu.array[index]}
    notes: dict[str, str] = {}
    tell = on_progress or (lambda _fraction, _text: None)
    for number, variant in enumerate(variants):
        if note := why_not[variant]:
            notes[variant.name] = note
            continue
        on_run = partial(_tell, tell, number, len(variants), variant.name)
        results[variant.name] = runs.run(variant, masks.of[variant], on_run)
    tell(1.0, "")
    return SweepResult(
        slices,
        (original, *variants),
        results,
        {
            original.name: given.metal[index],
            **{one.name: mask for one, mask in masks.of.items() if one.name in results},
        },
        notes,
        None if given.region is None else given.region[index],
        None if given.truth_hu is None else given.truth_hu[index],
        runs.reports,
        given.numbers,
        min(given.spacing_mm),
    )


@dataclass(frozen=True, eq=False)
class SweepMasks:
    """Masks of a sweep.

    Attributes:
        slices: indices of the slices of the sweep.
        of: mask of each variant, bool `[slice, y, x]`.
        why_not: reason why a variant cannot be run; empty if it can.
    """

    slices: tuple[int, ...]
    of: Mapping[Variant, NDArray[np.bool_]]
    why_not: Mapping[Variant, str]


def sweep_masks(given: SweepInput, variants: Sequence[Variant]) -> SweepMasks:
    """Compute the mask of every variant; used by a sweep and its dry run, so that both raise the same errors.

    Args:
        given: slices, mask and ground truth.
        variants: result of `plan`.

    Raises:
        BadInput: the mask cannot be used, or no slice contains the region.
        UsageError: no variant's mask can be used, or a slice is unknown.
    """
    refuse_unusable(given.metal, given.hu.array)
    slices = _slices(given)
    index = list(slices)
    if given.region is not None and not given.region[index].any():
        raise BadInput("No slice of the sweep contains the region to measure. Draw the region beside the metal.")
    kinds = {replace(variant, method="") for variant in variants}
    masks_of = {kind: _mask(given, kind, slices) for kind in kinds}
    why_not = {kind: _why_not(mask, given.hu.array[index]) for kind, mask in masks_of.items()}
    if all(why_not.values()):
        raise UsageError(f"No variant can be run. {next(iter(why_not.values()))} Choose other margins or thresholds.")
    kind_of = {variant: replace(variant, method="") for variant in variants}
    return SweepMasks(
        slices,
        {variant: masks_of[kind] for variant, kind in kind_of.items()},
        {variant: why_not[kind] for variant, kind in kind_of.items()},
    )


def _tell(tell: Callable[[float, str], None], number: int, count: int, name: str, fraction: float) -> None:
    tell((number + fraction) / count, name)


class _Runs:
    """Runs of the worker and their results, keyed by method and mask."""

    def __init__(
        self,
        given: SweepInput,
        slices: tuple[int, ...],
        worker: Reducer,
        parameters: Mapping[str, Mapping[str, Any]],
        device: Device,
        is_cancelled: Callable[[], bool],
        *,
        restore_cut_off: bool,
    ) -> None:
        self._given, self._slices, self._worker = given, slices, worker
        self._parameters, self._device, self._is_cancelled = parameters, device, is_cancelled
        self._restore_cut_off = restore_cut_off
        self._known: dict[tuple[str, bytes], NDArray[np.int16]] = {}
        self.reports: dict[str, Mapping[str, Any]] = {}

    def run(self, variant: Variant, mask: NDArray[np.bool_], tell: Callable[[float], None]) -> NDArray[np.int16]:
        key = (variant.method, np.packbits(mask).tobytes())
        if key not in self._known:
            tell(0.0)
            self._known[key] = self._reduce(variant, mask, tell)
        tell(1.0)
        return self._known[key]

    def _reduce(self, variant: Variant, mask: NDArray[np.bool_], tell: Callable[[float], None]) -> NDArray[np.int16]:
        if self._is_cancelled():
            raise SweepCancelled("The sweep was cancelled.")
        given, index = self._given, list(self._slices)

        def hear(message: Message) -> None:
            if isinstance(message, Progress) and not message.is_learning:
                tell(message.fraction)

        def write_metal(empty: NDArray[np.bool_]) -> None:
            metal_of(given.metal)(empty)
            empty[index] = mask

        request = reduce_request(
            variant.method,
            given.hu,
            write_metal,
            spacing_mm=given.spacing_mm,
            slices=self._slices,
            numbers=given.numbers,
            parameters=self._parameters.get(variant.method),
            device=self._device,
            restore_cut_off=self._restore_cut_off,
            keep_projections=True,
        )
        with closing(request):
            run = self._worker.reduce(request, hear)
            try:
                outcome = self._wait(run)
            except KeyboardInterrupt:
                run.cancel()
                raise
            if outcome.state == "cancelled":
                raise SweepCancelled("The sweep was cancelled.")
            self.reports[variant.name] = outcome.check()
            planes = request.correction.array
            return np.stack([corrected(given.hu.array[k], planes[row]) for row, k in enumerate(index)])

    def _wait(self, run: Run) -> Outcome:
        while True:
            try:
                return run.wait(ASK_S)
            except TimeoutError:
                if self._is_cancelled():
                    run.cancel()


def _slices(given: SweepInput) -> tuple[int, ...]:
    count = len(given.hu.array)
    wrong = [k for k in given.slices if not 0 <= k < count]
    if wrong:
        raise UsageError(f"Slice index {wrong[0]} is out of range; valid indices are 0 to {count - 1}.")
    chosen = given.slices or tuple(range(count))
    with_metal = tuple(k for k in chosen if given.metal[k].any())
    if not with_metal:
        raise UsageError("None of the chosen slices contains metal. Choose other slices.")
    return with_metal


def _mask(given: SweepInput, variant: Variant, slices: tuple[int, ...]) -> NDArray[np.bool_]:
    """Compute the mask of a variant in the slices of the sweep."""
    index = list(slices)
    core = given.metal if variant.threshold_hu is None else given.hu.array > variant.threshold_hu
    if variant.margin == 0:
        return core[index]
    if variant.unit == "mm":
        return grow_mm(core, variant.margin, given.spacing_mm, drift_mm=given.drift_mm)[index]
    return grow_px(core[index], variant.margin)


def _why_not(mask: NDArray[np.bool_], hu: NDArray[np.int16]) -> str:
    """Return the reason why the mask of a variant, `[slice, y, x]`, cannot be used; empty if it can."""
    if not mask.any():
        return "The mask contains no metal."
    try:
        refuse_unusable(mask, hu)
    except BadInput as refusal:
        return str(refusal)
    return ""
