"""Read one patient's scans for training: metal masks, and metal-free slices by distance from metal."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor

from marview.dicom.check import check
from marview.dicom.read import read
from marview.dicom.scan import scan
from marview.errors import BadInput
from marview.volume.kmeans import k_means
from marview.volume.segment import adaptive
from marview.worker.neighbours import MOST_CLEAN, neighbours
from marview.worker.resampling import SIZE, SliceFrame

_CLASSES = 3


@dataclass(frozen=True, eq=False)
class PatientScan:
    """Training data of one scan.

    Attributes:
        clean_hu: float32 HU `[slice, y, x]`; metal-free slices, resampled to the processing grid; the slice
            nearest to metal is first.
        masks: bool `[slice, y, x]`; masks of the slices with metal.
        field_mm: edge length of the processing grid in mm.
    """

    clean_hu: Tensor
    masks: Tensor
    field_mm: float


def read_patient(path: Path) -> list[PatientScan]:
    """Read each series in a folder, or below it, that has both slices with metal and slices without metal.

    Metal is found automatically. The mask of a slice contains the part of this metal in the densest of three
    k-means classes, or all of this metal if no part is that dense.

    Raises:
        BadInput: no series has both slices with metal and slices without metal.
    """
    found = []
    for series in scan(path).series:
        report = check(series)
        if not report.is_volume:
            continue
        volume = read(series, report=report).volume
        metal = adaptive(volume.hu, volume.grid.stack_mm).possible
        has_metal = metal.any(axis=(1, 2))
        if not has_metal.any() or has_metal.all():
            continue
        frame = SliceFrame(volume.hu.shape[1:], volume.grid.spacing_mm[1:])
        dense = metal & k_means(volume.hu, _CLASSES)
        kept = np.where(dense.any(axis=(1, 2), keepdims=True), dense, metal)
        found.append(PatientScan(*neighbours(frame, volume.hu, kept, MOST_CLEAN), frame.pixel_mm * SIZE))
    if not found:
        raise BadInput(
            f"No scan in {path} has both slices with metal and slices without. near_hip trains on the metal-free "
            "slices of a patient, so choose a scan that extends beyond the metal."
        )
    return found
