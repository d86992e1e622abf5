"""See how a result depends on the metal mask: many margins, thresholds and methods, one table."""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from marview.commands.metal import MaskChoice, find_metal
from marview.commands.series import shared_series
from marview.commands.settings import parse_settings
from marview.commands.slices import parse_slices
from marview.dicom import open_series
from marview.dicom.nifti import read_mask
from marview.errors import BadInput, UsageError
from marview.evaluation.sweep import Row, SweepInput, plan, sweep
from marview.evaluation.sweep_files import write_sweep
from marview.geometry import Grid
from marview.mar import MarWorker
from marview.mar.messages import Device


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
) -> int:
    """Sweep the series at `path` and write table, picture, variants and spread to `output`; returns the exit code.

    Args:
        path: folder, zip, DICOM file or NIfTI file.
        output: a folder that is not there yet, or empty.
        methods: identifiers, separated by commas.
        margins: mm, separated by commas.
        margins_px: pixels of the processing grid, separated by commas.
        thresholds: HU, separated by commas.
        mask: NIfTI mask that margins are measured from; found by itself where None.
        region: NIfTI mask of the region to measure in.
        truth: series of the same body without metal.
        settings: NAME=VALUE parameters, the same for all methods.
        slices: A:B.
        device: auto, cpu or cuda.
        series_uid: which series, where `path` holds several.

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
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise UsageError(f"{output} holds something already; say another --output.")
    with shared_series(path, series_uid) as series, MarWorker() as worker:
        volume = series.loaded.volume
        given = SweepInput(
            hu=series.hu,
            spacing_mm=volume.grid.spacing_mm,
            metal=find_metal(series.loaded, MaskChoice(file=mask)).mask,
            slices=tuple(parse_slices(slices, len(volume.hu))),
            region=None if region is None else read_mask(region, volume.grid),
            truth_hu=None if truth is None else _truth(truth, volume.grid),
        )
        console = Console(stderr=True)
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
        files = write_sweep(result, output, volume.grid, volume.hu, like=series.loaded.nifti)
    Console().print(_table(result.rows))
    print(f"{output}: {len(files)} files, {len(result.slices)} slices with metal.")
    return 0


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


def _table(rows: Sequence[Row]) -> Table:
    table = Table("variant", "metal voxels", "mean HU", "SD HU", "streak index", "RMSE HU", "s")
    for row in rows:
        values = (row.mean_hu, row.deviation_hu, row.streak_index, row.rmse_hu)
        cells = (
            [row.note, "", "", ""] if row.note else [("" if np.isnan(value) else f"{value:.2f}") for value in values]
        )
        table.add_row(row.variant.name, str(row.metal_voxels), *cells, f"{row.seconds:.1f}")
    return table
