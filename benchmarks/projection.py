"""Compare the time and error of projection with other projectors, for the tables of docs/results/projection.md.

    python -m benchmarks.projection                 CPU time of one thread, for marview and installed projectors
    python -m benchmarks.projection --wall          wall time on all cores, of a trace and of linear interpolation
    python -m benchmarks.projection --device cuda   compares the CUDA kernels with the CPU, and times them with events

Add --markdown for the tables, or --json for programs.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.projection_peers import SAMPLED, astra, grid_sample, grid_sample_fbp, iradon
from benchmarks.projection_setting import PIXEL_MM, SETTINGS, Setting, ellipses
from marview.projection import Projector, fill_linear, warm_up


@dataclass(frozen=True)
class Row:
    """Row of the table: `milliseconds` per slice, and the `ratio` of another projector to marview."""

    setting: str
    what: str
    milliseconds: float
    clock: str
    ratio: float | None = None
    target: str = ""
    met: bool | None = None


def _core_ms(*works: Callable[[], Any], rounds: int) -> list[float]:
    """Return the median CPU time of each function; the functions alternate after a warm-up round."""
    return _in_turn(works, rounds, time.process_time)


def _in_turn(works: Iterable[Callable[[], Any]], rounds: int, clock: Callable[[], float]) -> list[float]:
    works = list(works)
    taken: list[list[float]] = [[] for _ in works]
    for _ in range(rounds + 1):
        for work, times in zip(works, taken, strict=True):
            start = clock()
            work()
            times.append((clock() - start) * 1e3)
    return [statistics.median(times[1:]) for times in taken]


def accuracy(setting: Setting) -> Iterator[str]:
    """Measure the errors relative to analytic line integrals and to grid_sample, and run the dot test."""
    from marview.projection.ramp import filter_matrix, ray_weights

    projector = setting.projector(setting.arc)
    image, exact = ellipses(setting, setting.arc)
    forward = projector.forward(torch.from_numpy(image).float()).double().numpy()
    error = np.linalg.norm(forward - exact) / np.linalg.norm(exact)
    yield f"{setting.name}: forward against analytic {error:.4f} (target 0.0022)"
    radius = setting.size * PIXEL_MM / 2
    filtered = (exact * ray_weights(setting.arc, radius)) @ filter_matrix(setting.arc, "ram-lak")
    reference = grid_sample_fbp(projector, torch.from_numpy(filtered)).numpy()
    ours = projector.fbp(torch.from_numpy(exact).float()).double().numpy()
    y, x = np.mgrid[: setting.size, : setting.size] - (setting.size - 1) / 2
    inside = np.hypot(x, y) < 0.98 * setting.size / 2
    near = np.linalg.norm((ours - reference)[inside]) / np.linalg.norm(reference[inside])
    truth = np.linalg.norm((ours - image)[inside]) / np.linalg.norm(image[inside])
    yield f"{setting.name}: FBP against grid_sample {near:.1e} (target 0.02), against the truth {truth:.4f}"
    random = torch.manual_seed(0)
    first = torch.rand(2, setting.size, setting.size, generator=random)
    second = torch.rand(2, setting.arc.views, setting.arc.bins, generator=random)
    one, two = (projector.forward(first).double() * second).sum(), (projector.adjoint(second).double() * first).sum()
    yield f"{setting.name}: dot test {abs(float((one - two) / one)):.1e} (target 1e-5)"


def batches(setting: Setting, rounds: int, count: int) -> Iterator[Row]:
    """Measure the CPU time per slice of marview, ASTRA and scikit-image, for a batch on one thread."""
    projector = setting.projector(setting.arc)
    images = torch.rand(count, setting.size, setting.size)
    sinograms = projector.forward(images)
    leaf = sinograms.clone().requires_grad_()

    def fbp_adjoint() -> None:
        torch.autograd.grad(projector.fbp(leaf), leaf, images)

    ours: list[Callable[[], Any]] = [
        lambda: projector.forward(images),
        lambda: projector.adjoint(sinograms),
        lambda: projector.fbp(sinograms),
        fbp_adjoint,
        lambda: projector.forward(images[:1]),
        lambda: projector.fbp(sinograms[:1]),
    ]
    peers = dict(astra(setting))
    peers.update(iradon(setting))
    peers.update(grid_sample(setting))
    times = _core_ms(*ours, *peers.values(), rounds=rounds)
    forward, adjoint, fbp, both = (time_ms / count for time_ms in times[:4])
    alone, alone_back = times[4:6]
    yield Row(setting.name, f"forward, {count} slices", forward, "core")
    yield _target(setting, "adjoint / forward", adjoint, adjoint / forward, 2, at_most=True)
    yield Row(setting.name, f"FBP, {count} slices", fbp, "core")
    yield _target(setting, "adjoint of FBP / FBP", both - fbp, (both - fbp) / fbp, 2, at_most=True)
    yield Row(setting.name, "forward, one slice", alone, "core")
    yield Row(setting.name, "FBP, one slice", alone_back, "core")
    for name, peer in zip(peers, times[6:], strict=True):
        if name == "ASTRA forward":
            yield _target(setting, f"{name} / marview, {count} slices", peer, peer / forward, 30)
            yield _target(setting, f"{name} / marview, one slice", peer, peer / alone, 1.5)
        elif name == "ASTRA backprojection":
            yield _target(setting, f"{name} / FBP of marview, {count} slices", peer, peer / fbp, 30)
            yield _target(setting, f"{name} / FBP of marview, one slice", peer, peer / alone_back, 1.5)
        elif name.startswith("grid_sample"):
            ours_ms = forward if "forward" in name else fbp
            yield Row(setting.name, f"{name} / marview", peer / SAMPLED, "core", peer / SAMPLED / ours_ms)
        else:
            yield _target(setting, f"{name} / FBP of marview, {count} slices", peer, peer / fbp, 25)


def _target(setting: Setting, what: str, time_ms: float, ratio: float, target: float, *, at_most: bool = False) -> Row:
    met = ratio <= target if at_most else ratio >= target
    return Row(setting.name, what, time_ms, "core", ratio, f"{'<=' if at_most else '>='} {target:g}", met)


def wall(setting: Setting, rounds: int) -> Iterator[Row]:
    """Measure the wall time on all threads of the trace of a mask, and of LI for 300 slices."""
    projector = setting.projector(setting.arc)
    y, x = np.mgrid[: setting.size, : setting.size]
    mask = torch.from_numpy((np.hypot(x - 150, y - 220) < 32) | (np.hypot(x - 300, y - 100) < 22))
    (trace_ms,) = _in_turn([lambda: projector.trace(mask)], rounds, time.perf_counter)
    pixels = int(mask.sum())
    yield Row(setting.name, f"trace of {pixels} pixels", trace_ms, "wall", None, "< 10 ms", trace_ms < 10)
    images = torch.rand(64, setting.size, setting.size)
    trace = projector.trace(mask).expand(64, -1, -1).contiguous()

    def interpolated() -> None:
        sinogram = projector.forward(images)
        projector.fbp(fill_linear(sinogram, trace) - sinogram)

    (batch_ms,) = _in_turn([interpolated], max(1, rounds // 2), time.perf_counter)
    seconds = batch_ms / 64 * 300 / 1e3
    yield Row(setting.name, "LI: forward, fill, FBP", batch_ms / 64, "wall", None, "300 slices <= 45 s", seconds <= 45)


def gpu(setting: Setting, rounds: int, count: int) -> Iterator[Row]:
    """Compare the CUDA kernels with the CPU, then time them with CUDA events."""
    targets = {"a": (60, 100), "b": (20, 50)}.get(setting.name)
    projector = setting.projector(setting.arc)
    images = torch.rand(count, setting.size, setting.size)
    sinograms = projector.forward(images[:3])
    for name, given in (("forward", images[:3]), ("adjoint", sinograms), ("fbp", sinograms)):
        expected, found = getattr(projector, name)(given), getattr(projector, name)(given.cuda()).cpu()
        error = float((expected - found).abs().max() / expected.abs().max())
        print(f"{setting.name}: {name} on the GPU against the CPU {error:.1e} of the maximum (must be below 1e-4)")
        if error >= 1e-4:
            sys.exit(f"{name} on the GPU does not agree with the CPU")
    on_gpu = images.cuda()
    seen = projector.forward(on_gpu)
    half = Projector(setting.arc, shape=projector.shape, pixel_mm=PIXEL_MM, half_storage=True)
    event: Any = torch.cuda.Event
    works: list[tuple[str, Callable[[], Any], float | None]] = [
        ("forward", lambda: projector.forward(on_gpu), targets[0] if targets else None),
        ("FBP", lambda: projector.fbp(seen), targets[1] if targets else None),
        ("adjoint", lambda: projector.adjoint(seen), None),
        ("forward, 16 bits", lambda: half.forward(on_gpu), None),
    ]
    for name, work, target in works:
        times = []
        for _ in range(rounds + 2):
            start, stop = event(enable_timing=True), event(enable_timing=True)
            start.record()
            work()
            stop.record()
            stop.synchronize()
            times.append(start.elapsed_time(stop) / count)
        taken = statistics.median(times[2:])
        met = None if target is None else taken * 1e3 <= target
        yield Row(setting.name, f"{name} on {torch.cuda.get_device_name()}, {count} slices", taken, "events", None,
                  "" if target is None else f"<= {target:g} us", met)  # fmt: skip


def memory_mb(setting: Setting) -> float:
    """Measure the peak memory of forward projection and FBP of 64 slices, in MB, without inputs and outputs."""
    projector = setting.projector(setting.arc)
    warm_up((1, 64))
    images = torch.ones(64, setting.size, setting.size)
    projector.forward(images[:1])
    projector.fbp(torch.ones(1, setting.arc.views, setting.arc.bins))
    before = _resident_mb()
    sinograms = projector.forward(images)
    result = projector.fbp(sinograms)
    kept = (sinograms.nbytes + result.nbytes) / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6 - before - kept


def _resident_mb() -> float:
    with Path("/proc/self/statm").open(encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 1e6


def machine() -> str:
    """Return the processor, cores, load and versions in one line."""
    name = platform.processor() or platform.machine()
    try:
        with Path("/proc/cpuinfo").open(encoding="ascii") as file:
            name = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), name)
    except OSError:
        pass
    load = ", ".join(f"{value:.2f}" for value in os.getloadavg())
    return f"{name}, {os.cpu_count()} cores, load {load}, torch {torch.__version__}, numpy {np.__version__}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--setting", choices=SETTINGS, action="append", help="default: a and b")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--slices", type=int, default=64)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--wall", action="store_true", help="all threads, wall time")
    parser.add_argument("--memory", action="store_true", help="peak memory of one batch of a")
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    if not (asked.wall or asked.device == "cuda"):
        os.environ["MARVIEW_THREADS"] = "1"
        torch.set_num_threads(1)
    if asked.memory:
        used = memory_mb(SETTINGS["a"])
        print(f"64 slices of a, forward and FBP: {used:.0f} MB beyond inputs and outputs (target 400)")
        return
    rows: list[Row] = []
    errors: list[str] = []
    for name in asked.setting or ["a", "b"]:
        setting = SETTINGS[name]
        if asked.device == "cuda":
            rows += gpu(setting, asked.rounds, asked.slices)
        elif asked.wall:
            rows += wall(setting, asked.rounds)
        else:
            rows += batches(setting, asked.rounds, asked.slices)
            errors += accuracy(setting)
    if asked.json:
        print(json.dumps({"machine": machine(), "rows": [asdict(row) for row in rows], "errors": errors}, indent=1))
    else:
        _print(rows, errors, markdown=asked.markdown)


def _print(rows: list[Row], errors: list[str], *, markdown: bool) -> None:
    print(machine())
    bar = "| " if markdown else ""
    if markdown:
        print("\n| | what | ms per slice | clock | ratio | target | met |\n|---|---|---|---|---|---|---|")
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.1f}"
        met = "" if row.met is None else ("yes" if row.met else "NO")
        cells = [row.setting, f"{row.what:55s}", f"{row.milliseconds:8.3f}", row.clock, f"{ratio:>6s}", row.target, met]
        print(bar + (" | " if markdown else "  ").join(cells) + (" |" if markdown else ""))
    print("\n" + "\n".join(f"- {error}" if markdown else error for error in errors))


if __name__ == "__main__":
    main()
