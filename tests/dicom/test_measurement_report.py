"""Measurements as DICOM SR: highdicom reads them back, with the patient and study of the source."""

import highdicom
import numpy as np
import pytest
from pydicom import dcmread

from marview import dicom
from marview.dicom.cannot_write import CannotWrite
from marview.dicom.make import Labels, write_ct_series
from marview.dicom.measurement_report import ImageValues, ReportedMeasure, write_measurement_report
from marview.errors import BadInput
from marview.geometry import Grid

SQUARE = np.array([(0.0, 0.0, 4.0), (10.0, 0.0, 4.0), (10.0, 5.0, 4.0), (0.0, 5.0, 4.0)])
MEASURES = (
    ReportedMeasure("Length 1", "POLYLINE", SQUARE[:2], (2,), (ImageValues("Original", length_mm=10.0),)),
    ReportedMeasure("Angle 2", "POLYLINE", SQUARE[:3], (2,), (ImageValues("Original", angle_deg=90.0),)),
    ReportedMeasure(
        "Rectangle 3",
        "POLYGON",
        SQUARE,
        (2,),
        (
            ImageValues("Original", area_mm2=50.0, mean_hu=41.5, sd_hu=3.25, min_hu=-7.0, max_hu=90.0),
            ImageValues("1 Normalized MAR", area_mm2=50.0, mean_hu=38.0, sd_hu=2.5, min_hu=-3.0, max_hu=80.0),
        ),
    ),
    ReportedMeasure("Probe 4", "POINT", SQUARE[:1], (), (ImageValues("Original", mean_hu=3071.0),)),
    ReportedMeasure(
        "Ellipse 5",
        "ELLIPSE",
        np.array([(0.0, 2.5, 4.0), (10.0, 2.5, 4.0), (5.0, 0.0, 4.0), (5.0, 5.0, 4.0)]),
        (2,),
        (ImageValues("Original", area_mm2=39.27, mean_hu=float("nan")),),
    ),
)


@pytest.fixture
def series(tmp_path):
    labels = Labels(
        patient_name="TEST^NOBODY",
        patient_id="T1",
        study_description="A test",
        series_description="Small series",
        series_number=4,
        body_part="CHEST",
        comments="",
        kvp=120.0,
    )
    grid = Grid.from_spacing((5, 20, 24), (2.0, 1.0, 1.0))
    folder = tmp_path / "series"
    write_ct_series(np.zeros(grid.shape, np.int16), grid, folder, labels, seed="a", study_seed="b")
    return dicom.open_series(folder)


def test_highdicom_reads_values_units_and_places_back(series, tmp_path) -> None:
    file = write_measurement_report(tmp_path / "measures.dcm", MEASURES, series)
    report = highdicom.sr.srread(file)
    assert isinstance(report, highdicom.sr.Comprehensive3DSR)
    regions = report.content.get_planar_roi_measurement_groups()
    assert [group.tracking_identifier for group in regions] == [
        "Rectangle 3, Original",
        "Rectangle 3, 1 Normalized MAR",
        "Ellipse 5, Original",
    ]
    assert regions[0].tracking_uid == regions[1].tracking_uid != regions[2].tracking_uid
    first = regions[0]
    np.testing.assert_allclose(first.roi.value[:4], SQUARE)
    found = {
        (one.name.meaning, None if one.derivation is None else one.derivation.meaning): (one.value, one.unit.value)
        for one in first.get_measurements()
    }
    assert found == {
        ("Area", None): (50.0, "mm2"),
        ("Attenuation Coefficient", "Mean"): (41.5, "[hnsf'U]"),
        ("Attenuation Coefficient", "Standard Deviation"): (3.25, "[hnsf'U]"),
        ("Attenuation Coefficient", "Minimum"): (-7.0, "[hnsf'U]"),
        ("Attenuation Coefficient", "Maximum"): (90.0, "[hnsf'U]"),
    }
    others = report.content.get_image_measurement_groups()
    [length], [angle], [probe] = (group.get_measurements() for group in others)
    assert (length.name.meaning, length.value, length.unit.value) == ("Length", 10.0, "mm")
    assert (angle.name.meaning, angle.value, angle.unit.value) == ("Angle", 90.0, "deg")
    assert (probe.value, probe.unit.value) == (3071.0, "[hnsf'U]")
    np.testing.assert_allclose(length.referenced_coordinates[0].value, SQUARE[:2])


def test_the_report_is_of_the_patient_study_and_frame_of_the_source(series, tmp_path) -> None:
    file = write_measurement_report(tmp_path / "measures.dcm", MEASURES, series)
    report, source = dcmread(file), dcmread(series.sources[2].source.path)
    for keyword in ("PatientName", "PatientID", "StudyInstanceUID", "StudyDescription", "StudyDate"):
        assert report.get(keyword) == source.get(keyword)
    assert report.Modality == "SR"
    assert report.SeriesInstanceUID != source.SeriesInstanceUID
    assert source.FrameOfReferenceUID.encode() in file.read_bytes()
    assert report.CurrentRequestedProcedureEvidenceSequence or report.PertinentOtherEvidenceSequence


def test_nothing_is_written_without_measurements_or_where_there_is_no_room(series, tmp_path) -> None:
    with pytest.raises(BadInput, match="measure something first"):
        write_measurement_report(tmp_path / "measures.dcm", (), series)
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotWrite):
        write_measurement_report(tmp_path / "file" / "measures.dcm", MEASURES, series)
    assert not list(tmp_path.glob("*.dcm"))
