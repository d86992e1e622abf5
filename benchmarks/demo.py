"""Measure the RMSE of the bundled methods on the demo studies, whose truth is known.

    python -m benchmarks.demo [--kind hip spine dental] [--method nmar ...] [--picture FOLDER]

Methods receive each study as in a clinical run: the metal is found automatically, and the sinogram is the forward
projection of the image. The RMSE covers the body without its true metal in all slices with metal, with both images
clipped to -1000 to 1604 HU.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from marview.evaluation.front_end_methods import FrontEndMethods
from marview.metrics import dice, ring, rmse_hu
from marview.physics.demo_study import DemoStudy, make_demo
from marview.volume.segment import adaptive

METHODS = {
    "linear_interpolation": "LI",
    "nmar": "NMAR",
    "nmar_frequency_split": "NMAR + frequency split",
    "cnnmar": "CNNMAR",
    "near_hip": "near-hip network",
    "clinical_completion": "clinical sinogram completion",
    "deep_sinogram_completion": "deep sinogram completion",
    "dudonet": "DuDoNet",
    "residual_unet": "residual U-Net",
    "adn": "ADN",
    "lga": "LGA",
    "image_gans": "cGAN-MAR",
}
KINDS = ("hip", "spine", "dental")
BODY_HU = -500
SOFT_TISSUE_WINDOW_HU = (-160.0, 240.0)

Volume = NDArray[np.float32]


def main() -> None:
    """Print the table of each study."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--method", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--picture", type=Path, help="folder for a figure of every kind's worst slice")
    chosen = parser.parse_args()
    methods = {each: METHODS[each] for each in chosen.method}
    titles = ["uncorrected", *methods.values()]
    print(f"| study | slices with metal | Dice of the metal found | {' | '.join(titles)} |")
    print("|---" * (len(titles) + 3) + "|")
    for kind in chosen.kind:
        study = make_demo(kind)
        mask = adaptive(study.hu, study.grid.stack_mm).mask
        images: dict[str, Volume] = {"uncorrected": study.hu.astype(np.float32), **_corrected(study, mask, methods)}
        slices = np.flatnonzero(study.metal.any(axis=(1, 2)))
        region = (_body(study) & ~study.metal)[slices]
        errors = {title: rmse_hu(image[slices], study.truth_hu[slices], region) for title, image in images.items()}
        near = region & np.stack([ring(study.metal[k]) for k in slices])
        around = {title: rmse_hu(image[slices], study.truth_hu[slices], near) for title, image in images.items()}
        found = f"{dice(mask, study.metal):.2f}"
        print(f"| {kind} | {len(slices)} | {found} | {' | '.join(f'{errors[title]:.1f}' for title in titles)} |")
        print(f"| {kind}, 20 pixels around metal | | | {' | '.join(f'{around[title]:.1f}' for title in titles)} |")
        if chosen.picture:
            _draw(study, images, slices, chosen.picture / f"demo_{kind}.png")


def _corrected(study: DemoStudy, mask: NDArray[np.bool_], methods: Mapping[str, str]) -> Mapping[str, Volume]:
    """Return the corrected volume of each method, float32 HU `[z, y, x]`, by title."""
    with FrontEndMethods() as front_end:
        return {
            title: front_end.correct(front_end.entry(method), study.hu, mask, study.grid.spacing_mm).hu
            for method, title in methods.items()
        }


def _body(study: DemoStudy) -> NDArray[np.bool_]:
    """Return the body without couch and with filled cavities, `[z, y, x]`."""
    labels, _ = ndimage.label(ndimage.binary_opening(study.truth_hu > BODY_HU, np.ones((1, 5, 5))))
    largest = labels == int(np.bincount(labels.ravel())[1:].argmax()) + 1
    return np.stack([ndimage.binary_fill_holes(part) for part in largest])


def _draw(study: DemoStudy, images: Mapping[str, Volume], slices: NDArray[np.int64], path: Path) -> None:
    """Draw the worst slice in the soft tissue window: truth, uncorrected image, and the result of each method."""
    errors = [np.abs(study.hu[k].clip(-1000, 1604) - study.truth_hu[k])[~study.metal[k]].mean() for k in slices]
    worst = slices[int(np.argmax(errors))]
    low, high = SOFT_TISSUE_WINDOW_HU
    row = np.hstack([study.truth_hu[worst], *(image[worst] for image in images.values())])
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((np.clip((row - low) / (high - low), 0, 1) * 255).astype(np.uint8)).save(path)


if __name__ == "__main__":
    main()
