"""Whether the slices of a series form a volume."""

import itertools
from copy import deepcopy

import numpy as np
import pytest

from marview import dicom
from marview.dicom import Kind, Outcome
from tests.dicom.reports import kinds, report_of


def move(slices, z_mm):
    for dataset, mm in zip(slices, z_mm, strict=True):
        dataset.ImagePositionPatient = [-10.0, -20.0, mm]


def test_an_even_series_opens_without_a_finding(slices, save):
    report = report_of(save(slices))
    assert report.outcome == Outcome.OPENS
    assert report.is_volume
    assert report.reason == report.question == ""
    assert report.stack.grid.spacing_mm == pytest.approx((2, 0.5, 0.75))


@pytest.mark.parametrize("jitter", [[0, 0.01, -0.01, 0.01, 0], [0.05, -0.05, 0.05, -0.05, 0.05]])
def test_jitter_and_rounding_of_positions_do_not_warn(slices, save, jitter):
    move(slices, 2 * np.arange(5) + jitter)
    report = report_of(save(slices))
    assert report.findings == ()
    assert report.stack.grid.spacing_mm[0] == pytest.approx(2, abs=0.03)


def test_order_comes_from_positions_not_from_names_or_instance_numbers(slices, save, hu_of):
    shuffled = [slices[at] for at in (3, 0, 4, 1, 2)]
    for number, dataset in enumerate(shuffled):
        dataset.InstanceNumber = number
        dataset.SliceThickness = "7"
        dataset.SliceLocation = str(-number)
    loaded = dicom.open_series(save(shuffled))
    assert loaded.report.findings == ()
    for z, dataset in enumerate(slices):
        np.testing.assert_array_equal(loaded.volume.hu[z], hu_of(dataset))
        np.testing.assert_allclose(loaded.volume.grid.to_patient((z, 0, 0)), dataset.ImagePositionPatient)


def test_a_missing_slice_is_named_with_both_neighbours_and_stays_open(slices, save, hu_of):
    report = report_of(save(slices[:2] + slices[3:]))
    (finding,) = report.findings
    assert finding.kind == Kind.MISSING_SLICE
    assert finding.slices == (2,)
    for word in ("001.dcm", "002.dcm", "2.00 mm expected", "4.00 mm found"):
        assert word in finding.sentence
    assert report.outcome == Outcome.WARNS
    assert report.question.startswith(finding.sentence)
    assert report.stack.gaps == (2,)


def test_a_missing_slice_reads_as_padding_at_its_place(slices, save, hu_of):
    loaded = dicom.open_series(save(slices[:2] + slices[3:]))
    assert loaded.gaps == (2,)
    assert (loaded.volume.hu[2] == dicom.PADDING_HU).all()
    np.testing.assert_array_equal(loaded.volume.hu[4], hu_of(slices[4]))


def test_uneven_spacing_is_viewed_and_names_the_pair(slices, save):
    move(slices, [0, 2, 4, 6.7, 8.7])
    report = report_of(save(slices))
    (finding,) = report.findings
    assert finding.kind == Kind.UNEVEN_SPACING
    assert report.outcome == Outcome.VIEWS
    assert not report.is_volume
    assert "2.70 mm between 002.dcm and 003.dcm instead of the usual 2.00 mm" in report.reason


@pytest.mark.parametrize("thickness", [("2", "4"), ("", ""), ("2", "2")])
def test_two_spacings_are_not_missing_slices(slices, save, thickness):
    more = [deepcopy(slices[-1]) for _ in range(4)]
    slices = [*slices, *more]
    move(slices, [0, 2, 4, 6, 8, 12, 16, 20, 24])
    for number, dataset in enumerate(slices):
        dataset.SOPInstanceUID = f"1.2.3.{number}"
        dataset.InstanceNumber = number + 1
        dataset.SliceThickness = thickness[number > 4]
    report = report_of(save(slices))
    assert Kind.UNEVEN_SPACING in kinds(report)
    assert Kind.MISSING_SLICE not in kinds(report)
    assert report.outcome == Outcome.VIEWS
    assert "2.00 mm, and 4.00 mm from 004.dcm to 005.dcm" in report.reason
    assert report.stack.gaps == ()


def test_two_spacings_by_turns_are_not_missing_slices(slices, save):
    slices = [*slices, *[deepcopy(slices[-1]) for _ in range(3)]]
    move(slices, [0, 5, 15, 20, 30, 35, 45, 50])
    for number, dataset in enumerate(slices):
        dataset.SOPInstanceUID = f"1.2.3.{number}"
        dataset.SliceThickness = "5"
    report = report_of(save(slices))
    assert kinds(report) == {Kind.UNEVEN_SPACING}
    assert "two spacings: 5.00 mm, and 10.00 mm" in report.reason


def test_slices_missing_one_by_one_are_missing_also_where_slices_overlap(slices, save):
    more = [deepcopy(slices[-1]) for _ in range(4)]
    slices = [*slices, *more]
    for number, dataset in enumerate(slices):
        dataset.SOPInstanceUID, dataset.SliceThickness = f"1.2.3.{number}", "4"
    move(slices, [0, 2, 4, 8, 12, 14, 16, 18, 20])
    report = report_of(save(slices))
    assert kinds(report) == {Kind.MISSING_SLICE}
    assert report.stack.gaps == (3, 5)


def test_slices_numbered_in_two_passes_are_reported(slices, save):
    slices = [*slices, *(deepcopy(one) for one in slices)]
    move(slices, [0, 2, 4, 6, 8, 1, 3, 5, 7, 9])
    for number, dataset in enumerate(slices):
        dataset.SOPInstanceUID, dataset.InstanceNumber = f"1.2.3.{number}", number + 1
        dataset.SliceThickness = "1"
    report = report_of(save(slices))
    assert kinds(report) == {Kind.MIXED}
    assert "the same range 2 times" in report.findings[0].sentence


def test_slices_shifted_sideways_are_not_a_volume(slices, save):
    slices[2].ImagePositionPatient = [-7.0, -20.0, 104.0]
    report = report_of(save(slices))
    assert kinds(report) == {Kind.NOT_A_VOLUME}
    assert report.outcome == Outcome.VIEWS


def test_gantry_tilt_warns_and_keeps_the_geometry(slices, save):
    angle = np.radians(15)
    for dataset in slices:
        dataset.ImageOrientationPatient = [1, 0, 0, 0, round(np.cos(angle), 6), round(-np.sin(angle), 6)]
    report = report_of(save(slices))
    (finding,) = report.findings
    assert finding.kind == Kind.GANTRY_TILT
    assert "15.0 degrees" in finding.sentence
    assert report.is_volume
    for z, dataset in enumerate(slices):
        np.testing.assert_allclose(report.stack.grid.to_patient((z, 0, 0)), dataset.ImagePositionPatient)
        one_row_down = report.stack.grid.to_patient((z, 1, 0)) - report.stack.grid.to_patient((z, 0, 0))
        np.testing.assert_allclose(one_row_down, [0, 0.5 * np.cos(angle), -0.5 * np.sin(angle)], atol=1e-6)


def test_a_coronal_reformat_says_that_the_fan_beam_assumption_fails(slices, save):
    for z, dataset in enumerate(slices):
        dataset.ImageOrientationPatient = [1, 0, 0, 0, 0, -1]
        dataset.ImagePositionPatient = [0, 2.0 * z, 0]
    report = report_of(save(slices))
    assert kinds(report) == {Kind.REFORMAT}
    assert "fan-beam" in report.findings[0].sentence
    assert report.is_volume


SIGNED_AXES = [
    (row, column)
    for row, column in itertools.permutations([(1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)], 2)
    if np.dot(row, column) == 0 and abs(np.cross(row, column)[2]) == 1
]


@pytest.mark.parametrize(("row", "column"), SIGNED_AXES)
def test_the_eight_axial_orientations_go_round(slices, save, hu_of, row, column):
    """Head or feet first, supine, prone or on a side: every voxel keeps its place and its value."""
    normal = np.cross(row, column)
    for z, dataset in enumerate(slices):
        dataset.ImageOrientationPatient = [*row, *column]
        dataset.ImagePositionPatient = list(map(float, np.array([3.0, -4.0, 50.0]) + 2.0 * z * normal))
    loaded = dicom.open_series(save(slices))
    assert loaded.report.findings == ()
    grid = loaded.volume.grid
    assert grid.affine[2, 0] > 0, "z runs from the feet to the head"
    for dataset in slices:
        first = grid.to_index(dataset.ImagePositionPatient)
        z = round(float(first[0]))
        np.testing.assert_allclose(first, [z, 0, 0], atol=1e-9)
        np.testing.assert_array_equal(loaded.volume.hu[z], hu_of(dataset))
        away = np.array(dataset.ImagePositionPatient) + 3 * 0.75 * np.array(row) + 2 * 0.5 * np.array(column)
        np.testing.assert_allclose(grid.to_index(away), [z, 2, 3], atol=1e-9)


def test_a_copy_is_shown_once(slices, save):
    folder = save([*slices, slices[2]])
    report = report_of(folder)
    (finding,) = report.findings
    assert finding.kind == Kind.DUPLICATE
    assert "002.dcm, 005.dcm" in finding.sentence
    assert report.stack.grid.shape[0] == 5


@pytest.mark.parametrize("keeps_uid", [True, False])
def test_two_images_at_the_same_place_are_refused_by_name_and_the_rest_opens(slices, save, keeps_uid):
    other = deepcopy(slices[2])
    other.PixelData = slices[1].PixelData
    if not keeps_uid:
        other.SOPInstanceUID = "1.2.3.4.5"
    report = report_of(save([*slices, other]))
    (finding,) = report.findings
    assert finding.kind == (Kind.SAME_UID if keeps_uid else Kind.SAME_POSITION)
    assert "002.dcm, 005.dcm" in finding.sentence
    assert report.stack.gaps == (2,)
    assert report.outcome == Outcome.WARNS
    assert report.question


def test_one_uid_at_two_positions_warns(slices, save):
    slices[3].SOPInstanceUID = slices[2].SOPInstanceUID
    report = report_of(save(slices))
    assert kinds(report) == {Kind.SAME_UID}
    assert report.outcome == Outcome.WARNS


def test_all_slices_at_one_place_are_not_a_volume(slices, save):
    move(slices, [0] * 5)
    report = report_of(save(slices))
    assert kinds(report) == {Kind.NOT_A_VOLUME}
    assert report.outcome == Outcome.VIEWS
    assert "have the same position but different images. This applies to most slices" in report.reason


def test_a_series_of_one_slice_opens(slices, save):
    report = report_of(save(slices[:1]))
    assert report.findings == ()
    assert report.stack.grid.shape == (1, 8, 6)


EXPECTED = {
    "gantrytilting/001": (Outcome.WARNS, {Kind.GANTRY_TILT}),
    "notavolume/001": (Outcome.VIEWS, {Kind.NOT_A_VOLUME}),
    "slicecount/001": (Outcome.VIEWS, {Kind.NOT_CT, Kind.NO_RESCALE}),
    "sliceincrement/001": (Outcome.WARNS, {Kind.MISSING_SLICE}),
    "sliceincrement/002": (Outcome.WARNS, {Kind.MISSING_SLICE, Kind.GANTRY_TILT}),
}


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_real_series_of_awkward_geometry(shared_data, name):
    report = report_of(shared_data / "awkward_dicom" / "series_geometry" / name)
    assert (report.outcome, kinds(report) - {Kind.NO_UID}) == EXPECTED[name]


def test_a_real_series_of_two_orientations_is_split(shared_data):
    series = dicom.scan(shared_data / "awkward_dicom" / "series_geometry" / "sliceorientation").series
    assert [len(one) for one in series] == [2, 2]


def test_real_wires_open_without_a_finding(shared_data):
    report = report_of(shared_data / "real_metal" / "sternal_wires")
    assert report.findings == ()
    assert report.stack.grid.shape == (98, 512, 512)
    assert report.stack.grid.spacing_mm == pytest.approx((1.0, 0.759765625, 0.759765625))
