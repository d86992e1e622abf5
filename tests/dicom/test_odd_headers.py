"""Impossible dates, identifiers and flags in headers."""

import numpy as np
import pytest

from marview import dicom
from marview.dicom import Kind, Outcome

pytestmark = pytest.mark.filterwarnings("ignore:Invalid value for VR", "ignore:The value length")


def findings_of(folder):
    return dicom.check(dicom.scan(folder).series[0]).findings


@pytest.mark.parametrize(
    ("keyword", "value", "words"),
    [
        ("StudyDate", "20201399", "The study date is not a valid date."),
        ("SeriesDate", "20200230", "The series date is not a valid date."),
        ("AcquisitionDate", "2020-01-02", "The acquisition date is not a valid date."),
        ("ContentDate", "00000000", "The content date is not a valid date."),
        ("StudyDate", "29991231", "The study date is in the future."),
        ("SeriesDate", "29991231", "The series date is in the future."),
    ],
)
@pytest.mark.parametrize("where", ["all", "one"])
def test_a_date_that_cannot_be_is_named_and_the_series_opens(slices, save, keyword, value, words, where):
    for dataset in slices if where == "all" else slices[3:4]:
        setattr(dataset, keyword, value)
    (finding,) = findings_of(save(slices))
    assert (finding.kind, finding.outcome, finding.sentence) == (Kind.ODD_HEADER, Outcome.OPENS, words)


@pytest.mark.parametrize("uid", ["1.2.x.4", "1." + "2" * 70, "1.2 3", "1.02.3", "1..2"])
def test_a_uid_that_is_not_valid_is_named_and_kept(slices, save, uid):
    for dataset in slices:
        dataset.StudyInstanceUID = uid
    series = dicom.scan(save(slices)).series[0]
    (finding,) = dicom.check(series).findings
    assert (finding.kind, finding.outcome) == (Kind.ODD_HEADER, Outcome.OPENS)
    assert "invalid UIDs" in finding.sentence
    assert uid not in finding.sentence
    assert series.slices[0].study_uid == uid


def test_one_slice_without_a_uid_is_named_before_an_export_is_refused(slices, save):
    folder = save(slices)
    path = folder / "003.dcm"
    data, uid = path.read_bytes(), slices[3].SOPInstanceUID.encode()
    at = data.index(b"\x08\x00\x18\x00UI")
    path.write_bytes(data[: at + 6] + b"\0\0" + data[at + 8 + len(uid) + len(uid) % 2 :])
    assert Kind.NO_UID in {finding.kind for finding in findings_of(folder)}


def test_a_pixel_representation_that_is_neither_is_named(slices, save, hu_of):
    slices[1].PixelRepresentation = 2
    loaded = dicom.open_series(save(slices))
    (finding,) = loaded.report.findings
    assert finding.kind == Kind.BITS
    assert finding.sentence.startswith("Pixel Representation of 001.dcm is neither")
    np.testing.assert_array_equal(loaded.volume.hu[1], hu_of(slices[1]))


@pytest.mark.parametrize("which", [[2], range(5)])
def test_a_few_bytes_after_the_image_are_a_finding_and_the_image_is_read(slices, save, hu_of, which):
    expected = [hu_of(dataset) for dataset in slices]
    for number in which:
        slices[number].PixelData += b"\1\2"
    loaded = dicom.open_series(save(slices))
    (finding,) = loaded.report.findings
    assert (finding.kind, finding.outcome) == (Kind.ODD_HEADER, Outcome.WARNS)
    assert "longer than the image" in finding.sentence
    np.testing.assert_array_equal(loaded.volume.hu, expected)


def test_a_negative_slope_is_named(slices, save, hu_of):
    for dataset in slices:
        dataset.RescaleSlope, dataset.RescaleIntercept = "-1", "3000"
    loaded = dicom.open_series(save(slices))
    assert {finding.kind for finding in loaded.report.findings} == {Kind.NOT_HU}
    assert "is negative" in loaded.report.findings[0].sentence
    np.testing.assert_array_equal(loaded.volume.hu[1], hu_of(slices[1]))
