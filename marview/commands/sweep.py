"""Show how a result depends on the metal mask: the command `sweep`."""

import json
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.table import Column, Table

from marview.commands.metal import FoundMetal, MaskChoice, find_metal
from marview.commands.options import (
    AcrossGaps,
    AsJson,
    Device,
    DryRun,
    Input,
    KMeans,
    MaskFile,
    NewFolder,
    Restore,
    RunDevice,
    Series,
    Settings,
    Slices,
    Threshold,
    method_names,
)
from marview.commands.progress import progress
from marview.commands.series import refuse_gaps, shared_series
from marview.commands.settings import parse_settings
from marview.commands.slices import parse_slices
from marview.dicom import LoadedSeries, open_series
from marview.dicom.atomic import check_place
from marview.dicom.mask_file import read_mask
from marview.errors import BadInput, UsageError
from marview.export.sweep import refuse_sweep, write_sweep
from marview.geometry import Grid
from marview.mar import MarWorker, SharedArray, discover, find_usable
from marview.mar.sweep import SweepInput, sweep_masks
from marview.mar.sweep import sweep as run_sweep
from marview.mar.sweep_measures import Row, measure, region_notes
from marview.mar.sweep_plan import Variant, plan
from marview.terminal import note, say, terminal
from marview.text import count
from marview.volume import Volume


def sweep(
    input_: Input,
    method: Annotated[
        str,
        typer.Option(
            metavar="A,B", help="Methods to run. `marview methods` lists all methods.", autocompletion=method_names
        ),
    ],
    output: NewFolder,
    margins: Annotated[
        str, typer.Option(metavar="MM,MM,...", help="Margins to compare: grow (+) or shrink (-) the metal mask.")
    ] = "",
    margins_px: Annotated[
        str, typer.Option(metavar="N,N,...", help="Margins to compare, in pixels of the 416 x 416 processing grid.")
    ] = "",
    thresholds: Annotated[
        str, typer.Option(metavar="HU,HU,...", help="Thresholds to compare: voxels above a threshold count as metal.")
    ] = "",
    threshold: Threshold = None,
    kmeans: KMeans = None,
    mask: MaskFile = None,
    roi: Annotated[Path | None, typer.Option(metavar="FILE", help="Mask of the region to measure.")] = None,
    truth: Annotated[
        Path | None, typer.Option(metavar="TRUTH", help="Series or volume of the same body without metal.")
    ] = None,
    settings: Settings = None,
    slices: Slices = "",
    device: RunDevice = Device.AUTO,
    across_gaps: AcrossGaps = False,
    restore: Restore = True,
    series: Series = "",
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> int:
    """Compare methods and metal masks in one table, to show how the result depends on the mask.

    The output folder contains the table, a figure, the corrected volume of each variant, and maps of the
    spread between variants. --threshold, --kmeans and --mask define the mask that the margins grow or
    shrink; without these options, marview finds the metal automatically.

    Raises:
        UsageError: no margins or thresholds are given, or a method or one of its parameters is unknown.
        BadInput: a file cannot be read or does not fit the series, or there is no metal.
        MethodFailed: a method failed; nothing is written.
    """
    choice = MaskChoice(threshold_hu=threshold, file=mask, classes=kmeans)
    chosen = tuple(part.strip() for part in method.split(",") if part.strip())
    variants = plan(
        chosen,
        margins_mm=_numbers(margins, "--margins"),
        margins_px=_numbers(margins_px, "--margins-px"),
        thresholds_hu=_numbers(thresholds, "--thresholds"),
    )
    parameters = parse_settings(settings or ())
    check_place(output)
    listings = discover()
    for each in chosen:
        if notice := find_usable(each, listings).notice:
            say(notice)
    with shared_series(input_, series) as shared, MarWorker() as worker, ExitStack() as stack:
        loaded = shared.loaded
        refuse_sweep(output, loaded.volume, len(variants))
        refuse_gaps(loaded, is_across_gaps=across_gaps)
        volume, like = loaded.volume, loaded.nifti
        metal = _reference(loaded, choice, [one.threshold_hu for one in variants if one.threshold_hu is not None])
        region = None if roi is None else read_mask(roi, loaded)
        given = SweepInput(
            hu=shared.hu,
            spacing_mm=volume.grid.stack_mm,
            metal=metal.mask,
            slices=tuple(parse_slices(slices, volume.grid.slice_numbers)),
            region=None if region is None else region.mask,
            truth_hu=None if truth is None else _truth(truth, volume.grid),
            numbers=volume.grid.slice_numbers,
            drift_mm=volume.grid.drift_mm,
        )
        if any(variant.unit == "px" for variant in variants):
            given, volume, like = *_on_processing_grid(given, volume, stack), None
        if dry_run:
            sweep_masks(given, variants)
            for each in chosen:
                worker.check(each, parameters, device.value)
            _print_plan(variants, given, metal, output, as_json=as_json)
            return 0
        with progress("sweep", is_quiet=as_json) as advance:
            result = run_sweep(
                given,
                variants,
                worker,
                parameters=dict.fromkeys(chosen, parameters),
                device=device.value,
                restore_cut_off=restore,
                on_progress=advance,
            )
        files = write_sweep(result, output, volume.grid, volume.hu, like=like)
    rows = measure(result)
    notes = [*metal.notes, *(region.notes if region is not None else ()), *region_notes(result)]
    notes += [f"{name}: {text}" for name, text in result.notes.items()]
    notes += result.equal_mask_notes()
    if as_json:
        record = {"output": str(output), "rows": [_record(row) for row in rows], "notes": notes}
        print(json.dumps(record, indent=2))
        return 0
    terminal().print(_table(rows))
    for each in notes:
        note(each)
    print(f"{output}: {count(len(files), 'file')}, {count(len(result.slices), 'slice')} with metal.")
    return 0


def _print_plan(
    variants: Sequence[Variant], given: SweepInput, metal: FoundMetal, output: Path, *, as_json: bool
) -> None:
    with_metal = sum(1 for index in given.slices if metal.mask[index].any())
    if as_json:
        names = [{"method": one.method, "mask": one.label} for one in variants]
        print(json.dumps({"output": str(output), "variants": names, "slices_with_metal": with_metal}, indent=2))
        return
    for one in variants:
        print(f"{one.method}: {one.label}")
    print(f"{count(len(variants), 'run')} of {count(with_metal, 'slice')} with metal. Nothing was written.")


def _record(row: Row) -> dict[str, Any]:
    """Return a row of the table for JSON, with None for values that were not measured."""
    numbers = {
        "mean_hu": row.mean_hu,
        "deviation_hu": row.deviation_hu,
        "streak_index": row.streak_index,
        "rmse_hu": row.rmse_hu,
    }
    known = {name: None if np.isnan(value) else round(float(value), 4) for name, value in numbers.items()}
    return {
        "method": row.variant.method,
        "mask": row.variant.label,
        "metal_voxels": int(row.metal_voxels),
        **known,
        "seconds": round(row.seconds, 3),
        "note": row.note,
    }


def _reference(loaded: LoadedSeries, choice: MaskChoice, thresholds_hu: Sequence[float]) -> FoundMetal:
    """Find the mask that margins change, as chosen or automatically, otherwise above the lowest threshold."""
    try:
        return find_metal(loaded, choice, "If the series contains metal, add --thresholds HU,HU or --mask FILE.")
    except BadInput:
        if choice != MaskChoice() or not thresholds_hu:
            raise
    lowest = MaskChoice(threshold_hu=min(thresholds_hu))
    return find_metal(
        loaded, lowest, "If the series contains metal, add --thresholds HU,HU with lower values, or --mask FILE."
    )


def _numbers(text: str, option: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",") if part.strip()]
    except ValueError:
        raise UsageError(f"{option} takes numbers separated by commas, such as -1,0,1, not '{text}'.") from None


def _truth(path: Path, grid: Grid) -> NDArray[np.int16]:
    found = open_series(path).volume
    if found.grid.shape != grid.shape or not np.allclose(found.grid.affine, grid.affine, atol=0.05):
        raise BadInput(f"{path} does not match the voxel grid of the series. Use the ground truth of the same scan.")
    return found.hu


def _on_processing_grid(given: SweepInput, volume: Volume, stack: ExitStack) -> tuple[SweepInput, Volume]:
    from marview.evaluation.processing_grid import mask_on_processing_grid, on_processing_grid  # imports PyTorch

    moved = on_processing_grid(volume)
    hu = stack.enter_context(SharedArray.create(moved.hu.shape, np.int16))
    hu.array[:] = moved.hu
    truth, region = given.truth_hu, given.region
    return SweepInput(
        hu=hu,
        spacing_mm=moved.grid.stack_mm,
        metal=mask_on_processing_grid(given.metal, volume.grid),
        slices=given.slices,
        region=None if region is None else mask_on_processing_grid(region, volume.grid),
        truth_hu=None if truth is None else on_processing_grid(Volume(truth, volume.grid)).hu,
        drift_mm=moved.grid.drift_mm,
    ), moved


def _table(rows: Sequence[Row]) -> Table:
    """Make a table with a heading for each method, so that a row fits into 80 columns."""
    table = Table(Column("mask", no_wrap=True), box=SIMPLE_HEAD)
    for title in ("voxels", "mean HU", "SD HU", "streaks", "RMSE HU", "s"):
        table.add_column(title, justify="right")
    method = ""
    for row in rows:
        if row.variant.method != method:
            method = row.variant.method
            table.add_section()
            table.add_row(method, style="bold")
        values = (row.mean_hu, row.deviation_hu, row.streak_index, row.rmse_hu)
        cells = ["not run"] + [""] * 3 if row.note else ["" if np.isnan(value) else f"{value:.2f}" for value in values]
        table.add_row(row.variant.label, str(row.metal_voxels), *cells, f"{row.seconds:.1f}")
    return table
