"""Helpers for tests of derived series."""

import numpy as np
import pydicom

from marview.dicom import Derivation
from marview.dicom.quiet import quiet

HOW = Derivation("Normalized MAR", "1.2", "threshold_hu=2000, margin_mm=0.5", "ab" * 32)


def stored_of(path):
    with quiet():
        dataset = pydicom.dcmread(path)
    kind = "<i2" if dataset.PixelRepresentation else "<u2"
    return np.frombuffer(dataset.PixelData, kind).reshape(dataset.Rows, dataset.Columns).astype(int), dataset
