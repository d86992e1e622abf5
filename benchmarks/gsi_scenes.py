"""Create training scenes for Latent GSI Alignment: ordinary and surrogate spectral slices at one position.

    python -m benchmarks.gsi_scenes --data DIR --output DIR [--training 300] [--validation 24] [--seed 0]

`marview train lga --data OUTPUT` learns from them. Making a scene takes longer than training on it, so scenes are made
once. After an interruption, the same command makes the missing scenes.
"""

import argparse
import importlib
from pathlib import Path

from benchmarks.clock import Clock
from marview.learning.recipe import read_recipe
from marview.worker.loading import made_in

METHOD = Path(__file__).resolve().parents[1] / "plugins" / "lga"


def main() -> None:
    """Make the missing scenes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--training", type=int, default=300)
    parser.add_argument("--validation", type=int, default=24)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--size", default="bundled", help="recipe with the data settings of the scenes")
    arguments = parser.parse_args()
    recipe = read_recipe(METHOD, arguments.size)
    training = made_in(METHOD, recipe.training)
    sources = importlib.import_module(f"{type(training).__module__.rpartition('.')[0]}.sources")
    counts = {"validation": arguments.validation, "training": arguments.training}
    slices = int(recipe.network["slices"])
    where = arguments.data, arguments.output
    sources.make_scenes(*where, recipe.data, slices, counts, arguments.seed, Clock().tell)


if __name__ == "__main__":
    main()
