"""Scans that a network is trained on for their own sake: slices without metal beside those with some, and its masks."""

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
    """What is learned from.

    Attributes:
        clean_hu: slices without metal on the processing grid, nearest to metal first, float32 HU, `[slice, y, x]`.
        masks: metal of the slices that have some, bool, `[slice, y, x]`.
        field_mm: edge of the processing grid.
    """

    clean_hu: Tensor
    masks: Tensor
    field_mm: float


def read_patient(path: Path) -> list[PatientScan]:
    """The scans with metal under a path, one for each series that has some.

    Metal is the densest of three classes in slices where metal is found at all.

    Raises:
        BadInput: no series has both metal and slices without it.
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
            f"{path} holds no scan with metal in some slices and none in others; near_hip learns from a patient's "
            "slices beside the metal."
        )
    return found
