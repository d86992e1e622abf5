"""Measure the effect of metal masks that are too small or too large, as in Fig. 7 of Yu 2021.

    marview demo --no-window
    python -m benchmarks.mask_margin DEMO_FOLDER ../shared/data/real_metal/femoral_nail.nii.gz --output FIGURES

The masks of a simulated hip and a real femoral nail are eroded and dilated by 1 and 2 pixels of the 416 x 416
processing grid. The mask of the hip is its true metal; the mask of the nail is found by marview. Slices are spread
evenly over those with at least ten metal pixels.
"""

import argparse
import math
import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.exit_code import exit_code
from marview.commands.metal import MaskChoice, find_metal
from marview.commands.series import shared_series
from marview.dicom import open_series
from marview.dicom.mask_file import read_mask
from marview.evaluation.processing_grid import mask_on_processing_grid, on_processing_grid
from marview.export.sweep_figure import draw_sweep
from marview.mar import MarWorker, SharedArray
from marview.mar.sweep import SweepInput, sweep
from marview.mar.sweep_measures import Row, measure
from marview.mar.sweep_plan import plan
from marview.volume import Volume

METHODS = {"linear_interpolation": "LI", "nmar": "NMAR"}
MARGINS_PX = (-2.0, -1.0, 0.0, 1.0, 2.0)
FEWEST_METAL_PX = 10


def main() -> int:
    """Run the benchmark; return 0, or the exit code of the error that stops it."""
    return exit_code(lambda: _report(_arguments()))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("hip", type=Path, help="folder of the demo study, which contains study, truth and metal.nii.gz")
    parser.add_argument("nail", type=Path, help="femoral_nail.nii.gz")
    parser.add_argument("--slices", type=int, default=10, help="of each series")
    parser.add_argument("--output", type=Path, required=True, help="folder for the figures")
    return parser.parse_args()


def _report(chosen: argparse.Namespace) -> None:
    """Print the tables and draw the figures."""
    studies = {
        "hip": (chosen.hip / "study", MaskChoice(file=chosen.hip / "metal.nii.gz"), chosen.hip / "truth"),
        "nail": (chosen.nail, MaskChoice(), None),
    }
    for name, (path, mask, truth) in studies.items():
        _study(name, path, mask, truth, chosen.slices, chosen.output / f"mask_margin_{name}.png")


def _study(name: str, path: Path, mask: MaskChoice, truth: Path | None, count: int, figure: Path) -> None:
    with shared_series(path) as series, MarWorker() as worker, ExitStack() as stack:
        volume = series.loaded.volume
        metal = find_metal(series.loaded, mask).mask if mask.file is None else read_mask(mask.file, series.loaded).mask
        moved = on_processing_grid(volume)
        hu = stack.enter_context(SharedArray.create(moved.hu.shape, np.int16))
        hu.array[:] = moved.hu
        given = SweepInput(
            hu=hu,
            spacing_mm=moved.grid.spacing_mm,
            metal=mask_on_processing_grid(metal, volume.grid),
            numbers=volume.grid.slice_numbers,
        )
        if truth is not None:
            known = Volume(open_series(truth).volume.hu, volume.grid)
            given = replace(given, truth_hu=on_processing_grid(known).hu)
        with_metal = np.flatnonzero(given.metal.sum(axis=(1, 2)) >= FEWEST_METAL_PX)
        places = np.unique(np.linspace(0, len(with_metal) - 1, count).round().astype(int))
        given = replace(given, slices=tuple(int(k) for k in with_metal[places]))
        result = sweep(given, plan(list(METHODS), margins_px=MARGINS_PX), worker)
        rows = measure(result)
        print(
            f"\n**{name}**: slices {', '.join(map(str, result.numbers.sorted(result.slices)))} of {len(hu.array)}, ",
            end="",
        )
        print(f"pixels of {moved.grid.spacing_mm[1]:.2f} mm\n")
        _print(rows, has_truth=truth is not None)
        figure.parent.mkdir(parents=True, exist_ok=True)
        draw_sweep(result, rows, has_table=False).quantize(128).save(figure, optimize=True)


def _print(rows: tuple[Row, ...], *, has_truth: bool) -> None:
    titles = ["mask", "metal pixels", "mean HU near metal", "SD HU near metal", "streak index"]
    titles += ["RMSE HU"] if has_truth else []
    print("| " + " | ".join(titles) + " |")
    print("|---" * len(titles) + "|")
    for row in rows:
        method = METHODS.get(row.variant.method, "")
        cells = [f"{method} {row.variant.label}".strip(), str(row.metal_voxels)]
        values = [(row.mean_hu, 1), (row.deviation_hu, 1), (row.streak_index, 2), (row.rmse_hu, 1)]
        cells += ["" if math.isnan(value) else f"{value:.{digits}f}" for value, digits in values[: len(titles) - 2]]
        print("| " + " | ".join(cells) + " |")


if __name__ == "__main__":
    sys.exit(main())
