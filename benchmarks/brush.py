"""What a stroke event costs on a large volume, and what undo keeps: the numbers of docs/benchmarks.md.

python benchmarks/brush.py
"""

import os
import time

import numpy as np

from marview.volume.brush import Brush
from marview.volume.metal_mask import MetalMask

SHAPE = (300, 512, 512)
SPACING_MM = (1.0, 0.7, 0.7)
EVENTS = 600
STROKES = 200


def event_ms(
    brush: Brush, hu: np.ndarray[tuple[int, ...], np.dtype[np.int16]]
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Milliseconds of every event of a long stroke: mask written, change kept for undo, dirty overlay made."""
    generator = np.random.default_rng(0)
    metal = MetalMask(np.zeros(SHAPE, bool), SPACING_MM, hu)
    overlay = np.zeros((*SHAPE[1:], 4), np.uint8)
    metal.begin_stroke()
    at, spent = np.array([256.0, 256.0]), []
    for _ in range(EVENTS):
        to = np.clip(at + generator.normal(0, 10, 2), 0, 511)
        begun = time.perf_counter()
        box = metal.stamp((150, *at), (150, *to), brush)
        if box is not None:
            overlay[box[1:]] = metal.array[150][box[1:]][..., None] * np.array([255, 80, 0, 120], np.uint8)
        spent.append((time.perf_counter() - begun) * 1000)
        at = to
    metal.end_stroke()
    return np.array(spent)


def undo_kilobytes() -> float:
    """What 200 strokes over 50 slices cost to keep; they are undone and compared."""
    generator = np.random.default_rng(1)
    metal = MetalMask(np.zeros((50, *SHAPE[1:]), bool), SPACING_MM)
    for stroke in range(STROKES):
        metal.begin_stroke()
        at = generator.uniform(0, 511, 2)
        for _ in range(10):
            to = at + generator.normal(0, 12, 2)
            metal.stamp((stroke % 50, *at), (stroke % 50, *to), Brush(radius_mm=float(generator.uniform(1, 10))))
            at = to
        metal.end_stroke()
    kept = metal.undo_stack.nbytes / 1000
    while metal.undo() is not None:
        pass
    if metal.array.any():
        raise SystemExit("undo did not bring the empty mask back")
    return kept


def main() -> None:
    """Print the table."""
    hu = np.random.default_rng(2).integers(-1000, 3000, SHAPE, np.int16)
    print(f"{SHAPE[2]} x {SHAPE[1]} x {SHAPE[0]} voxels, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n")
    print("| brush | median ms | 99th percentile ms |\n|---|---|---|")
    for title, brush in (
        ("disc, 5 mm", Brush(radius_mm=5)),
        ("disc, 20 mm", Brush(radius_mm=20)),
        ("disc, 20 mm, HU range", Brush(radius_mm=20, hu_range=(0, 3000))),
        ("sphere, 5 mm", Brush(radius_mm=5, is_sphere=True)),
        ("sphere, 15 mm", Brush(radius_mm=15, is_sphere=True)),
    ):
        spent = event_ms(brush, hu)
        print(f"| {title} | {np.median(spent):.2f} | {np.percentile(spent, 99):.2f} |", flush=True)
    print(f"\n{STROKES} strokes over 50 slices: {undo_kilobytes():.0f} kB, undone bit for bit")


if __name__ == "__main__":
    main()
