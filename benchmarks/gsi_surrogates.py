"""Compare Latent GSI Alignment with LI and NMAR on held-out surrogates of spectral CT.

    python -m benchmarks.gsi_surrogates --data DIR [--cases 24] [--seed 1] [--method lga linear_interpolation nmar]

Each case is a held-out slice with simulated metal, scanned as ordinary CT and as a surrogate of spectral CT. Each
method receives the ordinary scan: `lga` its image, the other methods also its sinogram. Their results are compared with
the surrogate outside metal. Metal pixels of all results come from the uncorrected image, as marview restores them. Two
more columns describe each method's own image: the intersection over union (IoU) of pixels above 2000 HU with those of
the surrogate, and the mean distance of latent codes, where the encoder of `lga` encodes both images.
"""

import argparse
import importlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
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
SEED = 7
"""Part of the seed, so that these cases differ from the scenes of training and validation."""

METAL_HU = 2000.0
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
    surrogate, distance = module("surrogate"), code_distance()
    held_out = read_banks(arguments.data).validation
    methods = {name: runner(name) for name in arguments.method}
    measured: dict[str, list[Measures]] = {"uncorrected": [], **{name: [] for name in methods}}
    own: dict[str, list[tuple[float, float]]] = {name: [] for name in measured}
    for number in range(arguments.cases):
        scene = surrogate.draw_scene(held_out, how, (SEED, arguments.seed, number), 1, is_varied=False)
        case, wanted = _case(surrogate, replace(scene, kernel="ram-lak"))
        for name, found in measured.items():
            hu = case.hu if name == "uncorrected" else methods[name](case)
            own[name].append((iou(hu > METAL_HU, wanted > METAL_HU), distance(hu, wanted)))
            hu = torch.where(case.metal, case.hu, hu)
            found.append(measure_slice(hu[0].numpy(), wanted[0].numpy(), case.metal[0].numpy()))
        clock.tell((number + 1) / arguments.cases, "surrogates")
    _print(measured, own)


def runner(name: str) -> Callable[[MarCase], Tensor]:
    """Return a function that corrects a case with a bundled method in this process; HU `[slice, y, x]`."""
    loaded = load_method(bundled_plugins() / name)
    parameters = loaded.parameters({})
    return lambda case: loaded.method.run(case, parameters, TestJob(loaded)).hu


def _case(surrogate: Any, scene: Any) -> tuple[MarCase, Tensor]:
    """Return the ordinary scan of a scene as a case, and the surrogate of its spectral scan, HU `[1, y, x]`."""
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


def iou(one: Tensor, other: Tensor) -> float:
    """Return the intersection over union of two masks."""
    return float((one & other).sum() / (one | other).sum().clamp(min=1))


def module(name: str) -> ModuleType:
    """Import a module of `lga` as a worker does."""
    package = type(made_in(METHOD, "alignment_training:AlignmentTraining")).__module__.rpartition(".")[0]
    return importlib.import_module(f"{package}.{name}")


def code_distance() -> Callable[[Tensor, Tensor], float]:
    """Return a function for the mean absolute difference of `lga`'s codes of two images, HU `[1, y, x]`."""
    method, batches = (module(name) for name in ("method", "batches"))
    network = method.load(TestJob(load_method(METHOD)))

    @torch.no_grad()
    def code(hu: Tensor) -> Tensor:
        found: Tensor = network.code(batches.to_unit(hu)[None].repeat(1, network.settings.slices, 1, 1))
        return found

    return lambda one, other: float((code(one) - code(other)).abs().mean())


def _print(measured: dict[str, list[Measures]], own: dict[str, list[tuple[float, float]]]) -> None:
    titles = [Measures.__dataclass_fields__[name].metadata["title"] for name in COLUMNS]
    rows = []
    before = np.array([each.ring_rmse_hu for each in measured["uncorrected"]])
    for name, found in measured.items():
        better = int((np.array([each.ring_rmse_hu for each in found]) < before).sum())
        means = [f"{getattr(mean(found), column):.4g}" for column in COLUMNS]
        iou, apart = np.mean(own[name], axis=0)
        rows.append((name, *means, f"{better} of {len(found)}", f"{iou:.3f}", f"{apart:.4f}"))
    extra = ("better near metal than uncorrected", "metal IoU", "distance of codes")
    print(markdown_table(("method", *titles, *extra), rows))


if __name__ == "__main__":
    main()
