"""Read metal-free slices for metal simulation from TIFF stacks, DICOM series and NIfTI files."""

import struct
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PilImage
from PIL import ImageSequence

from marview.errors import BadInput
from marview.originals import note_file
from marview.slices.index import patients_of
from marview.slices.reason import in_words
from marview.slices.volumes import ARRAYS, read_volume

STACKS = {".tif", ".tiff"}
_DAMAGED = (
    OSError,
    SyntaxError,
    TypeError,
    ValueError,
    KeyError,
    EOFError,
    struct.error,
    PilImage.DecompressionBombError,
)
"""Exceptions that Pillow raises for damaged TIFF files."""


@dataclass(frozen=True)
class CleanSlice:
    """A metal-free slice.

    Attributes:
        name: name of the slice in tables.
        read: function that returns the slice in HU, float32, `[y, x]`, at least -1000.
        patient: patient listed in the `index.csv` in the stack's folder; the name of the file or
            folder for a single scan; empty if unknown.
    """

    name: str
    read: Callable[[], NDArray[np.float32]]
    patient: str = ""


def list_clean(path: Path) -> list[CleanSlice]:
    """List the slices of a TIFF stack, DICOM series, NIfTI file or array (.npy, .npz).

    Unsigned TIFF pages are converted with HU = 2 * value - 1024, the encoding of marview's own stacks.
    Signed and floating-point pages already contain HU.

    Raises:
        BadInput: the path cannot be read as slices, or the `index.csv` in a stack's folder is invalid.
    """
    if path.suffix.lower() in STACKS:
        return _list_tiff(path)
    return _list_series(path)


def fit(hu: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    """Resample a slice to a protocol's grid with bilinear interpolation.

    As in published simulators, the aspect ratio is not preserved.

    Args:
        hu: HU, `[y, x]`.
        shape: rows and columns of the result.
    """
    if hu.shape == shape:
        return hu
    return np.asarray(PilImage.fromarray(hu).resize(shape[::-1], PilImage.Resampling.BILINEAR))


def _list_tiff(path: Path) -> list[CleanSlice]:
    note_file(path)
    with _in_words(path), PilImage.open(path) as stack:
        count = int(getattr(stack, "n_frames", 1))
    return [
        CleanSlice(f"{path.stem}_{k:03d}", partial(_read_page, path, k), patient)
        for k, patient in enumerate(patients_of(path, count))
    ]


def read_pages(path: Path) -> Iterator[NDArray[np.float32]]:
    """Yield the slices of a TIFF stack; this is faster than reading them one by one with `list_clean`.

    Raises:
        BadInput: the stack cannot be read.
    """
    with _in_words(path):
        stack = PilImage.open(path)
    with stack:
        pages = enumerate(ImageSequence.Iterator(stack))
        while True:
            with _in_words(path):
                number, page = next(pages, (0, None))
                if page is None:
                    return
                hu = _hu(np.asarray(page), path, number)
            yield hu


def _read_page(path: Path, number: int) -> NDArray[np.float32]:
    with _in_words(path), PilImage.open(path) as stack:
        stack.seek(number)
        return _hu(np.asarray(stack), path, number)


@contextmanager
def _in_words(path: Path) -> Iterator[None]:
    """Convert Pillow's exceptions and warnings about a damaged stack to a single error message."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except _DAMAGED as reason:
        raise BadInput(
            f"{path} cannot be read as a TIFF stack: {in_words(reason, 'it is damaged or not a TIFF file')}."
        ) from reason


def _hu(page: NDArray[Any], path: Path, number: int) -> NDArray[np.float32]:
    if page.ndim != 2:
        raise BadInput(f"{path}: page {number} is not a greyscale image, so it cannot be a CT slice.")
    hu = page.astype(np.float32)
    if page.dtype.kind == "u":
        hu = 2 * hu - 1024
    return np.maximum(hu, -1000)


def _list_series(path: Path) -> list[CleanSlice]:
    hu = read_volume(path)
    patient = "" if path.suffix in ARRAYS else path.resolve().name  # an array does not contain the name of its patient
    return [CleanSlice(f"{path.stem}_{k:03d}", partial(_slice_of, hu, k), patient) for k in range(len(hu))]


def _slice_of(hu: NDArray[np.float32], number: int) -> NDArray[np.float32]:
    return np.asarray(np.maximum(hu[number], -1000))
