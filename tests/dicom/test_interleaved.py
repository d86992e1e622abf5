"""Acquisitions and reconstructions under one series UID whose slices alternate or share positions."""

import copy

import pytest
from pydicom.uid import generate_uid

from marview import dicom
from marview.dicom import Kind

MONO = [["ORIGINAL", "PRIMARY", "AXIAL", kind] for kind in ("MONO_40", "MONO_140")]


@pytest.fixture
def twelve(slices):
    """Twelve slices of 8 x 6 pixels, 2 mm apart."""
    made = []
    for z in range(12):
        dataset = copy.deepcopy(slices[z % 5])
        dataset.SOPInstanceUID, dataset.InstanceNumber = generate_uid(prefix=None), z + 1
        dataset.ImagePositionPatient = [-10.0, -20.0, 100.0 + 2.0 * z]
        made.append(dataset)
    return made


def sizes(folder):
    return sorted(len(series) for series in dicom.scan(folder).series)


def findings_of(folder):
    (series,) = dicom.scan(folder).series
    return dicom.check(series).findings


def put(datasets, keyword, values):
    for dataset, value in zip(datasets, values, strict=True):
        if value is not None:
            setattr(dataset, keyword, value)
        elif keyword in dataset:
            delattr(dataset, keyword)


@pytest.mark.parametrize(
    ("keyword", "values"),
    [
        ("AcquisitionNumber", (1, 2, 3)),
        ("AcquisitionNumber", (1, 2, "")),
        ("AcquisitionNumber", (1, 2, None)),
        ("ConvolutionKernel", ("B30f", "B60f", "H10")),
        ("ConvolutionKernel", ("B30f", "B60f", "")),
        ("KVP", ("80", "140", "")),
        ("ImageType", (*MONO, ["ORIGINAL", "PRIMARY", "AXIAL"])),
        ("AcquisitionTime", ("101112", "101512", "")),
    ],
)
def test_one_slice_with_a_value_of_its_own_does_not_hide_two_acquisitions(twelve, save, keyword, values):
    put(twelve, keyword, [values[2 if z == 5 else z % 2] for z in range(12)])
    assert sizes(save(twelve)) == [1, 5, 6]


@pytest.mark.parametrize(
    ("keyword", "values"),
    [
        ("ImageType", MONO),
        ("ImageType", [*MONO, ["ORIGINAL", "PRIMARY", "AXIAL", "MONO_70"]]),
        ("AcquisitionTime", ("101112", "101512")),
    ],
)
@pytest.mark.parametrize("where", ["between each other", "at one position"])
def test_slices_that_take_turns_in_image_type_or_time_are_split(twelve, save, keyword, values, where):
    number = len(values)
    put(twelve, keyword, [values[z % number] for z in range(12)])
    if where == "at one position":
        for z, dataset in enumerate(twelve):
            dataset.ImagePositionPatient = [-10.0, -20.0, 100.0 + 2.0 * (z // number)]
    assert sizes(save(twelve)) == [12 // number] * number


def test_two_scans_whose_slices_have_times_of_their_own_are_split(twelve, save):
    put(twelve, "AcquisitionTime", [f"10{11 + 4 * (z % 2)}{10 + z:02d}.{z}" for z in range(12)])
    assert sizes(save(twelve)) == [6, 6]


def test_scans_of_two_days_at_one_time_are_split(twelve, save):
    put(twelve, "AcquisitionTime", ["101112"] * 12)
    put(twelve, "AcquisitionDate", [f"2020010{1 + z % 2}" for z in range(12)])
    assert sizes(save(twelve)) == [6, 6]


def test_kernels_of_two_acquisitions_at_one_position_are_split(twelve, save):
    for z, dataset in enumerate(twelve):
        dataset.ImagePositionPatient = [-10.0, -20.0, 100.0 + 2.0 * (z // 4)]
        dataset.ConvolutionKernel, dataset.AcquisitionNumber = "AB"[z % 2], 1 + z // 2 % 2
    assert sizes(save(twelve)) == [3, 3, 3, 3]


@pytest.mark.parametrize(
    ("keyword", "values"),
    [
        ("AcquisitionTime", [f"1011{10 + z:02d}" for z in range(12)]),
        ("AcquisitionTime", [f"1011{40 - z:02d}" for z in range(12)]),
        ("AcquisitionTime", [f"1011{10 + z // 2:02d}" for z in range(12)]),
        ("AcquisitionTime", ["101112"] * 6 + ["101512"] * 6),
        ("AcquisitionTime", ["101112"] * 11 + ["101512"]),
        ("AcquisitionTime", [None] * 12),
        ("ImageType", [MONO[z // 6] for z in range(12)]),
        ("ImageType", [MONO[2 <= z % 6 < 5] for z in range(12)]),
        ("ImageType", [MONO[z == 5] for z in range(12)]),
        ("AcquisitionNumber", [1] * 5 + [2] + [1] * 6),
        ("AcquisitionNumber", [1, 1, 2, 1, 1, 1, 3, 1, 1, 1, 1, 1]),
        ("AcquisitionNumber", list(range(12))),
        ("TriggerTime", [1, 2, 3, 4, 1, 2, 5, 6, 7, 8, 9, 10]),
        ("XRayTubeCurrent", [100 + 7 * (z % 5) for z in range(12)]),
        ("XRayTubeCurrent", list(range(100, 112))),
        ("XRayTubeCurrent", [100] * 6 + [200] * 6),
        ("SeriesDescription", [f"Slice {z}" for z in range(12)]),
    ],
)
def test_values_of_one_ordinary_scan_neither_split_nor_warn(twelve, save, keyword, values):
    put(twelve, keyword, values)
    assert findings_of(save(twelve)) == ()


@pytest.mark.parametrize(
    ("keyword", "values", "name"),
    [
        ("XRayTubeCurrent", (100, 400), "tube current"),
        ("Exposure", (10, 40), "exposure"),
        ("FilterType", ("HEAD", "BODY"), "filter type"),
        ("ReconstructionDiameter", ("200", "400"), "reconstruction diameter"),
        ("SeriesDescription", ("Arterial", "Portal"), "series description"),
        ("ContrastBolusAgent", ("", "Iodine"), "contrast agent"),
        ("ScanOptions", ("HELICAL", "AXIAL"), "scan mode"),
        ("ProtocolName", ("A", "B"), "protocol"),
        ("SeriesTime", ("101112", "103112"), "series time"),
        ("ExposureTime", (500, 1000), "exposure time"),
        ("TableHeight", ("100", "120"), "table height"),
        ("ReconstructionAlgorithm", ("FILTER_BACK_PROJ", "ITERATIVE"), "reconstruction algorithm"),
        ("PatientPosition", ("HFS", "FFS"), "patient position"),
        ("FocalSpots", ("0.6", "1.2"), "focal spot"),
        ("DataCollectionDiameter", ("320", "500"), "data collection diameter"),
        ("RevolutionTime", (0.3, 0.5), "rotation time"),
        ("TotalCollimationWidth", (10.0, 40.0), "collimation"),
        ("SpiralPitchFactor", (0.5, 1.0), "spiral pitch"),
    ],
)
def test_a_setting_that_alternates_from_slice_to_slice_is_a_finding(twelve, save, keyword, values, name):
    put(twelve, keyword, [values[z % 2] for z in range(12)])
    (finding,) = findings_of(save(twelve))
    assert finding.kind == Kind.MIXED
    assert finding.sentence.startswith(f"The {name} alternates from slice to slice")


@pytest.mark.parametrize(
    ("keyword", "values", "name"),
    [
        ("XRayTubeCurrent", (100, 400), "tube current"),
        ("ContrastBolusAgent", ("", "Iodine"), "contrast agent"),
        ("SliceThickness", ("1", "5"), "slice thickness"),
    ],
)
def test_stacks_at_the_same_positions_are_split_by_any_setting(twelve, save, keyword, values, name):
    for z, dataset in enumerate(twelve):
        dataset.ImagePositionPatient = [0, 0, 2.0 * (z % 6)]
        setattr(dataset, keyword, values[z // 6])
    assert [(len(part), part.split) for part in dicom.scan(save(twelve)).series] == [(6, f"different {name}")] * 2
