"""See how a result depends on the metal mask: many margins, thresholds and methods, one table."""

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.progress import Progress
from rich.table import Column, Table

from marview.commands.metal import FoundMetal, MaskChoice, find_metal
from marview.commands.series import refuse_gaps, say, shared_series
from marview.commands.settings import parse_settings
from marview.commands.slices import parse_slices
from marview.dicom import LoadedSeries, open_series
from marview.dicom.atomic import check_place
from marview.dicom.mask_file import read_mask
from marview.errors import BadInput, UsageError
from marview.evaluation.processing_grid import mask_on_processing_grid, on_processing_grid
from marview.export.sweep import refuse_sweep, write_sweep
from marview.geometry import Grid
from marview.mar import MarWorker, SharedArray, discover, find_usable
from marview.mar.messages import Device
from marview.mar.sweep import SweepInput, plan, sweep
from marview.mar.sweep_measures import Row, measure, region_notes
from marview.terminal import terminal
from marview.text import count
from marview.volume import Volume


def sweep_series(
    path: Path,
    output: Path,
    *,
    methods: str,
    margins: str = "",
    margins_px: str = "",
    thresholds: str = "",
    mask: Path | None = None,
    region: Path | None = None,
    truth: Path | None = None,
    settings: Sequence[str] = (),
    slices: str = "",
    device: str = "auto",
    series_uid: str = "",
    is_across_gaps: bool = False,
) -> int:
    """Sweep the series at `path` and write table, picture, variants and spread to `output`; returns the exit code.

    Args:
        path: folder, zip, DICOM file or NIfTI file.
        output: a folder that is not there yet, or empty.
        methods: identifiers, separated by commas.
        margins: mm, separated by commas.
        margins_px: pixels of the 416 x 416 grid that methods work on, separated by commas; the series is brought onto
            it first.
        thresholds: HU, separated by commas.
        mask: file of a mask that margins are measured from and streaks around; where None it is found by itself, and
            is what exceeds the lowest threshold where nothing is found.
        region: mask of the region to measure in.
        truth: series of the same body without metal.
        settings: NAME=VALUE parameters, the same for all methods.
        slices: A-B, as the window counts.
        device: auto, cpu or cuda.
        series_uid: which series, where `path` holds several.
        is_across_gaps: whether to go over missing slices.

    Raises:
        UsageError: lists that make no sweep, an unknown method, a parameter it does not have.
        BadInput: a file cannot be read or does not fit the series, or there is no metal.
        MethodFailed: a method failed; nothing is written.
    """
    chosen = tuple(part.strip() for part in methods.split(",") if part.strip())
    variants = plan(
        chosen,
        margins_mm=_numbers(margins, "--margins"),
        margins_px=_numbers(margins_px, "--margins-px"),
        thresholds_hu=_numbers(thresholds, "--thresholds"),
    )
    parameters = parse_settings(settings)
    check_place(output)
    listings = discover()
    for method in chosen:
        if notice := find_usable(method, listings).notice:
            say(notice)
    with shared_series(path, series_uid) as series, MarWorker() as worker, ExitStack() as stack:
        refuse_sweep(output, series.loaded.volume, len(variants))
        refuse_gaps(series.loaded, is_across_gaps=is_across_gaps)
        volume, like = series.loaded.volume, series.loaded.nifti
        metal = _reference(series.loaded, mask, [one.threshold_hu for one in variants if one.threshold_hu is not None])
        roi = None if region is None else read_mask(region, series.loaded)
        given = SweepInput(
            hu=series.hu,
            spacing_mm=volume.grid.stack_mm,
            metal=metal.mask,
            slices=tuple(parse_slices(slices, volume.grid.slice_numbers)),
            region=None if roi is None else roi.mask,
            truth_hu=None if truth is None else _truth(truth, volume.grid),
            numbers=volume.grid.slice_numbers,
            drift_mm=volume.grid.drift_mm,
        )
        if any(variant.unit == "px" for variant in variants):
            given, volume, like = *_on_processing_grid(given, volume, stack), None
        console = terminal(is_error=True)
        with Progress(console=console, disable=not console.is_terminal) as bar:
            task = bar.add_task("sweep", total=1.0)
            result = sweep(
                given,
                variants,
                worker,
                parameters=dict.fromkeys(chosen, parameters),
                device=cast("Device", device),
                on_progress=lambda done, text: bar.update(task, completed=done, description=text or "done"),
            )
        files = write_sweep(result, output, volume.grid, volume.hu, like=like)
    terminal().print(_table(measure(result)))
    notes = [*metal.notes, *(roi.notes if roi is not None else ()), *region_notes(result)]
    notes += [f"{name}: {note}" for name, note in result.notes.items()]
    for note in (*notes, *result.equal_mask_notes()):
        print(f"Note: {note}", file=sys.stderr)
    print(f"{output}: {count(len(files), 'file')}, {count(len(result.slices), 'slice')} with metal.")
    return 0


def _reference(loaded: LoadedSeries, mask: Path | None, thresholds_hu: Sequence[float]) -> FoundMetal:
    """The mask that margins are measured from: the file's, else what is found, else what exceeds some threshold."""
    try:
        return find_metal(loaded, MaskChoice(file=mask), "Say --thresholds HU,HU or --mask FILE if there is some.")
    except BadInput:
        if mask is not None or not thresholds_hu:
            raise
    return find_metal(loaded, MaskChoice(threshold_hu=min(thresholds_hu)), "Say lower --thresholds, or --mask FILE.")


def _numbers(text: str, option: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",") if part.strip()]
    except ValueError:
        raise UsageError(f"{option} takes numbers separated by commas, such as -1,0,1, not '{text}'.") from None


def _truth(path: Path, grid: Grid) -> NDArray[np.int16]:
    found = open_series(path).volume
    if found.grid.shape != grid.shape or not np.allclose(found.grid.affine, grid.affine, atol=0.05):
        raise BadInput(f"{path} does not lie on the voxels of the series: give the truth of the same scan.")
    return found.hu


def _on_processing_grid(given: SweepInput, volume: Volume, stack: ExitStack) -> tuple[SweepInput, Volume]:
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
    """A heading for each method, so that a row fits into 80 columns."""
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
