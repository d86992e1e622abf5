"""Write sweep results: a table, the corrected volume of each variant, spread maps and a figure."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from marview.dicom.atomic import check_place, whole_file, whole_folder
from marview.dicom.encode import MAKER
from marview.errors import UsageError
from marview.export.arrays import DEFLATION, write_nifti
from marview.export.pictures import save_picture
from marview.export.sweep_figure import draw_sweep
from marview.export.tables import write_csv, write_json
from marview.geometry import Grid
from marview.mar.sweep_measures import Row, measure
from marview.mar.sweep_result import SweepResult
from marview.volume import Volume
from marview.volume.window import HuWindow

TABLE_SUFFIX, FIGURE_SUFFIXES = ".csv", (".png", ".pdf")
_DOTS_PER_INCH = 200.0


def refuse_sweep(folder: Path, volume: Volume, variants: int) -> None:
    """Check, before a sweep starts, whether its files can be written.

    Raises:
        CannotWrite: the folder cannot be written, or there is not enough disk space for one series per
            variant.
        UsageError: the folder is not empty, or lies inside the folder of an input series.
    """
    check_place(folder, bytes_needed=variants * volume.hu.nbytes // DEFLATION)


def write_sweep(
    result: SweepResult, folder: Path, grid: Grid, hu: NDArray[np.int16], *, like: Path | None = None
) -> tuple[Path, ...]:
    """Write a sweep to a new or empty folder; if writing fails, partial files are removed.

    `sweep.csv` has one row for the uncorrected slices and one for each variant; `sweep.json` also
    contains the worker's reports. Each `NAME.nii.gz` is the corrected series of a variant.
    `spread_METHOD.nii.gz` is the standard deviation in HU over a method's variants. `sweep.png` shows
    the slice with the most metal and plots of the measures against the margin.

    Args:
        result: result of the sweep.
        folder: output folder.
        grid: grid of the series.
        hu: HU of the series, `[z, y, x]`.
        like: NIfTI file with the same voxels; the new files copy its axis order.

    Raises:
        CannotWrite: the disk is full or read-only.
        UsageError: the folder is not empty.
    """
    index = list(result.slices)
    rows = measure(result)
    names = ["sweep.csv", "sweep.json", "sweep.png"]
    with whole_folder(folder) as part:
        write_csv(part / "sweep.csv", [_record(row) for row in rows])
        numbers = result.numbers.sorted(index)
        record = {"slices": numbers, "rows": [_record(row) for row in rows], "runs": result.reports}
        write_json(part / "sweep.json", record)
        save_picture(draw_sweep(result, rows), part / "sweep.png")
        for name, corrected in result.hu.items():
            if name == "original":
                continue
            volume = hu.copy()
            volume[index] = corrected
            write_nifti(part / f"{name}.nii.gz", volume, grid, like=like)
            names.append(f"{name}.nii.gz")
        for method in result.methods:
            whole = np.zeros(grid.shape, np.float32)
            for k in index:
                whole[k] = result.spread_hu(method, k)
            write_nifti(part / f"spread_{method}.nii.gz", whole, grid, like=like)
            names.append(f"spread_{method}.nii.gz")
    return tuple(folder / name for name in names)


def write_sweep_file(
    path: Path, result: SweepResult, rows: Sequence[Row], *, slice_index: int, window: HuWindow | None = None
) -> Path:
    """Write a sweep's table (.csv), or a figure with one slice, charts and the table (.png, .pdf).

    The arguments after `path` are the same as for `draw_sweep`.

    Raises:
        UsageError: the file has another extension.
        CannotWrite: the disk is full or read-only.
    """
    suffix = path.suffix.lower()
    if suffix == TABLE_SUFFIX:
        return write_csv(path, [_record(row) for row in rows])
    if suffix not in FIGURE_SUFFIXES:
        raise UsageError(f"{path.name} must end in .csv for the table, or in .png or .pdf for the figure.")
    figure = draw_sweep(result, rows, slice_index, window)
    with whole_file(path) as part:
        if suffix == ".png":
            save_picture(figure, part)
        else:
            figure.save(part, format="PDF", resolution=_DOTS_PER_INCH, creator=MAKER)
    return path


def _record(row: Row) -> dict[str, object]:
    variant = row.variant
    values = {
        "mean_hu": row.mean_hu,
        "deviation_hu": row.deviation_hu,
        "streak_index": row.streak_index,
        "rmse_hu": row.rmse_hu,
    }
    return {
        "name": variant.name,
        "method": variant.method,
        "threshold_hu": "" if variant.threshold_hu is None else variant.threshold_hu,
        "margin": variant.margin,
        "unit": variant.unit,
        "metal_voxels": row.metal_voxels,
        **{name: "" if math.isnan(value) else round(value, 4) for name, value in values.items()},
        "seconds": round(row.seconds, 3),
        "note": row.note or row.remark,
    }
