"""Measure the cost of simulating a batch, in forward projections of the batch and in memory.

python -m benchmarks.simulation_cost [batch] [protocol]
"""

import resource
import sys
import time

import numpy as np
import torch

from marview.physics import protocol, simulate

ROUNDS = 4
"""Number of repetitions. The fastest one counts, because other programs can only add time."""


def main() -> None:
    """Compare the time for a batch, including all images and fillings, with a forward projection in the same run."""
    batch = int(sys.argv[1]) if len(sys.argv) > 1 else 16
    chosen = protocol(sys.argv[2] if len(sys.argv) > 2 else "syndeeplesion-640")
    generator = np.random.default_rng(0)
    y, x = np.mgrid[-1 : 1 : chosen.shape[0] * 1j, -1 : 1 : chosen.shape[1] * 1j]
    body = np.where(x**2 / 0.6 + y**2 / 0.4 < 1, 40.0, -1000.0)
    hu = (body + (np.hypot(x, y) < 0.1) * 900 + generator.normal(0, 10, (batch, *chosen.shape))).astype(np.float32)
    metal = np.broadcast_to(np.hypot(x - 0.3, y) < 0.08, hu.shape).astype(np.float32)
    simulate(hu[:1], {"ti": metal[:1]}, chosen).image.sum()

    before_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    timed = []
    for seed in range(ROUNDS):
        start = time.perf_counter()
        scan = simulate(hu, {"ti": metal}, chosen, seed=seed)
        sinograms_s = time.perf_counter() - start
        _ = scan.image, scan.li_image, scan.metal_free_image
        simulation_s = time.perf_counter() - start
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        start = time.perf_counter()
        scan.projector.forward(torch.from_numpy(hu))
        timed.append((time.perf_counter() - start, sinograms_s, simulation_s))
    projection_s, sinograms_s, simulation_s = (min(column) for column in zip(*timed, strict=True))
    print(f"{chosen.name}, {batch} slices, {torch.get_num_threads()} threads")
    print(f"one forward projection  {projection_s:7.2f} s")
    print(f"sinograms               {sinograms_s:7.2f} s  {sinograms_s / projection_s:5.1f} projections")
    print(f"with LI and three FBPs  {simulation_s:7.2f} s  {simulation_s / projection_s:5.1f} projections")
    print(f"peak memory             {peak_mb:7.0f} MB, {peak_mb - before_mb:.0f} MB above that of one slice")


if __name__ == "__main__":
    main()
