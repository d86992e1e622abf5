"""Print an ablation of Latent GSI Alignment (Han 2025) on surrogates of spectral CT, with equal training steps.

    python -m benchmarks.gsi_ablation --scenes DIR --output DIR [--steps 200 400] [--rows 3]

`python -m benchmarks.gsi_scenes` makes the scenes. The benchmark trains two autoencoders with the recipe `autoencoder`,
and then an alignment network for each row with the recipe `bundled`, all with the same seed, batches and number of
steps. The held-out scenes are used only for the table. Trained networks stay in the output folder and are not trained
again. The benchmark uses one thread.

Rows compare the result with the surrogate: PSNR, SSIM and RMSE of the slice and of the 20 pixels around metal, the
intersection over union (IoU) of pixels above 2000 HU, and the mean distance of latent codes, where the bundled encoder
encodes both images. *Better than the row before* counts slices with a lower RMSE near metal.
"""

import argparse
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.clock import Clock
from benchmarks.gsi_surrogates import COLUMNS, METAL_HU, METHOD, code_distance, iou, module
from marview.evaluation.tables import markdown_table
from marview.learning.api import Asked
from marview.learning.loop import Training
from marview.learning.machine import Machine
from marview.learning.plan import Plan
from marview.learning.recipe import Recipe, read_recipe
from marview.learning.run_folder import WEIGHTS
from marview.learning.weights import load_weights
from marview.metrics.case import Measures, mean, measure_slice
from marview.worker.loading import made_in

AUTOENCODERS: dict[str, dict[str, Any]] = {
    "vae": {"slices": 1, "altered": 0.0, "gsi": 1.0},
    "ar-vae": {},
}
"""Autoencoders by folder: differences from the recipe `autoencoder`. The plain VAE receives a single unaltered slice,
and its spectral decoder is not trained on clean slices."""

CROP_PX = 96
"""Edge of the crops for all alignment networks, smaller than in the recipe to allow more steps in the same time."""

FAST = {"learning_rate": 1e-3, "warm_up": 50, "gradient_clip": 1.0, "ema": 0.99}
"""Differences of the optimiser from both recipes."""

NO_PRIORS = {"sees_mask": False, "sees_implant": False, "invariant": 0.0}
INVARIANT = 0.14
"""Weight at which the information-invariant loss is 1 % of the image loss before training."""


@dataclass(frozen=True)
class Arm:
    """Row of the ablation.

    Attributes:
        title: name in the table.
        autoencoder: one of `AUTOENCODERS`.
        settings: differences of the alignment network from the recipe `bundled`; None for only the autoencoder.
    """

    title: str
    autoencoder: str
    settings: dict[str, Any] | None

    @property
    def folder(self) -> str:
        """Name of the folder of the training run."""
        return self.autoencoder if self.settings is None else self.title.lower().replace(",", "").replace(" ", "-")


ARMS = (
    Arm("VAE alone", "vae", None),
    Arm("AR-VAE alone", "ar-vae", None),
    Arm("VAE, alignment without priors", "vae", NO_PRIORS),
    Arm("AR-VAE, alignment without priors", "ar-vae", NO_PRIORS),
    Arm("with metal mask", "ar-vae", NO_PRIORS | {"sees_mask": True}),
    Arm("with metal mask and implant type", "ar-vae", {"invariant": 0.0}),
    Arm("with both and the information-invariant loss", "ar-vae", {"invariant": INVARIANT}),
)


@dataclass
class Found:
    """Measurements of a row, slice by slice."""

    measures: list[Measures] = field(default_factory=list)
    ious: list[float] = field(default_factory=list)
    distances: list[float] = field(default_factory=list)

    @property
    def near_hu(self) -> np.ndarray:
        """RMSE near metal of each slice in HU."""
        return np.array([each.ring_rmse_hu for each in self.measures])


def main() -> None:
    """Train missing networks and print the table."""
    torch.set_num_threads(1)
    arguments = _arguments()
    arms = ARMS[: arguments.rows]
    first, second = arguments.steps
    for name, settings in AUTOENCODERS.items():
        train("autoencoder", settings, first, arguments.output / name, arguments.scenes)
    for arm in arms:
        if arm.settings is not None:
            begins_with = arguments.output / arm.autoencoder / WEIGHTS
            settings = AUTOENCODERS[arm.autoencoder] | arm.settings | {"crop_px": CROP_PX}
            train("bundled", settings, second, arguments.output / arm.folder, arguments.scenes, begins_with)
    print(table(measured(arms, arguments.output, arguments.scenes)))


def train(
    size: str, settings: dict[str, Any], steps: int, output: Path, scenes: Path, begins_with: Path | None = None
) -> None:
    """Train a network for all its steps; an interrupted run is resumed.

    Args:
        size: recipe.
        settings: differences from the network settings of the recipe.
        steps: number of training steps.
        output: folder of the run.
        scenes: folder of `benchmarks.gsi_scenes`.
        begins_with: weights of the autoencoder.

    Raises:
        BadInput: the folder contains no scenes, or scenes with too few neighbours.
    """
    recipe = _shortened(read_recipe(METHOD, size), settings, steps)
    trainable, machine = made_in(METHOD, recipe.training), Machine("cpu")
    found = trainable.sources(Asked(scenes, recipe, machine.device))
    plan = Plan("lga", "ablation", trainable, recipe, found.training, found.validation, output, machine, begins_with)
    training = Training(plan, is_resumed=(output / WEIGHTS).is_file())
    if training.step < steps:
        print(f"{output.name}: step {training.step} of {steps}", flush=True)
        training.run(tell=lambda sentence: print(sentence, flush=True))


@torch.inference_mode()
def measured(arms: tuple[Arm, ...], output: Path, scenes: Path) -> dict[str, Found]:
    """Measure the uncorrected slices and all rows on the held-out scenes; arguments are the same as for `train`."""
    kept, distance, clock = module("kept"), code_distance(), Clock()
    networks = {arm.title: network_of(arm, output) for arm in arms}
    found = {title: Found() for title in ("uncorrected", *networks)}
    files = kept.scene_files(scenes, "validation")
    for number, file in enumerate(files):
        for title, each in found.items():
            network = networks.get(title)
            scene = kept.read_scene(file, 1 if network is None else network.settings.slices)
            hu = scene.ordinary_hu[len(scene.ordinary_hu) // 2] if network is None else corrected(network, scene)
            each.measures.append(measure_slice(hu.numpy(), scene.gsi_hu.numpy(), scene.mask.numpy()))
            each.ious.append(iou(hu > METAL_HU, scene.gsi_hu > METAL_HU))
            each.distances.append(distance(hu[None], scene.gsi_hu[None]))
        clock.tell((number + 1) / len(files), "held-out scenes")
    return found


def network_of(arm: Arm, output: Path) -> Any:
    """Return the trained network of a row; without an alignment network, it decodes the unchanged code."""
    weights, about = load_weights(output / arm.folder / WEIGHTS)
    alone = {"adds_change": False} if arm.settings is None else {}
    network = module("network").build({**about.network, **alone}).eval()
    network.load_state_dict(weights)
    return network


def corrected(network: Any, scene: Any) -> Tensor:
    """Return the middle slice of a scene, corrected by a network near metal, HU `[y, x]`."""
    mask, kinds = scene.mask[None], torch.tensor([scene.kind])
    change = module("network").change_hu(network, scene.ordinary_hu[None], mask, kinds)[0]
    near = module("batches").nearness(mask, network.settings.reach_px)[0]
    hu: Tensor = module("method").blended(scene.ordinary_hu[len(scene.ordinary_hu) // 2], change, near)
    return hu


def table(found: dict[str, Found]) -> str:
    """Return the rows as Markdown; each row after the first is compared with the row before."""
    titles = [Measures.__dataclass_fields__[name].metadata["title"] for name in COLUMNS]
    rows, before = [], None
    for title, each in found.items():
        means = [f"{getattr(mean(each.measures), column):.4g}" for column in COLUMNS]
        better = "" if before is None else f"{int((each.near_hu < before).sum())} of {len(each.measures)}"
        rows.append((title, *means, f"{np.mean(each.ious):.3f}", f"{np.mean(each.distances):.4f}", better))
        before = each.near_hu
    return markdown_table(("", *titles, "metal IoU", "distance of codes", "better than the row before"), rows)


def _shortened(recipe: Recipe, settings: dict[str, Any], steps: int) -> Recipe:
    """Return the recipe with other settings and steps, and validation on one batch at the start and the end only.

    The networks start from random weights and have few steps, so they learn faster than in the recipe and without its
    contrast loss.
    """
    run = recipe.run.model_copy(update={"steps": steps, "validate_every": steps, "validation_batches": 1})
    network = recipe.network | {"contrast": 0.0} | settings
    return recipe.model_copy(
        update={"network": network, "optimiser": recipe.optimiser.model_copy(update=FAST), "run": run}
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--steps", nargs=2, type=int, default=[200, 400], help="of an autoencoder and of an alignment")
    parser.add_argument("--rows", type=int, default=len(ARMS), help="number of rows, from the first")
    return parser.parse_args()


if __name__ == "__main__":
    main()
