"""Make clinical training scenes in files: slices with dense metal as a scanner stores them, beside their truth.

    python -m benchmarks.clinical_scenes --data DIR --output DIR [--training 50] [--validation 4] [--seed 0]

`marview train clinical_completion --data OUTPUT` learns from them. A scene has eight slices of one scanner and takes
some seconds of a CPU core, far more than a training step, so scenes are made once. A second run continues where the
first one stopped.
"""

import argparse
import importlib
from pathlib import Path

from benchmarks.clock import Clock
from marview.worker.loading import made_in

HERE = Path(__file__).resolve().parents[1]


def main() -> None:
    """Make missing scenes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--training", type=int, default=50)
    parser.add_argument("--validation", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    training = made_in(HERE / "plugins" / "clinical_completion", "training:TraceTraining")
    sources = importlib.import_module(f"{type(training).__module__.rpartition('.')[0]}.sources")
    counts = {"validation": arguments.validation, "training": arguments.training}
    sources.make_scenes(arguments.data, arguments.output, counts, arguments.seed, Clock().tell)


if __name__ == "__main__":
    main()
