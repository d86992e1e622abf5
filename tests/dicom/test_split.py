"""Slices that are not one volume are split into several series."""

from pathlib import Path

import pytest

from marview import dicom
from marview.dicom import Kind
from marview.errors import BadInput


def _part_sizes(path: Path) -> list[int]:
    return sorted(len(series) for series in dicom.scan(path).series)


@pytest.mark.parametrize("what", ["size", "orientation", "spacing", "scout", "modality", "frame", "patient", "study"])
def test_slices_of_several_volumes_are_split(slices, save, what):
    for dataset in slices[:2]:
        match what:
            case "size":
                dataset.Rows, dataset.Columns = 6, 8
            case "orientation":
                dataset.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
            case "spacing":
                dataset.PixelSpacing = [0.6, 0.6]
            case "scout":
                dataset.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
            case "modality":
                dataset.Modality = "PT"
            case "frame":
                dataset.FrameOfReferenceUID = "1.2.3"
            case "patient":
                dataset.PatientID = "P2"
            case "study":
                dataset.StudyInstanceUID = "1.2.3.4"
    folder = save(slices)
    assert _part_sizes(folder) == [2, 3]
    assert len({series.key for series in dicom.scan(folder).series}) == 2


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [("PatientID", "P2", "several patients under one series UID"), ("FrameOfReferenceUID", "1.2.3", "different frame")],
)
def test_the_choice_among_parts_says_how_they_differ(slices, save, name, value, why):
    for dataset in slices[:2]:
        setattr(dataset, name, value)
    with pytest.raises(BadInput, match=rf"Pelvis 2\.0, 2 slices, {why}.*Pelvis 2\.0, 3 slices, {why}"):
        dicom.open_series(save(slices))


def test_parts_of_several_patients_say_so(slices, save):
    for number, dataset in enumerate(slices):
        dataset.PatientID = ("P1", "P2")[number % 2]
        if number == 4:
            dataset.PixelSpacing = [0.6, 0.6]
    for series in dicom.scan(save(slices)).series:
        kinds = [finding.kind for finding in dicom.check(series).findings]
        assert Kind.SEVERAL_PATIENTS in kinds
        assert (Kind.PART in kinds) == (series.slices[0].patient_id == "P1"), "its last slice has another spacing"


def test_phases_that_share_positions_are_split(slices, save):
    for number, dataset in enumerate(slices[:4]):
        dataset.ImagePositionPatient = [0, 0, 2.0 * (number % 2)]
        dataset.TemporalPositionIdentifier = number // 2 + 1
    folder = save(slices[:4])
    assert _part_sizes(folder) == [2, 2]
    assert all(series.split for series in dicom.scan(folder).series)


def test_acquisitions_at_different_positions_stay_one_volume(slices, save):
    for number, dataset in enumerate(slices):
        dataset.AcquisitionNumber = number
    assert _part_sizes(save(slices)) == [5]


@pytest.mark.parametrize(
    ("keyword", "values"),
    [
        ("ConvolutionKernel", ("B30f", "B70h")),
        ("AcquisitionNumber", (1, 2)),
        ("KVP", ("80", "140")),
        ("TriggerTime", ("0", "400")),
    ],
)
def test_acquisitions_whose_slices_lie_between_each_other_are_split(slices, save, keyword, values):
    for number, dataset in enumerate(slices):
        setattr(dataset, keyword, values[number % 2])
    folder = save(slices)
    assert _part_sizes(folder) == [2, 3]
    assert all(series.split.startswith("different ") for series in dicom.scan(folder).series)
    assert not any(dicom.check(series).question for series in dicom.scan(folder).series)


def test_a_number_written_in_two_ways_is_one_tube_voltage(slices, save):
    for number, dataset in enumerate(slices):
        dataset.KVP = ("120", "120.0")[number % 2]
    assert _part_sizes(save(slices)) == [5]


def test_one_patient_may_be_written_in_several_ways(slices, save):
    for dataset, name in zip(slices, ("Ä C^B", "Ä C^B^^", "ä c^b ", "Ä  C ^B", "A\u0308 C^B"), strict=True):
        dataset.PatientName = name
    folder = save(slices)
    assert len(dicom.scan(folder).studies) == 1
    assert _part_sizes(folder) == [5]


def test_spacings_that_differ_by_rounding_are_one_series(slices, save):
    for number, dataset in enumerate(slices):
        dataset.PixelSpacing = [0.48835, 0.48835] if number % 2 else [0.488349, 0.488349]
    assert _part_sizes(save(slices)) == [5]


@pytest.mark.parametrize("step_mm", [0.003, 0.015, 0.1])
def test_tiny_steps_are_not_copies(slices, save, step_mm):
    for number, dataset in enumerate(slices):
        dataset.ImagePositionPatient = [0, 0, round(number * step_mm, 4)]
        dataset.PixelSpacing = [0.3, 0.3]
    (series,) = dicom.scan(save(slices)).series
    report = dicom.check(series)
    assert report.findings == ()
    assert report.stack.grid.spacing_mm[0] == pytest.approx(step_mm)
