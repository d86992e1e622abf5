"""Helpers that set the stored values of slices and find their series."""

import numpy as np

from marview import dicom


def one(folder):
    (series,) = dicom.scan(folder).series
    return series


def as_bits(dataset, stored, *, bits, signed=0, high=None, allocated=16):
    high = bits - 1 if high is None else high
    raw = (stored.astype(np.int64) & ((1 << bits) - 1)) << (high + 1 - bits)
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = allocated, bits, high
    dataset.PixelRepresentation = signed
    dataset.PixelData = raw.astype(f"<u{allocated // 8}").tobytes()
