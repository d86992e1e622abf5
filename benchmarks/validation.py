"""Measure methods with known truth, on 80 validation slices with 10 shapes of metal each.

    python -m benchmarks.validation --output DIR [--slices 80] [--protocol syndeeplesion-640] [--mismatched]
        [--method nmar ...] [--set METHOD.NAME=VALUE ...]

The script reads ../shared/data, simulates each slice with ten shapes as large as those of the public test set, runs the
methods in a worker, and prints the tables of docs/results/known-truth.md. Measurements are stored in DIR: after a stop
the same command continues, and with more slices it measures only the new ones. A case (ten shapes in a slice) took 45 s
on two busy cores with either protocol, and 0.5 GB of memory.
"""

import argparse
import itertools
import sys
from pathlib import Path

from benchmarks.clock import Clock
from marview.commands.settings import parse_settings_by_method
from marview.errors import MarviewError
from marview.evaluation.benchmark import run_benchmark
from marview.evaluation.case_set import list_cases
from marview.evaluation.methods import WorkerMethods
from marview.evaluation.results import Results
from marview.evaluation.tables import markdown
from marview.physics import MISMATCHED, protocol

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
PUBLIC_DB = {"input": 29.8, "linear_interpolation": 38.2, "nmar": 39.4, "fbp_ceiling": 43.8}
ORDER = ["input", "linear_interpolation", "nmar"]


def main() -> int:
    """Run the benchmark and print the report; return 0, or the exit code of the error that stopped it."""
    try:
        return report(measured(_arguments()))
    except MarviewError as reason:
        print(reason, file=sys.stderr)
        return reason.exit_code


def measured(arguments: argparse.Namespace) -> Results:
    """Measure the cases that are missing in the output folder.

    Raises:
        MarviewError: the cases cannot be read, a method is unknown or not trained, or the folder cannot be written.
    """
    scan = protocol(arguments.protocol)
    masks = DATA / "metal_masks" / "blobs_256.npz"
    scanner = MISMATCHED if arguments.mismatched else None
    everything = list_cases(DATA / "metal_free" / "validation.tif", scan, masks=masks, scanner=scanner)
    cases = everything[:: max(1, len(everything) // arguments.slices)][: arguments.slices]
    output = arguments.output / (f"{scan.name}-mismatched" if arguments.mismatched else scan.name)
    with WorkerMethods() as methods:
        given = parse_settings_by_method(arguments.set, arguments.method)
        entries = [methods.entry(each, given.get(each)) for each in arguments.method]
        return run_benchmark(
            scan.name, cases, entries, output, source=str(DATA), correct=methods, on_progress=Clock().tell
        )


def report(results: Results) -> int:
    """Print the tables and the reason for each missing result.

    Returns:
        Exit code: 1 if a result is missing, or if the methods are not in the expected order.
    """
    print(markdown(results))
    print(distances(results))
    ordered = [row.title for row in map(results.row, ORDER) if row is not None]
    wrong = disorder(results)
    if wrong or len(ordered) > 1:
        print("\n".join(wrong) or f"{' < '.join(ordered)} on average and in at least four of five groups.")
    for sentence in results.failures:  # repeated, because the published tables scroll the list off the screen
        print(f"Without a result: {sentence}", file=sys.stderr)
    return 1 if wrong or results.failures else 0


def distances(results: Results) -> str:
    """Return a table of the differences between rows, here and on the public files."""
    measured = {each: record["psnr_db"] for each, record in results.record()["methods"].items()}
    known = [each for each in PUBLIC_DB if each in measured]
    lines = ["| step | here dB | public files dB | difference |", "| --- | ---: | ---: | ---: |"]
    for below, above in itertools.pairwise(known):
        here, there = measured[above] - measured[below], PUBLIC_DB[above] - PUBLIC_DB[below]
        lines.append(f"| {below} to {above} | {here:.2f} | {there:.2f} | {here - there:+.2f} |")
    return "\n".join(lines)


def disorder(results: Results) -> list[str]:
    """Return a message for each method that is not better than the one before."""
    sentences = []
    rows = [row for row in map(results.row, ORDER) if row is not None]
    for below, above in itertools.pairwise(rows):
        low, high = (results.record()["methods"][row.id]["psnr_db"] for row in (below, above))
        if low >= high:
            sentences.append(f"On average {below.title} ({low:.2f} dB) is not below {above.title} ({high:.2f} dB).")
        pairs = zip(results.group_measures(below), results.group_measures(above), strict=True)
        right = sum(first.psnr_db < second.psnr_db for first, second in pairs)
        if right < 4:
            sentences.append(f"Only in {right} of five groups {below.title} is below {above.title}.")
    return sentences


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--slices", type=int, default=80)
    parser.add_argument("--protocol", default="syndeeplesion-640")
    parser.add_argument("--mismatched", action="store_true", help="finer rays, detector blur and a harder beam")
    parser.add_argument("--method", nargs="+", default=ORDER[1:])
    parser.add_argument("--set", nargs="+", default=[], help="parameters of the methods, METHOD.NAME=VALUE")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
