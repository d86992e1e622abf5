"""Ablations of deep sinogram completion (Yu 2021, Table II), with equal numbers of training steps.

    python -m benchmarks.ablations --output DIR [--steps 500 300] [--slices 10 30 50 70] [--shapes 0 2 4 6 8]

The benchmark first trains two PriorNets with the recipe `cpu`, one on both images and one on only the uncorrected
image. It then trains a SinoNet for each row with the recipe `cpu_sinogram`, all with the same seeds and the same
simulated slices. The table gives the PSNR, the RMSE in HU, the fraction of the gap in mean squared error between NMAR
and the FBP ceiling that each row closes, and the paper's RMSE. Trained networks stay in DIR and are not trained again.
With these steps, one thread takes a quarter of an hour on an idle core. Reads ../shared/data.
"""

import argparse
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.prior_bounds import FileJob, cases
from marview.evaluation.tables import markdown_table
from marview.learning.api import Pairs
from marview.learning.bank import read_banks
from marview.learning.loop import Training
from marview.learning.machine import Machine
from marview.learning.pairs import SimulatedPairs, ValidationPairs
from marview.learning.plan import Plan
from marview.learning.recipe import read_recipe
from marview.learning.run_folder import WEIGHTS
from marview.metrics import PRIMARY, rmse_hu
from marview.physics.attenuation import mu_to_hu
from marview.worker.loading import load_method, made_in

HERE = Path(__file__).resolve().parents[1]
DATA = HERE.parent / "shared" / "data" / "metal_free"
METHOD = "deep_sinogram_completion"
FOLDER = HERE / "plugins" / METHOD

PRIORS: dict[str, dict[str, Any]] = {
    "prior": {},
    "prior-metal": {"prior_input": "metal", "prior_start": "li"},
}
"""PriorNets by folder: differences from the recipe `cpu`. The second one changes the uncorrected image."""

ROWS: dict[str, tuple[str, dict[str, Any]]] = {
    "no prior": ("", {"prior": "none"}),
    "tissue processing": ("prior", {"prior": "tissue"}),
    "no residual": ("prior", {"is_residual": False}),
    "metal image only": ("prior-metal", PRIORS["prior-metal"]),
    "full, from LI": ("prior", {"start": "li"}),
    "full, from the joined prior": ("prior", {}),
}
"""SinoNets by title: their PriorNet, and differences from the recipe `cpu_sinogram`."""

PUBLISHED = {
    "LI": "50.31",
    "NMAR": "47.03",
    "no prior": "43.65",
    "tissue processing": "35.64",
    "no residual": "31.86",
    "metal image only": "31.60",
    "full, from LI": "31.15",
}


def main() -> None:
    """Train missing networks and print the table."""
    torch.set_num_threads(1)
    arguments = _arguments()
    slices = Slices(Machine("cpu"))
    of_prior, of_sinogram = arguments.steps
    for name, settings in PRIORS.items():
        train("cpu", settings, of_prior, arguments.output / name, slices)
    for title, (prior, settings) in ROWS.items():
        begins_with = arguments.output / prior / WEIGHTS if prior else None
        train("cpu_sinogram", settings, of_sinogram, arguments.output / _folder(title), slices, begins_with)
    print(table(measured(arguments.output, arguments.slices, arguments.shapes)))


class Slices:
    """The same simulated slices for every network, in random batches of four."""

    def __init__(self, machine: Machine, count: int = 30) -> None:
        """Prepare at most `count` batches; simulation starts on use."""
        recipe = read_recipe(FOLDER, "cpu")
        banks = read_banks(DATA, lambda _: None)
        self._seed, self._count, self.machine = recipe.run.seed, count, machine
        self._simulated = SimulatedPairs.of(banks.training, recipe.data, machine.device, self._seed)
        self._batches: dict[int, Pairs] = {}
        self.validation = ValidationPairs(banks.validation, recipe.data, machine.device, self._seed)

    def __call__(self, number: int) -> Pairs:
        """Return the batch for a step."""
        chosen = int(np.random.default_rng((self._seed, number)).integers(self._count))
        if chosen not in self._batches:
            self._batches[chosen] = self._simulated(chosen)
        return self._batches[chosen]


def train(
    size: str, settings: dict[str, Any], steps: int, output: Path, slices: Slices, begins_with: Path | None = None
) -> None:
    """Train a network until all steps are done, resuming earlier training."""
    recipe = read_recipe(FOLDER, size)
    run = recipe.run.model_copy(update={"steps": steps, "validate_every": steps, "validation_batches": 1})
    recipe = recipe.model_copy(update={"network": recipe.network | settings, "run": run})
    trainable = made_in(FOLDER, recipe.training)
    plan = Plan(METHOD, "ablation", trainable, recipe, slices, slices.validation, output, slices.machine, begins_with)
    is_resumed = (output / WEIGHTS).is_file()
    training = Training(plan, is_resumed=is_resumed)
    if training.step < steps:
        print(f"{output.name}: step {training.step} of {steps}", flush=True)
        training.run(tell=lambda sentence: print(sentence, flush=True))


@torch.inference_mode()
def measured(output: Path, slices: list[int], shapes: list[int]) -> dict[str, list[tuple[float, float]]]:
    """Return the mean squared error of the primary metric and the RMSE in HU of every case, by row."""
    nmar, method = (load_method(HERE / "plugins" / name) for name in ("nmar", METHOD))
    trained = {"no SinoNet, interpolation": "prior"} | {title: _folder(title) for title in ROWS}
    jobs = {title: FileJob(output / name / WEIGHTS) for title, name in trained.items()}
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for _, known in cases(slices, shapes):
        case, truth, metal = known.case, known.truth_hu[0], known.metal[0]
        assert known.metal_free_sinogram is not None
        images = {
            "LI": mu_to_hu(case.li_mu),
            "NMAR": nmar.method.run(case, nmar.parameters({}), FileJob()).hu,
            **{title: method.method.run(case, method.parameters({}), job).hu for title, job in jobs.items()},
            "FBP ceiling": mu_to_hu(case.projector.fbp(torch.from_numpy(known.metal_free_sinogram))),
        }
        for title, hu in images.items():
            image = hu[0].numpy()
            error = float(np.mean(((PRIMARY.scale(image) - PRIMARY.scale(truth)) * ~metal) ** 2))
            found[title].append((error, rmse_hu(image, truth, ~metal)))
    return found


def table(found: dict[str, list[tuple[float, float]]]) -> str:
    """Return the rows as a table, with the values of the paper."""
    errors = {title: np.mean([error for error, _ in each]) for title, each in found.items()}
    lines = []
    for title, each in found.items():
        psnr_db, rmse = np.mean([(-10 * np.log10(error), rmse) for error, rmse in each], axis=0)
        share = (errors["NMAR"] - errors[title]) / (errors["NMAR"] - errors["FBP ceiling"])
        lines.append([title, f"{psnr_db:.2f}", f"{rmse:.1f}", f"{share:+.0%}", PUBLISHED.get(title, "")])
    return markdown_table(["row", "PSNR dB", "RMSE HU", "closed", "RMSE HU in the paper"], lines)


def _folder(title: str) -> str:
    return title.replace(",", "").replace(" ", "-")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--steps", nargs=2, type=int, default=[500, 300], help="of a PriorNet and of a SinoNet")
    parser.add_argument("--slices", nargs="+", type=int, default=[10, 30, 50, 70])
    parser.add_argument("--shapes", nargs="+", type=int, default=[0, 2, 4, 6, 8])
    return parser.parse_args()


if __name__ == "__main__":
    main()
