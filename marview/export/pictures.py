"""Write slices as greyscale PNG images with a given HU window."""

from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from marview.dicom.atomic import whole_file, whole_folder
from marview.dicom.encode import MAKER
from marview.geometry import SliceNumbers

_TIFF_SOFTWARE = 305


def picture(hu: NDArray[Any], width_hu: float, level_hu: float) -> NDArray[np.uint8]:
    """Convert HU to grey values: black at the lower end of the window, white at the upper end.

    >>> picture(np.array([-160, 40, 240]), width_hu=400, level_hu=40).tolist()
    [0, 128, 255]
    """
    scaled = (np.asarray(hu, dtype=np.float32) - (level_hu - width_hu / 2)) * (255 / width_hu)
    return np.asarray(np.floor(np.clip(scaled, 0, 255) + 0.5), dtype=np.uint8)


def save_picture(picture: Image.Image, path: Path, kind: str = "PNG") -> None:
    """Save an image as PNG or TIFF, with a tag that identifies it as written by marview.

    The tag lets marview overwrite the file later.

    Raises:
        OSError: the disk is full or read-only.
    """
    data = BytesIO()  # libtiff would hide the reason if it failed to write a file
    if kind == "TIFF":
        picture.save(data, format=kind, tiffinfo={_TIFF_SOFTWARE: MAKER}, compression="tiff_lzw")
    else:
        facts = PngInfo()
        facts.add_text("Software", MAKER)
        picture.save(data, format=kind, pnginfo=facts)
    path.write_bytes(data.getvalue())


def write_png(
    path: Path | str,
    hu: NDArray[Any],
    *,
    width_hu: float,
    level_hu: float,
    pixel_mm: tuple[float, float] = (1.0, 1.0),
) -> Path:
    """Write one slice, HU `[y, x]`, as a greyscale PNG image.

    Args:
        path: output file, NAME.png.
        hu: HU of the slice.
        width_hu: width of the HU window.
        level_hu: level of the HU window.
        pixel_mm: spacing of the rows and of the columns, (y, x); if they differ, the image is
            resampled to square pixels.

    Raises:
        CannotWrite: the disk is full or read-only.
    """
    path = Path(path)
    with whole_file(path) as part:
        save_picture(_image(hu, width_hu, level_hu, pixel_mm), part)
    return path


def _image(hu: NDArray[Any], width_hu: float, level_hu: float, pixel_mm: tuple[float, float]) -> Image.Image:
    image = Image.fromarray(picture(hu, width_hu, level_hu))
    row_mm, column_mm = pixel_mm
    if abs(row_mm - column_mm) <= 0.01 * column_mm:
        return image
    finest = min(row_mm, column_mm)
    size = (round(image.width * column_mm / finest), round(image.height * row_mm / finest))
    return image.resize(size, Image.Resampling.BILINEAR)


def write_pngs(
    folder: Path | str,
    hu: NDArray[Any],
    *,
    width_hu: float,
    level_hu: float,
    pixel_mm: tuple[float, float] = (1.0, 1.0),
    slices: Iterable[int] | None = None,
    numbers: SliceNumbers | None = None,
) -> tuple[Path, ...]:
    """Write slices of a volume, HU `[z, y, x]`, as `slice_K.png` to a new or empty folder.

    K is the index z or, with `numbers`, the slice number shown to users. The indices in `slices` select the
    slices to write; by default, all are written. The other arguments are the same as for `write_png`.

    Raises:
        CannotWrite: the disk is full or read-only.
        UsageError: the folder is not empty.
    """
    folder = Path(folder)
    names = []
    with whole_folder(folder) as part:
        for z in range(len(hu)) if slices is None else slices:
            name = f"slice_{z if numbers is None else numbers.number(z):05d}.png"
            save_picture(_image(hu[z], width_hu, level_hu, pixel_mm), part / name)
            names.append(folder / name)
    return tuple(names)
