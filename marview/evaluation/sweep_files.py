"""A sweep as files: table, volumes of the variants, map of the spread, picture."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from marview.evaluation.sweep import Row, SweepResult
from marview.export import whole_folder, write_csv, write_json, write_nifti
from marview.geometry import Grid
from marview.volume.window import HuWindow

WINDOW = HuWindow(450, 50)
"""The window of the field's papers."""

SPREAD_HU = 100.0
"""Spread that is drawn white."""

_OUTLINE = (255, 120, 0)
_TEXT_PX, _GAP_PX = 14, 3
_WIDEST = 8


def write_sweep(
    result: SweepResult, folder: Path, grid: Grid, hu: NDArray[np.int16], *, like: Path | None = None
) -> tuple[Path, ...]:
    """Write a sweep into a folder that is new or empty; it appears whole or not at all.

    `sweep.csv` has a row for the uncorrected slices and each variant, `sweep.json` also what the worker said.
    `NAME.nii.gz` are the series of each variant, `spread_METHOD.nii.gz` the standard deviation over a method's variants
    in HU, `sweep.png` shows the slice with most metal.

    Args:
        result: what was found.
        folder: where to.
        grid: of the series.
        hu: of the series, `[z, y, x]`.
        like: a NIfTI file of the same voxels, whose order of axes the new files take over.

    Raises:
        CannotWrite: the disk is full or read-only.
        UsageError: the folder holds something.
    """
    index = list(result.slices)
    names = ["sweep.csv", "sweep.json", "sweep.png"]
    with whole_folder(folder) as part:
        write_csv(part / "sweep.csv", [_record(row) for row in result.rows])
        write_json(
            part / "sweep.json",
            {"slices": index, "rows": [_record(row) for row in result.rows], "runs": result.reports},
        )
        draw_sweep(result).save(part / "sweep.png")
        for name, corrected in result.hu.items():
            if name == "original":
                continue
            volume = hu.copy()
            volume[index] = corrected
            write_nifti(part / f"{name}.nii.gz", volume, grid, like=like)
            names.append(f"{name}.nii.gz")
        for method, spread in result.spread_hu.items():
            whole = np.zeros(grid.shape, np.float32)
            whole[index] = spread
            write_nifti(part / f"spread_{method}.nii.gz", whole, grid, like=like)
            names.append(f"spread_{method}.nii.gz")
    return tuple(folder / name for name in names)


def draw_sweep(result: SweepResult, slice_index: int | None = None) -> Image.Image:
    """Picture of one slice: for each method the uncorrected slice, its variants and their spread, masks outlined.

    Args:
        result: what was found.
        slice_index: which slice; the one with most metal where None.
    """
    masks = result.masks["original"]
    at = int(masks.sum(axis=(1, 2)).argmax()) if slice_index is None else result.slices.index(slice_index)
    rows = [
        [("original", _picture(result.hu["original"][at], masks[at]))]
        + [
            (row.variant.name, _picture(result.hu[row.variant.name][at], result.masks[row.variant.name][at]))
            for row in result.rows
            if row.variant.method == method and not row.note
        ]
        + [(f"spread, white = {SPREAD_HU:g} HU", _grey(spread[at] * (255 / SPREAD_HU)))]
        for method, spread in result.spread_hu.items()
    ]
    return _tiled([line[start : start + _WIDEST] for line in rows for start in range(0, len(line), _WIDEST)])


def _picture(hu: NDArray[np.int16], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    image = _grey(WINDOW.grey(hu))
    inner = mask.copy()
    inner[1:-1, 1:-1] = mask[1:-1, 1:-1] & mask[:-2, 1:-1] & mask[2:, 1:-1] & mask[1:-1, :-2] & mask[1:-1, 2:]
    image[mask & ~inner] = _OUTLINE
    return image


def _grey(values: NDArray[np.generic]) -> NDArray[np.uint8]:
    levels = np.clip(np.asarray(values, np.float32), 0, 255).astype(np.uint8)
    return np.repeat(levels[..., None], 3, axis=-1)


def _tiled(rows: Sequence[Sequence[tuple[str, NDArray[np.uint8]]]]) -> Image.Image:
    height, width = rows[0][0][1].shape[:2]
    step_y, step_x = height + _TEXT_PX + _GAP_PX, width + _GAP_PX
    canvas = Image.new("RGB", (step_x * max(len(row) for row in rows), step_y * len(rows)))
    pen = ImageDraw.Draw(canvas)
    for y, row in enumerate(rows):
        for x, (title, image) in enumerate(row):
            pen.text((x * step_x + 2, y * step_y + 1), title, fill=(220, 220, 220))
            canvas.paste(Image.fromarray(image), (x * step_x, y * step_y + _TEXT_PX))
    return canvas


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
        "note": row.note,
    }
