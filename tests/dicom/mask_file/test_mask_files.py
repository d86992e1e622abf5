"""Masks written by other programs, in any format, and files that are not masks."""

import re

import nrrd
import numpy as np
import pytest
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

from marview import dicom, export
from marview.dicom.make import Labels, write_ct_series
from marview.dicom.mask_file import read_mask, read_metal
from marview.dicom.verbatim import put_text
from marview.errors import BadInput
from marview.volume.mask import grow_px
from tests.dicom.mask_file.cases import GRID, save_nifti, save_nrrd, sources_of, write_series


def test_a_mask_on_other_voxels_is_resampled_and_says_so(series, mask, tmp_path) -> None:
    fine = np.repeat(np.repeat(mask, 2, 1), 2, 2).transpose(2, 1, 0).astype(np.uint8)
    path = save_nrrd(tmp_path / "fine.nrrd", fine, np.diag([0.5, 0.5, 2.0]), (-0.25, -0.25, 0))
    read = read_mask(path, series)
    np.testing.assert_array_equal(read.mask, mask)
    assert "fine.nrrd is not on the voxel grid of the series, so it was resampled" in read.notes[0]


def test_parts_outside_are_reported(series, mask, tmp_path) -> None:
    path = save_nrrd(tmp_path / "far.nrrd", mask.transpose(2, 1, 0).astype(np.uint8), origin=(0, 0, 4.0))
    read = read_mask(path, series)
    np.testing.assert_array_equal(read.mask[2:], mask[:3])
    assert read.notes == ("marview left out 1 voxel of far.nrrd that are outside the series.",)


def test_several_labels_and_segments_are_all_metal_and_named(series, mask, tmp_path) -> None:
    labels = mask.astype(np.int16) * np.where(np.arange(10) > 3, 2, 1)
    path = save_nifti(tmp_path / "m.nii.gz", labels.transpose(2, 1, 0), np.diag([-1.0, -1, 2, 1]))
    read = read_mask(path, series)
    np.testing.assert_array_equal(read.mask, mask)
    assert "contains 2 labels" in read.notes[0]


def test_a_mask_of_another_patient_or_frame_is_refused(series, mask, tmp_path) -> None:
    other = dicom.open_series(write_series(tmp_path / "other", "two", "P-2"))
    path = export.write_mask(tmp_path / "other.dcm", mask, other)
    with pytest.raises(BadInput, match=r"other\.dcm and the series belong to different patients"):
        read_mask(path, series)
    later = dicom.open_series(write_series(tmp_path / "later", "three"))
    path = export.write_mask(tmp_path / "later.dcm", mask, later)
    with pytest.raises(BadInput, match=r"later\.dcm: The mask has another frame of reference"):
        read_mask(path, series)


def test_a_file_that_is_not_a_mask_is_refused_with_a_message(series, mask, tmp_path) -> None:
    values = mask.transpose(2, 1, 0).astype(np.uint8)
    ras = np.diag([-1.0, -1, 2, 1])
    save_nifti(tmp_path / "empty.nii", np.zeros_like(values), ras)
    save_nifti(tmp_path / "volume.nii", np.arange(values.size, dtype=np.int16).reshape(values.shape) - 100, ras)
    save_nifti(tmp_path / "shares.nii", values * np.float32(0.7), ras)
    save_nifti(tmp_path / "nan.nii", np.where(values, np.float32("nan"), 0), ras)
    elsewhere = ras.copy()
    elsewhere[:3, 3] = 500
    save_nifti(tmp_path / "elsewhere.nii", values, elsewhere)
    (tmp_path / "words.dcm").write_text("no mask at all")
    (tmp_path / "words.nrrd").write_bytes(b"NRRD0004\nnonsense\n\n")
    nrrd.write(str(tmp_path / "nowhere.nrrd"), values)
    save_nrrd(tmp_path / "detached.nhdr", values)
    whole = save_nrrd(tmp_path / "whole.nrrd", values).read_bytes()
    (tmp_path / "cut.nrrd").write_bytes(whole[:-20])
    (tmp_path / "huge.nrrd").write_bytes(whole.replace(b"sizes: 10 12 5", b"sizes: 30000 30000 30000"))
    for name, said in {
        "absent.dcm": "cannot be read",
        "empty.nii": "is an empty mask",
        "volume.nii": "is not a mask: its values range from -100 to 499",
        "shares.nii": "is not a mask",
        "nan.nii": "is not a mask",
        "elsewhere.nii": "is outside the volume",
        "words.dcm": "not DICOM SEG, NRRD or NIfTI",
        "words.nrrd": "is not a readable NRRD file",
        "nowhere.nrrd": "does not state where its voxels are",
        "detached.nhdr": "stores its values in another file",
        "cut.nrrd": "truncated",
        "huge.nrrd": "declares 30000 x 30000 x 30000 voxels",
    }.items():
        with pytest.raises(BadInput, match=name) as refusal:
            read_mask(tmp_path / name, series)
        assert said in str(refusal.value)
        assert str(refusal.value).endswith((".", "?"))


@pytest.mark.parametrize(
    ("charset", "identifier"),
    [
        (b"", "Mü1".encode()),
        (b"", b"M\xfc1"),
        (b"ISO_IR 100", "Mü1".encode()),
        (b"ISO_IR 192", "A\u200b1".encode()),
        (b"ISO_IR 192", b"M\xfc1"),
        (b"ISO_IR 100", b"A\t1"),
        (b"ISO_IR 100", b"A\x001"),
        (b"ISO_IR 100", b"A\\B"),
        (b"\\ISO 2022 IR 149", b"\x1b$)C\xb1\xe8"),
    ],
)
def test_a_mask_written_for_a_patient_is_read_for_that_patient(series, mask, tmp_path, charset, identifier) -> None:
    (tmp_path / "odd").mkdir()
    for dataset in sources_of(series):
        texts = {}
        for number, kind, text in ((0x00080005, "CS", charset), (0x00100020, "LO", identifier)):
            tag, value = Tag(number), text + b" " * (len(text) % 2)
            texts[tag] = RawDataElement(tag, kind, len(value), value, 0, is_implicit_VR=False, is_little_endian=True)
        put_text(dataset, texts)
        dataset.save_as(tmp_path / "odd" / f"{dataset.InstanceNumber}.dcm")
    odd = dicom.open_series(tmp_path / "odd")
    path = export.write_mask(tmp_path / "own.dcm", mask, odd)
    np.testing.assert_array_equal(read_mask(path, odd).mask, mask)


def test_a_mask_of_tissue_is_doubted_and_a_generous_one_is_not(mask, tmp_path) -> None:
    hu = np.where(mask, 3000, 40).astype(np.int16)
    write_ct_series(hu, GRID, tmp_path / "series", Labels("NO^ONE", "P-1", "A study", "S"))
    series = dicom.open_series(tmp_path / "series")
    for name, values in (("own", mask), ("generous", grow_px(mask, 1)), ("moved", np.roll(mask, 4, axis=2))):
        save_nrrd(tmp_path / f"{name}.nrrd", values.transpose(2, 1, 0).astype(np.uint8))
    assert read_metal(tmp_path / "own.nrrd", series).notes == ()
    assert read_metal(tmp_path / "generous.nrrd", series).notes == ()
    [note] = read_metal(tmp_path / "moved.nrrd", series).notes
    assert re.fullmatch(r"\d+% of the mask moved.nrrd is below 500 HU\. Check that it belongs to this series\.", note)
