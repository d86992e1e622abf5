"""Whether the values of a series can be HU, and whether its files say what they are."""

import numpy as np
import pytest
from pydicom import dcmread

from marview import dicom
from marview.dicom import Kind, Outcome
from marview.errors import BadInput
from tests.dicom.reports import kinds, report_of


@pytest.mark.parametrize(("keyword", "values"), [("ConvolutionKernel", "AB"), ("KVP", ("80", "120"))])
def test_parts_of_a_scan_made_in_several_ways_are_reported(slices, save, keyword, values):
    for number, dataset in enumerate(slices):
        setattr(dataset, keyword, values[number > 2])
    report = report_of(save(slices))
    assert kinds(report) == {Kind.MIXED}
    assert report.is_volume


@pytest.mark.parametrize(
    ("keyword", "value", "kind"),
    [
        ("RescaleSlope", None, Kind.NO_RESCALE),
        ("PixelSpacing", None, Kind.NO_SPACING),
        ("PixelSpacing", [0, 0.5], Kind.NO_SPACING),
        ("PixelSpacing", [-1, 0.5], Kind.NO_SPACING),
        ("ImagePositionPatient", None, Kind.NO_POSITION),
        ("ImageOrientationPatient", [1, 0, 0, 1, 0, 0], Kind.NO_POSITION),
        ("Modality", "MR", Kind.NOT_CT),
        ("RescaleType", "Z_EFF", Kind.NOT_HU),
        ("RescaleType", "MGML", Kind.NOT_HU),
        ("RescaleType", "ED", Kind.NOT_HU),
        ("RescaleType", "OD", Kind.NOT_HU),
        ("RescaleType", "US", Kind.NOT_HU),
        ("ImageType", ["DERIVED", "PRIMARY", "AXIAL", "EFF_ATOMIC_NUM"], Kind.NOT_HU),
        ("PixelSpacing", [0.0005, 0.0005], Kind.NO_UNIT),
        ("PixelSpacing", [500, 500], Kind.NO_UNIT),
        ("ImageType", ["ORIGINAL", "PRIMARY", "LOCALIZER"], Kind.SCOUT),
    ],
)
def test_series_that_cannot_be_measured_are_only_viewed(slices, save, keyword, value, kind):
    for dataset in slices:
        if value is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    folder = save(slices)
    report = report_of(folder)
    assert kind in kinds(report)
    assert report.outcome == Outcome.VIEWS
    assert not report.is_volume
    assert "not measure or correct" in report.reason
    assert dicom.read(dicom.scan(folder).series[0]).volume.hu.shape == (5, 8, 6)


@pytest.mark.parametrize("slope", ["NaN", "0", "inf", "1e30", "-4e9", "1e-30"])
def test_an_unusable_slope_refuses(slices, save, slope):
    from pydicom.dataelem import RawDataElement
    from pydicom.tag import Tag

    raw = slope.encode().ljust(4)
    for dataset in slices:
        dataset[0x00281053] = RawDataElement(Tag(0x00281053), "DS", len(raw), raw, 0, False, True)
    report = report_of(save(slices))
    assert report.outcome == Outcome.REFUSES
    assert "slope" in report.reason
    with pytest.raises(BadInput, match="slope"):
        dicom.read(dicom.scan(save(slices, "again")).series[0])


@pytest.mark.filterwarnings("ignore:Invalid value for VR CS")
def test_a_modality_in_small_letters_is_ct(slices, save):
    for dataset in slices:
        dataset.Modality = "ct"
    assert report_of(save(slices)).findings == ()


@pytest.mark.parametrize(
    "named", ["", "HU", "hu ", "Hounsfield Unit", "HOUNSFIELD UNITS", "HOUNSFIELD_UNITS", "H.U.", "[HU]", "[hnsf'U]"]
)
def test_hu_may_go_unnamed(slices, save, named):
    for dataset in slices:
        dataset.RescaleType = named
    assert report_of(save(slices)).findings == ()


def test_modified_hu_are_reported_and_keep_their_name_in_the_derived_series(slices, save, tmp_path):
    for dataset in slices:
        dataset.RescaleType = "HU_MOD"
    loaded = dicom.open_series(save(slices))
    assert kinds(loaded.report) == {Kind.NOT_HU}
    assert loaded.report.is_volume
    method = dicom.Derivation("LI", "1")
    written = dicom.write_derived_series(loaded, np.zeros((5, 8, 6), np.float32), method, tmp_path / "out")
    assert dcmread(written.files[0]).RescaleType == "HU_MOD"


def grey(slices, low, high, slope="1", intercept="0"):
    rng = np.random.default_rng(3)
    for dataset in slices:
        dataset.PixelData = rng.integers(low, high, (8, 6)).astype("<u2").tobytes()
        dataset.RescaleSlope, dataset.RescaleIntercept = slope, intercept


@pytest.mark.parametrize("raw", [b"abc ", b"0x1 ", b"1\\2 "])
@pytest.mark.parametrize("tag", [0x00281052, 0x00281053])
def test_a_rescale_that_is_not_a_single_number_is_only_viewed(slices, save, tag, raw):
    from pydicom.dataelem import RawDataElement
    from pydicom.tag import Tag

    for dataset in slices:
        dataset[tag] = RawDataElement(Tag(tag), "DS", len(raw), raw, 0, False, True)
    report = report_of(save(slices))
    assert report.outcome == Outcome.VIEWS
    assert "rescale slope or intercept of " in report.reason
    assert "is missing or unusable" in report.reason


@pytest.mark.parametrize(
    ("low", "high", "slope", "outcome"),
    [(0, 3000, "1", Outcome.WARNS), (0, 4000, "0.0001", Outcome.VIEWS), (0, 2, "1", Outcome.VIEWS)],
)
def test_values_that_cannot_be_hu_are_found_when_they_are_read(slices, save, low, high, slope, outcome):
    grey(slices, low, high, slope)
    report = dicom.open_series(save(slices)).report
    (finding,) = report.findings
    assert finding.kind == Kind.NOT_HU
    assert finding.outcome == outcome


def test_an_unknown_transfer_syntax_is_named(slices, save):
    folder = save(slices)
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes().replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.9\0"))
    report = report_of(folder)
    assert report.outcome == Outcome.REFUSES
    assert "1.2.840.10008.1.2.9" in report.reason


def test_missing_uids_are_not_invented(slices, save):
    for dataset in slices:
        dataset.SeriesInstanceUID = dataset.StudyInstanceUID = ""
    (series,) = dicom.scan(save(slices)).series
    assert series.uid == ""
    assert kinds(dicom.check(series)) == {Kind.NO_UID}


def test_real_files_without_extension_or_uids_open(shared_data):
    report = report_of(shared_data / "awkward_dicom" / "no_extension")
    assert kinds(report) == {Kind.NO_UID, Kind.ODD_HEADER}
    assert report.stack.grid.shape == (20, 512, 512)
