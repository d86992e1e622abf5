"""Latent GSI Alignment beside LI and NMAR on held-out surrogates of spectral CT.

    python -m benchmarks.gsi_surrogates --data DIR [--cases 24] [--seed 1] [--method lga linear_interpolation nmar]

Every case is a held-out slice with simulated metal, scanned as ordinary CT and as the surrogate of spectral CT. Each
method gets the ordinary scan: `lga` its image, the others also its sinogram. Their results are compared with the
surrogate outside metal. Metal pixels of all results come from the uncorrected image, as marview restores them.
"""

import argparse
import importlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.clock import Clock
from marview.evaluation.tables import markdown_table
from marview.learning.bank import read_banks
from marview.learning.recipe import read_recipe
from marview.methods.api import MarCase
from marview.metrics.case import Measures, mean, measure_slice
from marview.paths import bundled_plugins
from marview.physics.attenuation import mu_to_hu
from marview.testing import TestJob
from marview.worker.loading import load_method, made_in

METHOD = bundled_plugins() / "lga"
COLUMNS = ("psnr_db", "ssim", "rmse_hu", "ring_psnr_db", "ring_ssim", "ring_rmse_hu")


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cases", type=int, default=24)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--method", nargs="+", default=["lga", "linear_interpolation", "nmar"])
    arguments = parser.parse_args()
    clock, how = Clock(), read_recipe(METHOD, "bundled").data
    surrogate = importlib.import_module(
        f"{type(made_in(METHOD, 'alignment_training:AlignmentTraining')).__module__.rpartition('.')[0]}.surrogate"
    )
    held_out = read_banks(arguments.data).validation
    methods = {name: _runner(name) for name in arguments.method}
    measured: dict[str, list[Measures]] = {"uncorrected": [], **{name: [] for name in methods}}
    for number in range(arguments.cases):
        scene = surrogate.draw_scene(held_out, how, (7, arguments.seed, number), 1, is_varied=False)
        case, wanted = _case(surrogate, replace(scene, kernel="ram-lak"))
        for name, found in measured.items():
            hu = case.hu if name == "uncorrected" else methods[name](case)
            hu = torch.where(case.metal, case.hu, hu)
            found.append(measure_slice(hu[0].numpy(), wanted[0].numpy(), case.metal[0].numpy()))
        clock.tell((number + 1) / arguments.cases, "surrogates")
    _print(measured)


def _runner(name: str) -> Callable[[MarCase], Tensor]:
    loaded = load_method(bundled_plugins() / name)
    parameters = loaded.parameters({})
    return lambda case: loaded.method.run(case, parameters, TestJob(loaded)).hu


def _case(surrogate: Any, scene: Any) -> tuple[MarCase, Tensor]:
    """The ordinary scan of a scene as a case, and the surrogate of its spectral scan, HU `[1, y, x]`."""
    ordinary, spectral = surrogate.both_scans(scene, torch.device("cpu"))
    case = MarCase(
        hu=mu_to_hu(ordinary.image),
        metal=ordinary.metal,
        pixel_mm=ordinary.projector.pixel_mm,
        beam=ordinary.projector.beam,
        slice_indices=[0],
        measured_sinogram=ordinary.sinogram,
        measured_trace=ordinary.trace,
    )
    return case, mu_to_hu(spectral.image)


def _print(measured: dict[str, list[Measures]]) -> None:
    titles = [Measures.__dataclass_fields__[name].metadata["title"] for name in COLUMNS]
    rows = []
    before = np.array([each.ring_rmse_hu for each in measured["uncorrected"]])
    for name, found in measured.items():
        better = int((np.array([each.ring_rmse_hu for each in found]) < before).sum())
        means = [f"{getattr(mean(found), column):.4g}" for column in COLUMNS]
        rows.append((name, *means, f"{better} of {len(found)}"))
    print(markdown_table(("method", *titles, "near metal better than uncorrected"), rows))


if __name__ == "__main__":
    main()
