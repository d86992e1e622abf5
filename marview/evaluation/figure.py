"""A figure with a method's worst, median and best cases."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PilImage
from PIL import ImageDraw

from marview.export import save_picture, whole_file
from marview.metrics import SOFT_TISSUE
from marview.metrics.ranges import HuRange

_DIFFERENCE = HuRange(-200.0, 200.0)
_GAP_PX, _TEXT_PX = 4, 14


@dataclass(frozen=True)
class Strip:
    """One row of the figure: ground truth, uncorrected image, corrected image and error.

    Attributes:
        caption: text above the row.
        truth_hu: ground truth, HU, `[y, x]`.
        uncorrected_hu: uncorrected image, HU, `[y, x]`.
        result_hu: corrected image, HU, `[y, x]`.
    """

    caption: str
    truth_hu: NDArray[np.float32]
    uncorrected_hu: NDArray[np.float32]
    result_hu: NDArray[np.float32]


def draw(title: str, strips: Sequence[Strip], path: Path) -> None:
    """Write a PNG with three images (-175 to 275 HU) and a difference image (±200 HU) for each strip.

    Raises:
        CannotWrite: the disk is full or read-only.
        UsageError: the file exists and was not written by marview.
    """
    height, width = strips[0].truth_hu.shape
    step_y = height + _TEXT_PX + _GAP_PX
    canvas = PilImage.new("L", (4 * (width + _GAP_PX), _TEXT_PX + len(strips) * step_y), 0)
    pen = ImageDraw.Draw(canvas)
    pen.text((2, 1), f"{title}: truth | uncorrected | corrected (-175 to 275 HU) | error (+-200 HU)", fill=255)
    for number, strip in enumerate(strips):
        top = _TEXT_PX + number * step_y
        pen.text((2, top + 1), strip.caption, fill=200)
        images = [SOFT_TISSUE.scale(each) for each in (strip.truth_hu, strip.uncorrected_hu, strip.result_hu)]
        images.append(_DIFFERENCE.scale(strip.result_hu - strip.truth_hu))
        for column, image in enumerate(images):
            grey = PilImage.fromarray(np.round(255 * image).astype(np.uint8))
            canvas.paste(grey, (column * (width + _GAP_PX), top + _TEXT_PX))
    with whole_file(path) as part:
        save_picture(canvas, part)
