"""How a result depends on the metal mask: the same methods run with masks of other margins and thresholds.

After Yu 2020, Deep Sinogram Completion with Image Prior, Fig. 7, where masks are eroded and dilated by 1 and 2 pixels
of the 416 x 416 grid: `marview.evaluation.processing_grid` brings a series onto it.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from marview.errors import UsageError
from marview.mar import MarWorker, Message, Progress, ReduceRequest, SharedArray
from marview.mar.messages import Device
from marview.metrics.error import rmse_hu
from marview.metrics.region import ring
from marview.metrics.streak import streak_index
from marview.volume.mask import grow_mm, grow_px, refuse_unusable

SOFT_TISSUE_HU = (-100, 200)
"""What counts as soft tissue for the streak index, by the truth, else by the mean of all results."""


@dataclass(frozen=True)
class Variant:
    """A method with one mask.

    Attributes:
        method: identifier of the method; empty for the uncorrected slices.
        margin: by how much the mask is grown (+) or shrunk (-).
        unit: of the margin: mm in space, or px, pixels within the slice.
        threshold_hu: the mask is what exceeds it; None for the mask that was given.
    """

    method: str
    margin: float = 0.0
    unit: Literal["mm", "px"] = "mm"
    threshold_hu: float | None = None

    @property
    def name(self) -> str:
        """Names it among files: `nmar_above_2500_+1mm`.

        >>> Variant("nmar", 1, "mm", 2500).name
        'nmar_above_2500_+1mm'
        """
        if not self.method:
            return "original"
        threshold = "" if self.threshold_hu is None else f"_above_{self.threshold_hu:g}"
        return f"{self.method}{threshold}_{self.margin:+g}{self.unit}"


@dataclass(frozen=True, eq=False)
class SweepInput:
    """What the variants are made of.

    Attributes:
        hu: int16 HU, `[z, y, x]`.
        spacing_mm: distance of neighbouring voxels along (z, y, x).
        metal: the mask that margins are measured from, bool, `[z, y, x]`.
        slices: indices z to look at; those with metal where empty.
        region: where mean and standard deviation are taken, bool, `[z, y, x]`; None for the soft tissue within 20
            pixels of the metal.
        truth_hu: the body without metal, `[z, y, x]`, where it is known.
    """

    hu: SharedArray
    spacing_mm: tuple[float, float, float]
    metal: NDArray[np.bool_]
    slices: tuple[int, ...] = ()
    region: NDArray[np.bool_] | None = None
    truth_hu: NDArray[np.int16] | None = None


@dataclass(frozen=True)
class Row:
    """Measures of a variant over the slices looked at; NaN where there is nothing to measure.

    Attributes:
        variant: which.
        metal_voxels: of its mask, in these slices.
        mean_hu: mean within the region.
        deviation_hu: standard deviation within the region.
        streak_index: mean over the slices of `marview.metrics.streak_index`, around the mask that was given.
        rmse_hu: root mean square error to the truth outside metal, by slice, then averaged.
        seconds: what the run took; 0 where a run with the same mask was used again.
        note: why there is no result; empty where there is one.
    """

    variant: Variant
    metal_voxels: int
    mean_hu: float = math.nan
    deviation_hu: float = math.nan
    streak_index: float = math.nan
    rmse_hu: float = math.nan
    seconds: float = 0.0
    note: str = ""


@dataclass(frozen=True, eq=False)
class SweepResult:
    """Everything a sweep found.

    Attributes:
        slices: indices z of the slices looked at.
        rows: measures, the uncorrected slices first.
        hu: int16 HU of each variant with a result, `[slice, y, x]`, by its name; "original" among them.
        masks: its mask, bool `[slice, y, x]`, by its name.
        spread_hu: standard deviation over a method's variants, float32 `[slice, y, x]`, by method: where it is large,
            the result hangs on the mask.
        reports: what the worker said of each run, by name.
    """

    slices: tuple[int, ...]
    rows: tuple[Row, ...]
    hu: dict[str, NDArray[np.int16]]
    masks: dict[str, NDArray[np.bool_]]
    spread_hu: dict[str, NDArray[np.float32]]
    reports: dict[str, Mapping[str, Any]] = field(default_factory=dict)


def plan(
    methods: Sequence[str],
    *,
    margins_mm: Sequence[float] = (),
    margins_px: Sequence[float] = (),
    thresholds_hu: Sequence[float] = (),
) -> tuple[Variant, ...]:
    """Every method with every margin and threshold; without thresholds, with the mask that is given.

    Raises:
        UsageError: no method, nothing that varies, or a value that is no number.

    Example:
        >>> [variant.name for variant in plan(["nmar"], margins_mm=[-0.5, 1])]
        ['nmar_-0.5mm', 'nmar_+1mm']
    """
    if not all(math.isfinite(value) for value in (*margins_mm, *margins_px, *thresholds_hu)):
        raise UsageError("Margins and thresholds of a sweep are numbers.")
    margins: list[tuple[float, Literal["mm", "px"]]] = [(value, "mm") for value in margins_mm]
    margins += [(value, "px") for value in margins_px]
    variants = dict.fromkeys(
        Variant(method, margin, unit, threshold)
        for method in methods
        for threshold in (thresholds_hu or (None,))
        for margin, unit in (margins or [(0.0, "mm")])
    )
    if len(variants) < 2:
        raise UsageError("A sweep compares at least two variants: give methods, and margins or thresholds to vary.")
    return tuple(variants)


def sweep(
    given: SweepInput,
    variants: Sequence[Variant],
    worker: MarWorker,
    *,
    parameters: Mapping[str, Mapping[str, Any]] | None = None,
    device: Device = "auto",
    on_progress: Callable[[float, str], None] | None = None,
) -> SweepResult:
    """Run every variant and measure it. Variants of a method whose masks are equal are run once.

    Args:
        given: slices, mask, truth.
        variants: of `plan`.
        worker: where methods run.
        parameters: of each method, by its identifier, where they differ from the defaults.
        device: where methods run.
        on_progress: called with the share that is done and what is being done.

    Raises:
        BadInput: the mask cannot be used.
        UsageError: an unknown method, parameter or slice.
        MethodFailed: a method failed.
    """
    refuse_unusable(given.metal, given.hu.array)
    slices = _slices(given)
    index = list(slices)
    masks = {variant: _mask(given, variant, slices) for variant in variants}
    runs = _Runs(given, slices, worker, parameters or {}, device)
    original = Variant("")
    results: dict[Variant, NDArray[np.int16]] = {original: given.hu.array[index]}
    notes: dict[Variant, str] = {}
    tell = on_progress or (lambda _fraction, _text: None)
    for number, variant in enumerate(variants):
        if not masks[variant].any():
            notes[variant] = "No metal is left of the mask."
            continue
        results[variant] = runs.run(variant, masks[variant], partial(_tell, tell, number, len(variants), variant.name))
    tell(1.0, "")
    measures = _Measures(given, slices, [hu for variant, hu in results.items() if variant.method])
    counts = {variant: int(np.count_nonzero(mask)) for variant, mask in masks.items()}
    counts[original] = int(np.count_nonzero(given.metal[index]))
    rows = tuple(
        measures.row(variant, counts[variant], results[variant], runs.seconds.get(variant, 0.0))
        if variant in results
        else Row(variant, 0, note=notes[variant])
        for variant in (original, *variants)
    )
    methods = dict.fromkeys(variant.method for variant in results if variant.method)
    spread = {
        method: _spread([hu for variant, hu in results.items() if variant.method == method]) for method in methods
    }
    return SweepResult(
        slices,
        rows,
        {variant.name: hu for variant, hu in results.items()},
        {variant.name: masks.get(variant, given.metal[index]) for variant in results},
        spread,
        {variant.name: report for variant, report in runs.reports.items()},
    )


def _tell(tell: Callable[[float, str], None], number: int, count: int, name: str, fraction: float) -> None:
    tell((number + fraction) / count, name)


class _Runs:
    """Runs of the worker, kept by method and mask."""

    def __init__(
        self,
        given: SweepInput,
        slices: tuple[int, ...],
        worker: MarWorker,
        parameters: Mapping[str, Mapping[str, Any]],
        device: Device,
    ) -> None:
        self._given, self._slices, self._worker = given, slices, worker
        self._parameters, self._device = parameters, device
        self._known: dict[tuple[str, bytes], NDArray[np.int16]] = {}
        self.seconds: dict[Variant, float] = {}
        self.reports: dict[Variant, Mapping[str, Any]] = {}

    def run(self, variant: Variant, mask: NDArray[np.bool_], tell: Callable[[float], None]) -> NDArray[np.int16]:
        key = (variant.method, np.packbits(mask).tobytes())
        if key not in self._known:
            tell(0.0)
            self._known[key] = self._reduce(variant, mask, tell)
        tell(1.0)
        return self._known[key]

    def _reduce(self, variant: Variant, mask: NDArray[np.bool_], tell: Callable[[float], None]) -> NDArray[np.int16]:
        given, index = self._given, list(self._slices)
        shape = given.hu.array.shape

        def hear(message: Message) -> None:
            if isinstance(message, Progress):
                tell(message.fraction)

        with SharedArray.create(shape, np.bool_) as metal, SharedArray.create(shape, np.float32) as correction:
            metal.array[index] = mask
            request = ReduceRequest(
                method=variant.method,
                hu=given.hu,
                mask=metal,
                spacing_mm=given.spacing_mm,
                correction=correction,
                slices=self._slices,
                parameters=self._parameters.get(variant.method, {}),
                device=self._device,
                keep_outputs=False,
            )
            run = self._worker.reduce(request, hear)
            try:
                report = run.wait().check()
            except KeyboardInterrupt:
                run.cancel()
                raise
            corrected = np.rint(given.hu.array[index] + correction.array[index])
        self.seconds[variant] = float(report["seconds"])
        self.reports[variant] = report
        return np.asarray(np.clip(corrected, -32768, 32767), np.int16)


class _Measures:
    """Measures all variants in the same places: around the mask that was given, whatever their own."""

    def __init__(self, given: SweepInput, slices: tuple[int, ...], results: Sequence[NDArray[np.int16]]) -> None:
        index = list(slices)
        self._metal = given.metal[index]
        self._truth = None if given.truth_hu is None else given.truth_hu[index]
        tissue = self._truth if self._truth is not None else np.mean([given.hu.array[index], *results], axis=0)
        lowest, highest = SOFT_TISSUE_HU
        self._soft = (tissue >= lowest) & (tissue <= highest) & ~self._metal
        near = self._soft & np.stack([ring(metal) for metal in self._metal])
        self._region = near if given.region is None else given.region[index] & ~self._metal

    def row(self, variant: Variant, metal_voxels: int, hu: NDArray[np.int16], seconds: float) -> Row:
        inside = hu[self._region].astype(np.float64)
        streaks = [streak_index(*each) for each in zip(hu, self._metal, self._soft, strict=True)]
        errors = []
        if self._truth is not None:
            errors = [
                rmse_hu(image.astype(np.float32), truth.astype(np.float32), ~metal)
                for image, truth, metal in zip(hu, self._truth, self._metal, strict=True)
            ]
        return Row(
            variant,
            metal_voxels,
            mean_hu=float(inside.mean()) if inside.size else math.nan,
            deviation_hu=float(inside.std(ddof=1)) if inside.size > 1 else math.nan,
            streak_index=_mean(streaks),
            rmse_hu=_mean(errors),
            seconds=seconds,
        )


def _slices(given: SweepInput) -> tuple[int, ...]:
    count = len(given.hu.array)
    wrong = [k for k in given.slices if not 0 <= k < count]
    if wrong:
        raise UsageError(f"There is no slice {wrong[0]}: the series has {count}, counted from 0.")
    chosen = given.slices or tuple(range(count))
    with_metal = tuple(k for k in chosen if given.metal[k].any())
    if not with_metal:
        raise UsageError("None of the chosen slices holds metal: choose others.")
    return with_metal


def _mask(given: SweepInput, variant: Variant, slices: tuple[int, ...]) -> NDArray[np.bool_]:
    """Mask of a variant in the slices looked at."""
    index = list(slices)
    core = given.metal if variant.threshold_hu is None else given.hu.array > variant.threshold_hu
    if variant.margin == 0:
        return core[index]
    if variant.unit == "mm":
        return grow_mm(core, variant.margin, given.spacing_mm)[index]
    return grow_px(core[index], variant.margin)


def _spread(results: Sequence[NDArray[np.int16]]) -> NDArray[np.float32]:
    """Standard deviation over the results; 0 of a single one."""
    total = np.zeros(results[0].shape, np.float64)
    squares = np.zeros_like(total)
    # Differences to the first are small, so that their squares cancel without loss.
    for hu in results:
        difference = hu.astype(np.float64) - results[0]
        total += difference
        squares += difference**2
    count = len(results)
    variance = (squares - total**2 / count) / max(count - 1, 1)
    return np.sqrt(np.maximum(variance, 0)).astype(np.float32)


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return float(np.mean(known)) if known else math.nan
