"""Damage that decoders miss is found by comparing neighbouring slices; metal, gas and noise are not mistaken for it."""

import numpy as np
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian, JPEGLSLossless, RLELossless

from marview import dicom
from marview.dicom import Kind
from marview.dicom.outliers import doubtful_row

ROWS, COLUMNS = 96, 128


def body(seed: int) -> np.ndarray:
    y, x = np.mgrid[-48:48, -64:64] + 0.5
    hu = np.where(np.hypot(y, x * 0.8) < 42, 40, -1000)
    hu[np.hypot(y - 20, x) < 6] = 800
    return (hu + np.random.default_rng(seed).normal(0, 20, hu.shape)).astype(np.int16)


@pytest.mark.parametrize("first", [0, 1, 50, 94])
@pytest.mark.parametrize("error_hu", [-300, 150, 2000])
def test_an_error_that_runs_through_the_rest_of_a_slice_is_found(first: int, error_hu: int) -> None:
    here = body(1)
    here[first:] = here[first:] + error_hu
    assert doubtful_row(body(0), here, body(2)) == first


def test_an_error_in_one_row_is_found() -> None:
    here = body(1)
    here[40, 60:] += 500
    assert doubtful_row(body(0), here, body(2)) == 40


@pytest.mark.parametrize("what", ["nothing", "metal", "streak", "gas", "end of the body", "noise", "moved"])
def test_anatomy_and_metal_in_one_slice_are_not_damage(what: str) -> None:
    below, here, above = body(0), body(1), body(2)
    y, x = np.mgrid[-48:48, -64:64] + 0.5
    if what == "metal":
        here[np.hypot(y, x - 20) < 5] = 8000
    elif what == "streak":  # between two stems, in this slice alone, fading over some rows
        here[np.abs(x) < 30] += np.round(-400 * np.exp(-((y / 5) ** 2)))[np.abs(x) < 30].astype(np.int16)
    elif what == "gas":
        here[np.hypot(y + 15, x) < 18] = -950
    elif what == "end of the body":
        above = np.full_like(above, -1000)
    elif what == "noise":
        here = (here + np.random.default_rng(3).normal(0, 60, here.shape)).astype(np.int16)
    elif what == "moved":
        here = np.roll(here, 4, axis=1)
    assert doubtful_row(below, here, above) is None


@pytest.mark.parametrize("syntax", [JPEGLSLossless, RLELossless, DeflatedExplicitVRLittleEndian, None])
def test_only_slices_that_a_codec_decoded_are_compared(slices, save, syntax) -> None:
    for z, dataset in enumerate(slices):
        stored = body(z) + 1024
        if z == 2:
            stored[30:] += 700
        dataset.Rows, dataset.Columns = stored.shape
        dataset.PixelData = stored.clip(0, 4095).astype("<u2").tobytes()
        if syntax == DeflatedExplicitVRLittleEndian:
            dataset.file_meta.TransferSyntaxUID = syntax
        elif syntax is not None:
            dataset.compress(syntax)
    loaded = dicom.read(dicom.scan(save(slices)).series[0])
    doubtful = [finding for finding in loaded.report.findings if finding.kind == Kind.DOUBTFUL]
    assert [finding.slices for finding in doubtful] == ([] if syntax is None else [(2,)])
    assert loaded.report.is_volume
    assert not loaded.report.question
    if doubtful:
        assert doubtful[0].sentence.startswith("002.dcm may be damaged: from row 30 on,")
