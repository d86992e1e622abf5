"""Create files of clinical training scenes: slices with dense metal as stored by a scanner, and the ground truth.

    python -m benchmarks.clinical_scenes --data DIR --output DIR [--training 50] [--validation 4] [--seed 0]

`marview train clinical_completion --data OUTPUT` uses them. A scene has eight slices from one scanner. Simulating it
takes about 20 seconds on a CPU core, far longer than a training step, so scenes are simulated only once. After an
interruption, the same command makes the missing scenes.
"""

import argparse
import importlib
from pathlib import Path

from benchmarks.clock import Clock
from marview.worker.loading import made_in

HERE = Path(__file__).resolve().parents[1]


def main() -> None:
    """Make the missing scenes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--training", type=int, default=50)
    parser.add_argument("--validation", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    training = made_in(HERE / "plugins" / "clinical_completion", "training:PriorTraining")
    sources = importlib.import_module(f"{type(training).__module__.rpartition('.')[0]}.sources")
    counts = {"validation": arguments.validation, "training": arguments.training}
    sources.make_scenes(arguments.data, arguments.output, counts, arguments.seed, Clock().tell)


if __name__ == "__main__":
    main()
