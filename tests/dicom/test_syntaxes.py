"""Every transfer syntax gives the same HU, and damaged codestreams are named."""

import contextlib

import numpy as np
import pytest

from marview import dicom
from marview.dicom import Kind
from marview.errors import BadInput
from tests.dicom.stored import one

REFERENCE = "CTImage.dcm"


LOSSY_MEAN_HU = {".50": 30, ".51": 4, ".53": 4, ".55": 4, ".81": 1, ".91": 1}


SYNTAXES = [
    ".2",
    ".99",
    ".50",
    ".51",
    ".53",
    ".55",
    ".57",
    ".70",
    ".80",
    ".81",
    ".90",
    ".91",
    ".2.1",
    ".2.2",
    ".1.2",
    ".5",
]


@pytest.mark.parametrize("ending", SYNTAXES)
def test_every_transfer_syntax_gives_the_same_hu(shared_data, ending, capfd):
    folder = shared_data / "awkward_dicom" / "transfer_syntaxes"
    reference = dicom.open_series(folder / REFERENCE).volume.hu
    files = [path for path in folder.glob("CT*") if path.stem.endswith(ending)]
    if ending == ".2":
        files = [folder / REFERENCE]
    assert files
    for path in files:
        loaded = dicom.open_series(path)
        difference = np.abs(loaded.volume.hu.astype(int) - reference)
        assert difference.mean() <= LOSSY_MEAN_HU.get(ending, 0)
        is_lossy = ending in LOSSY_MEAN_HU
        assert (Kind.LOSSY in {finding.kind for finding in loaded.report.findings}) == is_lossy


def test_sixteen_syntaxes_are_all_tested(shared_data):
    files = list((shared_data / "awkward_dicom" / "transfer_syntaxes").glob("CT*"))
    assert len(files) == len(SYNTAXES) == 16


def test_real_jpeg_2000_without_uids_reads(shared_data):
    folder = shared_data / "awkward_dicom" / "no_extension"
    (first, *_) = sorted(folder.glob("CT.*"))
    loaded = dicom.open_series(first)
    assert loaded.volume.hu.min() >= -1024
    assert loaded.volume.hu.max() > 300


@pytest.mark.parametrize("ending", [".50", ".51", ".53", ".55", ".57", ".70"])
def test_a_warning_of_the_jpeg_decoder_marks_a_damaged_slice(shared_data, tmp_path, ending):
    (path,) = (shared_data / "awkward_dicom" / "transfer_syntaxes").glob(f"*4{ending}.dcm")
    data = path.read_bytes()
    header = one(path).slices[0]
    sentences = []
    for at in np.linspace(header.pixel_offset + 600, len(data) - 400, 12).astype(int):
        (tmp_path / "bad.dcm").write_bytes(data[:at] + bytes(64) + data[at + 64 :])
        with contextlib.suppress(BadInput):
            dicom.open_series(tmp_path / "bad.dcm")
            continue
        with pytest.raises(BadInput) as refusal:
            dicom.open_series(tmp_path / "bad.dcm")
        sentences.append(str(refusal.value))
    assert len(sentences) >= 4
    assert any("its decoder found corrupt data" in sentence for sentence in sentences)
