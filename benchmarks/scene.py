"""Measure how fast the 3D scene is drawn: `python -m benchmarks.scene STUDY`, with the study of `marview demo`.

The original, a second volume beside it, and the metal as a surface are drawn off-screen as in the window, during a
mouse drag and after it. The first pictures, during which the distance between rays is adjusted, do not count.
"""

import argparse
import os
import time
from pathlib import Path

import numpy as np

from marview.dicom import open_series
from marview.gui.scene.messages import Draw, Quality
from marview.gui.scene.voxels import box_of, box_of_dense, cut_out

SIZE = (1000, 700)
SETTLE, PICTURES = 8, 30
METAL_HU = 2800
TARGETS_MS: dict[Quality, float] = {"moving": 100.0, "still": 400.0}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", type=Path)
    chosen = parser.parse_args()
    os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")
    from marview.gui.scene.drawing import Scene

    volume = open_series(chosen.study).volume
    whole = cut_out(volume.hu, volume.grid.affine, box_of_dense(volume.hu))
    metal = volume.hu > METAL_HU
    around = box_of(metal)
    scene = Scene()
    began = time.perf_counter()
    scene.show([whole, whole], None if around is None else cut_out(metal, volume.grid.affine, around))
    scene.draw(_wanted(0, "moving"))
    first_s = time.perf_counter() - began
    print(f"{scene.backend}, {SIZE[0]} x {SIZE[1]} pixels, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print(f"first picture after {first_s:.1f} s\n")
    print("| | median ms | 95 % | distance of rays, pixels | target ms |\n| --- | ---: | ---: | ---: | ---: |")
    for quality, target in TARGETS_MS.items():
        times = []
        for number in range(SETTLE + PICTURES):
            began = time.perf_counter()
            scene.draw(_wanted(number, quality))
            times.append((time.perf_counter() - began) * 1000)
        median, slow = np.percentile(times[SETTLE:], (50, 95))
        print(f"| {quality} | {median:.0f} | {slow:.0f} | {scene.sparseness[quality]:.1f} | {target:g} |")


def _wanted(number: int, quality: Quality) -> Draw:
    return Draw(
        number=number,
        width=SIZE[0],
        height=SIZE[1],
        azimuth_deg=20.0 + 3.0 * number,
        elevation_deg=15.0,
        zoom=1.0,
        pan_mm=(0.0, 0.0),
        quality=quality,
    )


if __name__ == "__main__":
    main()
