"""Draw scans of the independent simulator in one figure: the original, results and the truth, with their errors.

    python -m benchmarks.independent_scans --output FILE.png \
        --row hip_bilateral_steel "NMAR=WORK/hip_bilateral_steel/nmar" \
        --row spine_ti "NMAR=WORK/spine_ti/nmar" "clinical completion=WORK/spine_ti/clinical_completion"

Each picture is shown from -160 to 240 HU, with its RMSE in HU within 20 pixels of metal, measured as in `score.py`
beside the scans. WORK is the folder that `score.py --work WORK METHOD ...` writes. Reads ../shared/data.
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from marview.dicom import open_series
from marview.volume.box import box_of
from marview.volume.window import HuWindow

SCANS = Path(__file__).resolve().parents[2] / "shared" / "data" / "independent_scans"
WINDOW = HuWindow(400.0, 40.0)
_SIDE_PX, _GAP_PX, _TEXT_PX = 300, 6, 22
_EDGE_PX, _RING_PX = 2, 22
_BODY_HU, _MARGIN_PX = -300, 8

Panel = tuple[str, NDArray[np.int16]]


def main() -> None:
    """Draw the requested rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--row", nargs="+", action="append", required=True, metavar="SCAN TITLE=DIR")
    arguments = parser.parse_args()
    rows = [row(scan, [part.partition("=") for part in parts]) for scan, *parts in arguments.row]
    width = max(each.width for each in rows)
    figure = Image.new("L", (width, sum(each.height for each in rows)), 0)
    top = 0
    for each in rows:
        figure.paste(each, (0, top))
        top += each.height
    figure.save(arguments.output, optimize=True)


def row(scan: str, results: list[tuple[str, str, str]]) -> Image.Image:
    """Draw one scan: the original, each result (title, "=", folder of the corrected series), the truth."""
    with np.load(SCANS / f"{scan}.npz") as known:
        original, truth, metal = known["img_metal"], known["img_clean"], known["metal_mask"]
    panels: list[Panel] = [("original", original)]
    panels += [(title, open_series(Path(folder)).volume.hu[0]) for title, _, folder in results]
    panels = [(f"{title}: {ring_rmse(hu, truth, metal):.0f} HU", hu) for title, hu in panels] + [("truth", truth)]
    shown = box_of(ndimage.binary_dilation(truth > _BODY_HU, iterations=_MARGIN_PX)[None])
    assert shown is not None, "a scan shows a body"
    return _strip([(title, hu[shown[1:]]) for title, hu in panels])


def ring_rmse(hu: NDArray[np.int16], truth: NDArray[np.int16], metal: NDArray[np.bool_]) -> float:
    """Return the RMSE in the body from 2 to 22 pixels beside metal, with HU clipped to [-1000, 3000]; all `[y, x]`."""
    near = ndimage.binary_dilation(metal, iterations=_RING_PX) & ~ndimage.binary_dilation(metal, iterations=_EDGE_PX)
    ring = near & (truth > _BODY_HU)
    error = hu[ring].clip(-1000, 3000).astype(np.float64) - truth[ring].clip(-1000, 3000)
    return float(np.sqrt(np.mean(error**2)))


def _strip(panels: list[Panel]) -> Image.Image:
    """Draw pictures of the same shape side by side, with their titles above."""
    rows, columns = panels[0][1].shape
    height = round(_SIDE_PX * rows / columns)
    strip = Image.new("L", (len(panels) * (_SIDE_PX + _GAP_PX), _TEXT_PX + height + _GAP_PX), 0)
    pen, font = ImageDraw.Draw(strip), ImageFont.load_default(15)
    for number, (title, hu) in enumerate(panels):
        left = number * (_SIDE_PX + _GAP_PX)
        pen.text((left + 4, 2), title, fill=255, font=font)
        picture = Image.fromarray(WINDOW.grey(hu)).resize((_SIDE_PX, height), Image.Resampling.LANCZOS)
        strip.paste(picture, (left, _TEXT_PX))
    return strip


if __name__ == "__main__":
    main()
