"""Enhanced CT: a whole series in one file."""

import numpy as np
import pytest
from pydicom.config import IGNORE
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import RLELossless
from pydicom.valuerep import DSfloat

from marview import dicom, export
from marview.dicom import Kind
from marview.dicom.segmentation import write_segmentation
from marview.dicom.values import finite_numbers
from marview.errors import BadInput


def item(**values):
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return Sequence([dataset])


@pytest.fixture
def enhanced(slices):
    """The five slices as one Enhanced CT object, their frames not in order."""
    order = [3, 0, 4, 1, 2]
    dataset = slices[0]
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2.1"
    dataset.NumberOfFrames = 5
    frames = []
    for z in order:
        frame = Dataset()
        frame.PlanePositionSequence = item(ImagePositionPatient=[-10.0, -20.0, 100.0 + 2.0 * z])
        frame.PixelValueTransformationSequence = item(
            RescaleSlope=str(1 + z), RescaleIntercept=str(-1024 - z), RescaleType="HU"
        )
        frame.FrameContentSequence = item(FrameAcquisitionNumber=1)
        frames.append(frame)
    shared = Dataset()
    shared.PlaneOrientationSequence = item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
    shared.PixelMeasuresSequence = item(PixelSpacing=[0.5, 0.75], SliceThickness="2")
    shared.FrameVOILUTSequence = item(WindowWidth="400", WindowCenter="40")
    shared.CTImageFrameTypeSequence = item(FrameType=["ORIGINAL", "PRIMARY", "VOLUME", "NONE"])
    dataset.SharedFunctionalGroupsSequence = Sequence([shared])
    dataset.PerFrameFunctionalGroupsSequence = Sequence(frames)
    stored = [np.frombuffer(slices[z].PixelData, "<u2").reshape(8, 6) for z in range(5)]
    dataset.PixelData = b"".join(stored[z].tobytes() for z in order)
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness"):
        delattr(dataset, keyword)
    for keyword in ("RescaleSlope", "RescaleIntercept", "RescaleType", "WindowWidth", "WindowCenter"):
        delattr(dataset, keyword)
    return dataset, np.stack([stored[z] * (1.0 + z) - 1024 - z for z in range(5)])


def test_frames_are_slices_with_their_own_place_and_rescale(enhanced, save) -> None:
    dataset, expected = enhanced
    loaded = dicom.open_series(save([dataset]))
    assert loaded.report.findings == ()
    np.testing.assert_array_equal(loaded.volume.hu, expected)
    assert loaded.volume.grid.spacing_mm == pytest.approx((2, 0.5, 0.75))
    np.testing.assert_allclose(loaded.volume.grid.to_patient((4, 0, 0)), [-10, -20, 108])
    assert loaded.window_at(0) == (400, 40)
    assert loaded.series.path.name == "000.dcm"


@pytest.mark.parametrize(
    ("number", "total", "words"),
    [
        (1, 1, ""),
        (1, None, ""),
        (None, 2, ""),
        (1, 2, "File 2 of 2 is missing"),
        (2, None, "File 1 of 2 is missing"),
        (2, 3, "Files 1, 3 of 3 are missing"),
    ],
)
def test_missing_files_of_one_object_are_named(enhanced, save, number, total, words) -> None:
    dataset, _ = enhanced
    dataset.ConcatenationUID = "1.2.3.99"
    dataset.InConcatenationNumber, dataset.InConcatenationTotalNumber = number, total
    sentences = [finding.sentence for finding in dicom.open_series(save([dataset])).report.findings]
    assert len(sentences) == bool(words)
    assert all(sentence.startswith(words) for sentence in sentences)


def test_a_number_of_a_frame_that_only_python_reads_is_none() -> None:
    assert finite_numbers(DSfloat("1_0", validation_mode=IGNORE), 1) is None
    assert finite_numbers([DSfloat(" 1.5 "), DSfloat(2.0), 3], 3) == (1.5, 2.0, 3.0)


def test_frames_have_settings_and_times_of_their_own(enhanced, save) -> None:
    dataset, _ = enhanced
    dataset.ProtocolName = "Pelvis"
    for number, frame in enumerate(dataset.PerFrameFunctionalGroupsSequence):
        frame.CTExposureSequence = item(XRayTubeCurrentInmA=100.0 + number)
        frame.FrameContentSequence[0].FrameAcquisitionDateTime = f"202001021011{10 + number}"
    slices = dicom.scan(save([dataset])).series[0].slices
    assert [header.acquired_s - slices[0].acquired_s for header in slices] == [0, 1, 2, 3, 4]
    assert [dict(header.settings)["tube_current"] for header in slices] == [f"{100.0 + number}" for number in range(5)]
    assert {dict(header.settings)["protocol"] for header in slices} == {"Pelvis"}


@pytest.mark.parametrize("has_table", [True, False])
def test_compressed_frames_are_read_one_by_one(enhanced, save, has_table) -> None:
    from pydicom.encaps import encapsulate
    from pydicom.pixels.encoders import RLELosslessEncoder

    dataset, expected = enhanced
    frames = np.frombuffer(dataset.PixelData, "<u2").reshape(5, 8, 6)
    packed = [
        RLELosslessEncoder.encode(
            frame.tobytes(),
            rows=8,
            columns=6,
            samples_per_pixel=1,
            bits_allocated=16,
            bits_stored=12,
            pixel_representation=0,
            photometric_interpretation="MONOCHROME2",
            number_of_frames=1,
        )
        for frame in frames
    ]
    dataset.PixelData = encapsulate(packed, fragments_per_frame=2 if has_table else 1, has_bot=has_table)
    dataset["PixelData"].is_undefined_length = True
    dataset["PixelData"].VR = "OB"
    dataset.file_meta.TransferSyntaxUID = RLELossless
    np.testing.assert_array_equal(dicom.open_series(save([dataset])).volume.hu, expected)


def test_phases_in_one_file_are_split(enhanced, save) -> None:
    dataset, _ = enhanced
    places = [0.0, 0.0, 2.0, 2.0, 4.0]
    for number, frame in enumerate(dataset.PerFrameFunctionalGroupsSequence):
        frame.PlanePositionSequence[0].ImagePositionPatient = [0.0, 0.0, places[number]]
        frame.FrameContentSequence[0].TemporalPositionIndex = number % 2 + 1
    assert sorted(len(one) for one in dicom.scan(save([dataset])).series) == [2, 3]


def test_a_file_that_does_not_hold_its_frames_is_refused(enhanced, save) -> None:
    dataset, _ = enhanced
    dataset.NumberOfFrames = 900_000_000
    with pytest.raises(BadInput, match=r"000\.dcm is truncated: it is too short for the 900000000 frames"):
        dicom.open_series(save([dataset], "many"))
    dataset.NumberOfFrames = 4
    with pytest.raises(BadInput, match="contains positions for 5 of 4 frames"):
        dicom.open_series(save([dataset], "few"))


def test_frames_without_a_place_are_only_viewed(enhanced, save) -> None:
    dataset, _ = enhanced
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        del frame.PlanePositionSequence
    (series,) = dicom.scan(save([dataset])).series
    report = dicom.check(series)
    assert not report.is_volume
    assert Kind.NO_POSITION in {finding.kind for finding in report.findings}


def test_exports_that_cannot_refer_to_frames_advise_nifti(enhanced, save, tmp_path) -> None:
    dataset, expected = enhanced
    loaded = dicom.open_series(save([dataset]))
    mask = loaded.volume.hu > 2000
    with pytest.raises(BadInput, match="Enhanced CT"):
        write_segmentation(tmp_path / "mask.dcm", mask, loaded)
    correction = np.zeros(expected.shape, np.float32)
    with pytest.raises(BadInput, match="Write the result as NIfTI"):
        dicom.write_derived_series(loaded, correction, dicom.Derivation("LI", "1"), tmp_path / "out")
    path = export.write_nifti(tmp_path / "volume.nii.gz", loaded.volume.hu, loaded.volume.grid)
    np.testing.assert_array_equal(dicom.open_series(path).volume.hu, expected)
