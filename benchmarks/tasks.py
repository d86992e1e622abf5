"""Measure tasks on corrected images: visibility of a lesion near metal, and segmentation by fixed HU limits.

    python -m benchmarks.tasks --method linear_interpolation nmar residual_unet lga [--cases 20] [--protocol adn-256]
        [--segmenter DIR] [--realisations 40]

Each case is a validation slice with titanium. It is scanned twice with the same noise: with a lesion of 40 HU near the
metal, and without. Each method corrects both scans. Columns:

- lesion: fraction of its contrast that is visible in the corrected image, mean and lowest;
- IoU: overlap of metal, bone and muscle (`marview.metrics.tissue`) in the method's own image with the truth;
- distance of codes: mean distance between the latent codes of the corrected image and the truth, with the encoder of
`lga`. It is a perceptual metric on features of marview's own encoder, not LPIPS;
- AUC: how well a channelised Hotelling observer distinguishes scans with a lesion of 5 HU from scans without it, in one
slice with many noise realisations. It needs `pip install mar-eval`, and is left out without --realisations.

With --segmenter a second table compares metal, bone and muscle as the network that `benchmarks.segmenter` trained
in DIR finds them with the labels of the truth. Two more rows show what it finds in images without artifacts.

Reads ../shared/data.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks import segmenter
from benchmarks.clock import Clock
from benchmarks.gsi_surrogates import code_distance, runner
from marview.evaluation.simulated import known_case
from marview.evaluation.tables import markdown_table
from marview.methods.api import MarCase
from marview.metrics.tissue import TISSUES, overlap, tissues_of
from marview.physics import Protocol, protocol, simulate
from marview.slices.clean import fit, list_clean
from marview.slices.lesion import Lesion, kept_contrast, lesion_near
from marview.slices.shapes import place, read_shapes, shapes_of_sizes

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
CONTRAST_HU, FAINT_HU = 40.0, 5.0
METAL_HU = 4000.0
ROI_PX, CHANNELS = 17, 8
Method = Callable[[MarCase], Tensor]
Scene = tuple[NDArray[np.float32], NDArray[np.float32], Lesion]
"""Slice without metal, metal fraction of each pixel, and a lesion near the metal."""


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", nargs="+", required=True)
    parser.add_argument("--cases", type=int, default=20)
    parser.add_argument("--protocol", default="adn-256")
    parser.add_argument("--segmenter", type=Path, help="folder of a network that benchmarks.segmenter trained")
    parser.add_argument("--realisations", type=int, default=0)
    asked = parser.parse_args()
    scan, clock, apart = protocol(asked.protocol), Clock(), code_distance()
    methods: dict[str, Method] = {"uncorrected": lambda case: case.hu, **{name: runner(name) for name in asked.method}}
    network = segmenter.read(segmenter.weights_file(asked.segmenter, scan)) if asked.segmenter else None
    scenes = _scenes(scan, asked.cases)
    lesions: dict[str, list[float]] = {name: [] for name in methods}
    overlaps: dict[str, list[list[float]]] = {name: [] for name in methods}
    codes: dict[str, list[float]] = {name: [] for name in methods}
    seen_by_network: dict[str, list[list[float]]] = {}
    for number, scene in enumerate(scenes):
        case = _scanned(scene, scan, CONTRAST_HU, number, 1)
        truth = np.where(scene[1] >= 0.5, METAL_HU, scene[0])
        wanted = tissues_of(truth)
        results = {name: method(case).numpy() for name, method in methods.items()}
        for name, (without, with_lesion) in results.items():
            lesions[name].append(kept_contrast(with_lesion, without, scene[2], CONTRAST_HU))
            found = tissues_of(without)
            overlaps[name].append([overlap(found[each], wanted[each]) for each in TISSUES])
            seen = np.where(scene[1] >= 0.5, METAL_HU, without)
            codes[name].append(apart(*(torch.from_numpy(each)[None].float() for each in (seen, truth))))
        if network:
            example = segmenter.example_of(*scene[:2], scan, number)
            clean = {"truth": example.clean(is_scanned=False), "scan without artifacts": example.clean(is_scanned=True)}
            for name, hu in (clean | {name: without for name, (without, _) in results.items()}).items():
                seen_by_network.setdefault(name, []).append(segmenter.overlaps(network, hu, example.labels))
        clock.tell((number + 1) / len(scenes), "cases")
    aucs = _detectability(methods, scenes[0], scan, asked.realisations) if asked.realisations else {}
    print(f"{len(scenes)} slices of {scan.name} with titanium\n")
    header = ["method", "lesion kept", "lowest", *(f"{each} IoU" for each in TISSUES), "mIoU", "distance of codes"]
    rows = []
    for name in methods:
        ious = np.nanmean(overlaps[name], axis=0)
        figures = [np.mean(lesions[name]), np.min(lesions[name]), *ious, ious.mean()]
        row = [name, *(f"{each:.3f}" for each in figures), f"{np.mean(codes[name]):.4f}"]
        rows.append([*row, f"{aucs[name]:.2f}"] if aucs else row)
    print(markdown_table([*header, "AUC"] if aucs else header, rows))
    if network:
        print(f"\nTrained segmenter\n\n{segmenter.table(seen_by_network)}")


def _scenes(scan: Protocol, count: int) -> list[Scene]:
    """Return slices with metal of all sizes in turn, and a lesion in each slice."""
    clean = list_clean(DATA / "metal_free" / "validation.tif")
    shapes = shapes_of_sizes(read_shapes(DATA / "metal_masks" / "blobs_256.npz"), scan.shape[0])
    made: list[Scene] = []
    for number, each in enumerate(clean[:: max(1, len(clean) // count)]):
        rng = np.random.default_rng([11, number])
        hu = fit(each.read(), scan.shape).copy()
        metal = place(shapes[number % len(shapes)], hu, rng)
        lesion = lesion_near(hu, metal > 0, rng)
        if lesion is not None and len(made) < count:
            made.append((hu, metal, lesion))
    return made


def _scanned(scene: Scene, scan: Protocol, contrast_hu: float, seed: int, times: int) -> MarCase:
    """Scan a scene without and with its lesion, with the same noise, `times` times."""
    hu, metal, lesion = scene
    cases = []
    for time in range(times):
        for each in (hu, hu + contrast_hu * lesion.profile):
            simulation = simulate(each[None], {"ti": metal[None]}, scan, seed=1000 * seed + time)
            cases.append(known_case("", simulation, scan).case)
    joined = {
        name: torch.cat([getattr(case, name) for case in cases])
        for name in ("hu", "metal", "measured_sinogram", "measured_trace")
    }
    return MarCase(pixel_mm=scan.pixel_mm, beam=scan.beam, slice_indices=list(range(len(cases))), **joined)


def _detectability(methods: dict[str, Method], scene: Scene, scan: Protocol, times: int) -> dict[str, float]:
    """Return the area under the ROC curve of an observer trained on the first half of the realisations."""
    import mareval

    row, column = scene[2].centre
    case, found = _scanned(scene, scan, FAINT_HU, 99, times), {}
    for name, method in methods.items():
        rois = np.stack(
            [mareval.extract_roi(each, (row, column), (ROI_PX, ROI_PX)).ravel() for each in method(case).numpy()]
        )
        without, with_lesion = rois[::2], rois[1::2]
        half = times // 2
        channels = mareval.build_pca_channels(np.concatenate([without[:half], with_lesion[:half]]), CHANNELS)
        template = mareval.cho_template(with_lesion[:half] @ channels, without[:half] @ channels)
        decisions = np.concatenate([without[half:], with_lesion[half:]]) @ channels @ template
        found[name] = mareval.compute_auc(decisions, [0] * (times - half) + [1] * (times - half))
    return found


if __name__ == "__main__":
    main()
