"""Compare learned methods with LI, NMAR and the FBP ceiling on known truth, demo studies and real metal.

    python -m benchmarks.learned --output DIR [--part validation dudonet head clinical demo real] [--slices 80]

By default all methods with learned weights are measured; `--method` selects others. LI and NMAR are always measured.
Measurements are stored in DIR, so that the same command continues after an interruption, and repeats only methods whose
weights have changed.

- validation: validation slices with ten shapes of metal each in `syndeeplesion-640`, beside published rows; the column
*to ceiling* is the closed fraction of the mean squared error between NMAR and the FBP ceiling.
- dudonet: the same slices in the protocol of DuDoNet's own table, `dudonet-320`.
- head: the Shepp-Logan head with the same ten shapes. No network was trained on such images (as in Yu 2021, Fig. 5).
- clinical: validation slices with steel or gold in `dudonet-640`, corrected as clinical images: RMSE in the 20-pixel
ring, compared with LI case by case.
- demo: the hip and dental demo studies, corrected as clinical images: RMSE in the 20-pixel ring, compared with NMAR.
- real: sternal wires and femoral nail, without known truth: streak index, consistency error, preserved bone, and a
figure of the worst slice. It shows the original and the result of each method, the changes, and the difference between
the projections of result and original outside the metal trace.

Reads ../shared/data. With `--every N`, only every Nth slice of the studies is measured, for a quick look.
"""

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_fill_holes
from skimage.data import shepp_logan_phantom

from benchmarks.clock import Clock
from benchmarks.exit_code import exit_code
from marview.commands.metal import MaskChoice, find_metal
from marview.commands.series import shared_series
from marview.evaluation import boards
from marview.evaluation.benchmark import run_benchmark
from marview.evaluation.case_set import list_cases
from marview.evaluation.clinical_cases import list_clinical
from marview.evaluation.demo_cases import list_demo
from marview.evaluation.front_end_methods import FrontEndMethods
from marview.evaluation.methods import WorkerMethods
from marview.evaluation.real_metal import RealScan, draw, measure
from marview.evaluation.results import Results
from marview.evaluation.tables import markdown, markdown_table, published_table
from marview.evaluation.taking_part import CLASSICAL, LEARNED, expand
from marview.geometry import SliceNumbers
from marview.mar import discover
from marview.physics import protocol
from marview.slices.clean import list_clean
from marview.slices.shapes import read_shapes, shapes_of_sizes

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
PARTS = ("validation", "dudonet", "head", "clinical", "demo", "real")
PROTOCOLS = {"validation": "syndeeplesion-640", "dudonet": "dudonet-320"}
CLEAN = DATA / "metal_free" / "validation.tif"
HEAD_HU = ((0.0, 5.0), (0.1, 20.0), (0.2, 35.0), (0.3, 50.0), (0.4, 65.0), (1.0, 1000.0))
"""HU of the Shepp-Logan head: ventricles, brain, tumours and skull."""
STUDIES = ("hip", "dental")
SERIES = ("sternal_wires", "femoral_nail.nii.gz")
TARGET = 0.25
WORST = 0.05


def main() -> int:
    """Run the benchmark; return 0, or the exit code of the error that stops it."""
    return exit_code(lambda: _report(_arguments()))


def _report(arguments: argparse.Namespace) -> None:
    """Print the tables of the chosen parts."""
    methods = expand([*CLASSICAL, *arguments.method], discover())
    for part in arguments.part:
        if part in PROTOCOLS:
            known_truth(PROTOCOLS[part], CLEAN, methods, arguments.slices, arguments.output)
        elif part == "head":
            path = arguments.output / "head" / "shepp_logan.npy"
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(path, head_hu()[None])
            known_truth(PROTOCOLS["validation"], path, methods, 1, path.parent)
        elif part == "clinical":
            clinical(methods, arguments.slices, arguments.output)
        elif part == "demo":
            demo(methods, arguments.every, arguments.output)
        else:
            real(methods, arguments.every, arguments.output)


def head_hu() -> NDArray[np.float32]:
    """Return the Shepp-Logan head in HU, `[y, x]`."""
    values = np.asarray(shepp_logan_phantom())  # type: ignore[no-untyped-call]
    is_head = binary_fill_holes(values > 0.9)
    hu = np.interp(values, [grey for grey, _ in HEAD_HU], [hu for _, hu in HEAD_HU])
    return np.where(is_head, hu, -1000).astype(np.float32)


def known_truth(name: str, clean: Path, methods: Sequence[str], slices: int, output: Path) -> None:
    """Measure the methods on slices without metal into which ten shapes are inserted."""
    scan = protocol(name)
    masks = DATA / "metal_masks" / "blobs_256.npz"
    everything = list_cases(clean, scan, masks=masks)
    cases = everything[:: max(1, len(everything) // slices)][:slices]
    with WorkerMethods() as correct:
        entries = [correct.entry(each) for each in methods]
        results = run_benchmark(
            scan.name, cases, entries, output / scan.name, source=str(DATA), correct=correct, on_progress=Clock().tell
        )
    print(markdown(results))


def demo(methods: Sequence[str], every: int, output: Path) -> None:
    """Measure the methods on demo studies with the automatic mask."""
    with FrontEndMethods() as correct:
        cases = list_demo(STUDIES, correct.found.__setitem__, every)
        entries = [correct.entry(each) for each in methods]
        results = run_benchmark(
            "demo", cases, entries, output / "demo", source=f"every {every}", correct=correct, on_progress=Clock().tell
        )
    print("# Demo studies\n")
    print(ring_table(results))
    for sentence in results.failures:
        print(f"- {sentence}")


def clinical(methods: Sequence[str], slices: int, output: Path) -> None:
    """Measure the methods on slices with dense metal and without raw data."""
    scan = protocol("dudonet-640")
    shapes = shapes_of_sizes(read_shapes(DATA / "metal_masks" / "blobs_256.npz"), max(scan.shape))
    everything = list_clean(CLEAN)
    chosen = everything[:: max(1, len(everything) // slices)][:slices]
    with FrontEndMethods() as correct:
        cases = list_clinical(chosen, shapes, scan, correct.found.__setitem__)
        entries = [correct.entry(each) for each in methods]
        results = run_benchmark(
            "clinical",
            cases,
            entries,
            output / "clinical",
            source=str(CLEAN),
            correct=correct,
            on_progress=Clock().tell,
        )
    print("# Steel and gold through the clinical front end\n")
    print(against_li(results))
    for sentence in results.failures:
        print(f"- {sentence}")


def against_li(results: Results) -> str:
    """Return the ring RMSE of each method, and the number of cases in which it exceeds the RMSE of LI by over 5 %."""
    by_row = {row.title: {each.case: each.measures.ring_rmse_hu for each in row.slices} for row in results.rows}
    reference = results.row("linear_interpolation")
    li = by_row[reference.title] if reference else {}
    lines = []
    for title, found in by_row.items():
        ratios = {case: error / li[case] for case, error in found.items() if case in li and li[case] > 0}
        if not ratios:
            continue
        worst = max(ratios, key=lambda case: ratios[case])
        mean = math.sqrt(sum(error**2 for error in found.values()) / len(found))
        worse = sum(ratio > 1 + WORST for ratio in ratios.values())
        lines.append([title, f"{mean:.1f}", f"{worse} of {len(ratios)}", f"{ratios[worst] - 1:+.1%} ({worst})"])
    header = [
        "method",
        "RMSE in HU, 20 pixels around metal",
        f"cases more than {WORST:.0%} worse than LI",
        "worst case",
    ]
    return markdown_table(header, lines)


def ring_table(results: Results) -> str:
    """Return the ring RMSE of each study and row, the comparison with NMAR, and whether the best is at the target."""
    lines, verdicts = [], []
    for study in (f"demo-{kind}" for kind in STUDIES):
        errors = {
            row.title: math.sqrt(sum(each**2 for each in found) / len(found))
            for row in results.rows
            if (found := [each.measures.ring_rmse_hu for each in row.slices if each.case == study])
        }
        nmar = results.row("nmar")
        base = errors.get(nmar.title, math.nan) if nmar else math.nan
        lines += [[study, title, f"{error:.1f}", f"{error / base - 1:+.1%}"] for title, error in errors.items()]
        learned = {t: e for t, e in errors.items() if t not in {r.title for r in map(results.row, CLASSICAL) if r}}
        learned.pop(results.rows[0].title, None)
        if learned:
            best = min(learned, key=lambda title: learned[title])
            gain = 1 - learned[best] / base
            reached = "reaches" if gain >= TARGET else f"falls {TARGET - gain:.1%} short of"
            verdicts.append(f"{study}: {best} is {gain:.1%} below NMAR and {reached} the target of {TARGET:.0%}.")
    header = ["study", "method", "RMSE in HU, 20 pixels around metal", "against NMAR"]
    return "\n\n".join([markdown_table(header, lines), *verdicts])


def real(methods: Sequence[str], every: int, output: Path) -> None:
    """Measure streak index and consistency error of real scans, and draw a figure of each."""
    print("# Real metal\n")
    with FrontEndMethods() as correct:
        entries = [correct.entry(each) for each in methods]
        for name in SERIES:
            short, clock = name.partition(".")[0], Clock()
            scan, numbers = _real_scan(DATA / "real_metal" / name, every)
            rows = measure(scan, entries, correct, output / "real" / short, clock.tell)
            lines = [
                [each.title, f"{each.streak_index:.3f}", f"{each.consistency:.4f}", f"{each.bone_kept:.1%}"]
                for each in rows
            ]
            print(f"**{short}**, {len(scan.indices)} slices\n")
            print(
                markdown_table(["image", "streak index", "consistency error (line integrals)", "bone kept"], lines)
                + "\n"
            )
            draw(scan, rows, output / f"real_{short}.png")
            print(f"`real_{short}.png`: slice {numbers.number(scan.indices[scan.worst])} of the series.\n")
    print("No truth is known here. Clinical scans elsewhere, with another metric:\n")
    print(published_table(boards.LGA))


def _real_scan(path: Path, every: int) -> tuple[RealScan, SliceNumbers]:
    with shared_series(path) as series:
        mask = find_metal(series.loaded, MaskChoice()).mask
        grid = series.loaded.volume.grid
        return RealScan.of(series.hu.array, mask, grid.spacing_mm, every), grid.slice_numbers


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--part", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--slices", type=int, default=80)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--method", nargs="+", default=[LEARNED])
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
