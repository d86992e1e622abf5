import os
import socket
import zipfile
from pathlib import Path

import numpy as np
import pytest

from marview import dicom
from marview.dicom import Kind
from marview.dicom.mask_file import read_mask
from marview.dicom.quiet import quiet
from marview.dicom.segmentation import write_segmentation
from marview.errors import BadInput
from marview.export import write_nifti
from marview.geometry import Grid


def test_one_series_is_found_whatever_the_files_are_called_and_however_deep_they_lie(slices, tmp_path):
    deep = tmp_path / ("x" * 200) / ("ü" * 80) / "new\nline"
    deep.mkdir(parents=True)
    for number, dataset in enumerate(slices):
        dataset.save_as(deep / str(number), enforce_file_format=True)
    (series,) = dicom.scan(tmp_path).series
    assert len(series) == 5
    assert series.uid == slices[0].SeriesInstanceUID
    assert dicom.check(series).outcome == dicom.Outcome.OPENS


def test_a_single_file_is_a_series_of_one_slice(slices, save):
    folder = save(slices)
    (series,) = dicom.scan(folder / "002.dcm").series
    loaded = dicom.read(series)
    assert loaded.volume.hu.shape == (1, 8, 6)
    assert dicom.check(series).outcome == dicom.Outcome.OPENS


def test_files_without_preamble_and_with_trailing_zeros_open(slices, save):
    folder = save(slices)
    for number, path in enumerate(sorted(folder.iterdir())):
        data = path.read_bytes()
        path.write_bytes(data[132:] if number % 2 else data + b"\0" * 500)
    (series,) = dicom.scan(folder).series
    assert dicom.check(series).outcome == dicom.Outcome.OPENS


def test_files_without_meta_information_open(slices, tmp_path):
    for number, dataset in enumerate(slices):
        del dataset.file_meta
        is_implicit = number % 2 == 0
        dataset.save_as(tmp_path / str(number), implicit_vr=is_implicit, little_endian=True, enforce_file_format=False)
    (series,) = dicom.scan(tmp_path).series
    assert dicom.read(series).volume.hu.shape == (5, 8, 6)


def test_non_regular_files_are_counted_and_never_block(slices, save, tmp_path, monkeypatch):
    folder = save(slices)
    os.mkfifo(folder / "pipe")
    (folder / "dangling").symlink_to(folder / "nowhere")
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    (folder / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    (folder / "notes.txt").write_text("not an image")
    monkeypatch.chdir(folder)  # a socket's path is short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        found = dicom.scan(tmp_path)
    assert len(found.series) == 1
    assert len(found.series[0]) == 5
    assert found.skipped == {"not regular files": 2, "dangling links": 1, "not DICOM": 2}
    assert "5 slices" in found.summary


def test_a_fifo_given_by_name_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BadInput, match="neither a file nor a folder"):
        dicom.scan(tmp_path / "pipe")


@pytest.mark.parametrize("kind", ["empty", "text", "missing"])
def test_a_place_without_dicom_is_refused_with_a_message(tmp_path, kind):
    path = tmp_path / "study"
    if kind != "missing":
        path.mkdir()
    if kind == "text":
        (path / "a.txt").write_text("hello world, this is no image")
    with pytest.raises(BadInput, match=r"study .*\.$"):
        dicom.scan(path)


def test_a_zip_opens_like_its_folder(slices, save, tmp_path):
    folder = save(slices)
    archive = tmp_path / "study.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
        for path in folder.iterdir():
            target.write(path, f"DICOM/{path.name}")
        target.writestr("readme.txt", "words")
    from_zip, from_folder = dicom.open_series(archive), dicom.open_series(folder)
    assert (from_zip.volume.hu == from_folder.volume.hu).all()
    assert from_zip.volume.grid == from_folder.volume.grid
    assert dicom.scan(archive).skipped == {"not DICOM": 1}


def test_the_directory_of_a_zip_is_read_once_however_many_members_it_has(slices, save, tmp_path, monkeypatch):
    archive, read = tmp_path / "study.zip", []
    with zipfile.ZipFile(archive, "w") as target:
        for path in save(slices).iterdir():
            target.write(path, path.name)
    real = zipfile.ZipFile._RealGetContents
    monkeypatch.setattr(zipfile.ZipFile, "_RealGetContents", lambda self: (read.append(1), real(self)))
    dicom.open_series(archive)
    assert len(read) == 1


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_members_of_a_zip_that_share_a_name_are_files_of_their_own(slices, save, tmp_path):
    archive = tmp_path / "study.zip"
    folder = save(slices)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
        for number, path in enumerate(sorted(folder.iterdir())):
            target.write(path, "IMG.dcm" if number in {1, 3, 4} else f"{number}.dcm")
    from_zip, from_folder = dicom.open_series(archive), dicom.open_series(folder)
    assert (from_zip.volume.hu == from_folder.volume.hu).all()
    assert from_zip.report.findings == ()
    names = sorted(header.name for header in from_zip.sources)
    assert names[2:] == ["study.zip/IMG.dcm", "study.zip/IMG.dcm (2)", "study.zip/IMG.dcm (3)"]
    assert [header.source.all() for header in from_zip.sources] == [
        path.read_bytes() for path in sorted(folder.iterdir())
    ]


def test_a_replaced_zip_is_read_again(slices, save, tmp_path):
    archive, folder = tmp_path / "study.zip", save(slices)
    for count in (5, 3):
        with zipfile.ZipFile(archive, "w") as target:
            for path in sorted(folder.iterdir())[:count]:
                target.write(path, path.name)
        assert len(dicom.scan(archive).series[0]) == count


@pytest.mark.parametrize("how", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_a_damaged_zip_member_is_reported_and_the_rest_opens(slices, save, tmp_path, how):
    archive = tmp_path / "study.zip"
    with zipfile.ZipFile(archive, "w", how) as target:
        for path in sorted(save(slices).iterdir()):
            target.write(path, path.name)
        at = target.getinfo("002.dcm").header_offset
    data = bytearray(archive.read_bytes())
    data[at + 60 : at + 140] = bytes(80)
    archive.write_bytes(data)
    found = dicom.scan(archive)
    assert len(found.series[0]) >= 4
    assert len(found.damaged) == 1 or how == zipfile.ZIP_STORED


def test_an_odd_nifti_file_hides_no_series_beside_it(slices, save, tmp_path):
    folder = save(slices)
    grid = Grid.from_spacing((2, 3, 4), (1, 1, 1))
    header = bytearray(write_nifti(tmp_path / "a.nii", np.zeros((2, 3, 4), np.int16), grid).read_bytes())
    header[70:72] = (9999).to_bytes(2, "little")
    (folder / "note.nii").write_bytes(header)
    assert dicom.open_series(folder).volume.hu.shape == (5, 8, 6)
    with pytest.raises(BadInput, match=r"note\.nii cannot be read"):
        dicom.open_series(folder / "note.nii")


def test_a_zip_bomb_is_refused_before_it_unpacks(tmp_path):
    archive = tmp_path / "bomb.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr("zeros", b"\0" * (24 << 20))
    with pytest.raises(BadInput, match="would unpack to"):
        dicom.scan(archive)


def test_a_damaged_zip_is_refused(tmp_path):
    (tmp_path / "cut.zip").write_bytes(b"PK\x03\x04" + b"\0" * 50)
    with pytest.raises(BadInput, match="damaged zip"):
        dicom.scan(tmp_path / "cut.zip")


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
    assert all(series.split.startswith("other ") for series in dicom.scan(folder).series)
    assert not any(dicom.check(series).question for series in dicom.scan(folder).series)


def test_a_number_written_in_two_ways_is_one_tube_voltage(slices, save):
    for number, dataset in enumerate(slices):
        dataset.KVP = ("120", "120.0")[number % 2]
    assert _part_sizes(save(slices)) == [5]


def test_hostile_text_comes_out_plain(slices, save):
    for dataset in slices:
        dataset.SeriesDescription = "<b>x</b> %s \u202egnp'; DROP TABLE"
        dataset.PatientID = "../../etc"
    (study,) = dicom.scan(save(slices)).studies
    assert study.patient_id == "../../etc"
    assert study.series[0].description == "<b>x</b> %s gnp'; DROP TABLE"


@pytest.mark.parametrize(
    ("charset", "raw"), [("", "Müller".encode("latin-1")), ("ISO_IR 100", "Müller".encode("latin-1"))]
)
def test_latin_1_is_read_whether_declared_or_not(slices, save, charset, raw):
    for dataset in slices:
        dataset.SpecificCharacterSet = charset
        dataset.PatientName = "M##ller"
    folder = save(slices)
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes().replace(b"M##ller", raw + b" "))
    (study,) = dicom.scan(folder).studies
    assert study.patient_name == "Müller"


def test_iso_2022_is_read(slices, save):
    for dataset in slices:
        dataset.SpecificCharacterSet = ["", "ISO 2022 IR 87"]
        dataset.PatientName = "Yamada^Tarou=山田^太郎"
    (study,) = dicom.scan(save(slices)).studies
    assert "山田" in study.patient_name


def test_cancelling_returns_what_was_found(slices, save):
    folder = save(slices)
    seen = []
    found = dicom.scan(folder, on_progress=seen.append, is_cancelled=lambda: len(seen) >= 2)
    assert len(found.series[0]) == 2


def test_choosing_among_series_names_them(slices, save, tmp_path):
    for dataset in slices[:2]:
        dataset.SeriesInstanceUID = "1.2.3.99"
    save(slices)
    with pytest.raises(BadInput, match=r"2 series.*--series.*1\.2\.3\.99"):
        dicom.open_series(tmp_path)
    assert len(dicom.open_series(tmp_path, "1.2.3.99").sources) == 2
    with pytest.raises(BadInput, match="no series with the UID"):
        dicom.open_series(tmp_path, "9.9")


def test_headers_agree_with_pydicom_on_real_files(shared_data):
    import pydicom

    from marview.dicom.quiet import quiet

    for path in sorted((shared_data / "awkward_dicom" / "transfer_syntaxes").glob("CT*")):
        (header,) = dicom.scan(path).series[0].slices
        with quiet():
            dataset = pydicom.dcmread(path, stop_before_pixels=True)
        assert header.sop_uid == dataset.SOPInstanceUID
        assert header.position_mm == tuple(map(float, dataset.ImagePositionPatient))
        assert (header.rows, header.columns) == (dataset.Rows, dataset.Columns)
        assert header.bits_stored == dataset.BitsStored
        assert header.patient_name == str(dataset.PatientName)
        assert header.slope == float(dataset.RescaleSlope)


def dicomdir(folder, file_ids):
    """A DICOMDIR that lists files by the parts of their names."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.sequence import Sequence
    from pydicom.uid import UID

    from marview.dicom.quiet import quiet

    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = UID("1.2.840.10008.1.3.10")
    dataset.file_meta.MediaStorageSOPInstanceUID = UID("1.2.3")
    dataset.file_meta.TransferSyntaxUID = UID("1.2.840.10008.1.2.1")
    with quiet():  # such file names are not allowed in a DICOMDIR, but they occur
        records = []
        for parts in file_ids:
            record = Dataset()
            record.DirectoryRecordType = "IMAGE"
            record.ReferencedFileID = parts
            records.append(record)
        dataset.DirectoryRecordSequence = Sequence(records)
        dataset.save_as(folder / "DICOMDIR", enforce_file_format=True)
    return folder / "DICOMDIR"


def test_a_dicomdir_opens_what_it_lists_and_nothing_outside_its_medium(slices, save, tmp_path):
    medium = save(slices[:3], "medium")
    save(slices[3:], "elsewhere")
    path = dicomdir(medium, [["000.dcm"], ["001.dcm"], ["GONE"], ["..", "elsewhere", "000.dcm"], ["/etc/passwd"]])
    found = dicom.scan(path)
    assert [len(series) for series in found.series] == [2]
    assert found.skipped == {"listed in the DICOMDIR but missing": 1, "outside the DICOMDIR's medium": 2}
    assert len(dicom.scan(medium).series[0]) == 3, "the folder itself shows all it holds"
    assert dicom.scan(medium).skipped == {"DICOMDIR": 1, "listed in the DICOMDIR but missing": 1}


def test_a_damaged_dicomdir_is_refused(slices, save):
    medium = save(slices)
    path = dicomdir(medium, [["000.dcm"]])
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"\x04\x00\x20\x12")])
    with pytest.raises(BadInput, match="DICOMDIR"):
        dicom.scan(path)


def test_nothing_to_show_is_an_answer_where_it_may_be(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    found = dicom.scan(tmp_path, may_be_empty=True)
    assert (found.series, found.skipped) == ((), {"not DICOM": 1})


@pytest.mark.parametrize("opens", ["DICOMDIR", "folder"])
def test_missing_files_of_a_dicomdir_are_reported(slices, save, opens):
    folder = save(slices)
    directory = dicomdir(folder, [[f"{number:03d}.dcm"] for number in range(9)])
    (series,) = dicom.scan(directory if opens == "DICOMDIR" else folder).series
    report = dicom.check(series)
    assert [finding.kind for finding in report.findings] == [Kind.PASSED_OVER]
    assert "4 listed in the DICOMDIR but missing" in report.findings[0].sentence
    assert report.is_volume


@pytest.mark.parametrize("change", ["lower case", "extension", "version"])
def test_a_dicomdir_finds_files_whose_names_changed_on_the_way(slices, save, change):
    folder = save(slices)
    for number, path in enumerate(sorted(folder.iterdir())):
        name = {"lower case": f"im{number}", "extension": f"IM{number}.dcm", "version": f"IM{number}.;1"}[change]
        path.rename(folder / name)
    scan = dicom.scan(dicomdir(folder, [[f"IM{number}"] for number in range(5)]))
    assert [len(series) for series in scan.series] == [5]
    assert scan.passed_over == ()


def test_an_unreadable_folder_is_reported(slices, save, monkeypatch):
    folder = save(slices)
    (folder / "more").mkdir()
    scandir = os.scandir

    def refuse(path):
        if Path(path).name == "more":
            raise PermissionError
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    (series,) = dicom.scan(folder).series
    assert "1 unreadable folder" in dicom.check(series).findings[0].sentence


def test_a_link_to_the_folder_itself_shows_nothing_twice(slices, save):
    folder = save(slices)
    (folder / "loop").symlink_to(folder)
    (series,) = dicom.scan(folder).series
    assert len(series) == 5
    assert dicom.check(series).findings == ()


def test_dangling_links_are_reported(slices, save):
    folder = save(slices)
    (folder / "005.dcm").symlink_to(folder / "nowhere")
    (series,) = dicom.scan(folder).series
    assert "1 dangling link" in dicom.check(series).findings[0].sentence


def test_a_damaged_file_beside_several_series_is_reported_by_each(slices, save):
    for dataset in slices[:2]:
        dataset.SeriesInstanceUID = "1.2.3"
    folder = save(slices)
    (folder / "bad.dcm").write_bytes((folder / "000.dcm").read_bytes()[:500])
    for series in dicom.scan(folder).series:
        (finding,) = dicom.check(series).findings
        assert finding.kind == Kind.PASSED_OVER
        assert "bad.dcm" in finding.sentence


def test_one_patient_may_be_written_in_several_ways(slices, save):
    for dataset, name in zip(slices, ("A^B", "A^B^^", "a^b ", "A ^B", "A^B"), strict=True):
        dataset.PatientName = name
    folder = save(slices)
    assert len(dicom.scan(folder).studies) == 1
    assert _part_sizes(folder) == [5]


def test_spacings_that_differ_by_rounding_are_one_series(slices, save):
    for number, dataset in enumerate(slices):
        dataset.PixelSpacing = [0.48835, 0.48835] if number % 2 else [0.488349, 0.488349]
    assert _part_sizes(save(slices)) == [5]


@pytest.mark.parametrize("step_mm", [0.003, 0.015, 0.1])
def test_tiny_steps_are_no_copies(slices, save, step_mm):
    for number, dataset in enumerate(slices):
        dataset.ImagePositionPatient = [0, 0, round(number * step_mm, 4)]
        dataset.PixelSpacing = [0.3, 0.3]
    (series,) = dicom.scan(save(slices)).series
    report = dicom.check(series)
    assert report.findings == ()
    assert report.stack.grid.spacing_mm[0] == pytest.approx(step_mm)


def test_decimal_commas_are_read_and_reported(slices, save, tmp_path):
    from pydicom.dataelem import RawDataElement
    from pydicom.tag import Tag

    for dataset in slices:
        for tag, raw in ((0x00280030, b"0,5\\0,75"), (0x00280052 + 0x1000, b"-1024,0 ")):
            dataset[tag] = RawDataElement(Tag(tag), "DS", len(raw), raw, 0, False, True)
    loaded = dicom.open_series(save(slices))
    assert loaded.volume.grid.spacing_mm == pytest.approx((2, 0.5, 0.75))
    assert [finding.kind for finding in loaded.report.findings] == [Kind.ODD_HEADER]
    assert loaded.report.is_volume
    metal = loaded.volume.hu > 2500
    path = write_segmentation(tmp_path / "metal.dcm", metal, loaded)
    np.testing.assert_array_equal(read_mask(path, loaded).mask, metal)


@pytest.mark.parametrize(
    ("keyword", "value"), [("PatientID", ""), ("StudyDate", "20201340"), ("StudyDate", "00000000")]
)
def test_odd_identifiers_and_dates_are_reported(slices, save, keyword, value):
    for dataset in slices:
        with quiet():
            setattr(dataset, keyword, value)
    with quiet():
        folder = save(slices)
    (series,) = dicom.scan(folder).series
    (finding,) = dicom.check(series).findings
    assert (finding.kind, finding.outcome) == (Kind.ODD_HEADER, dicom.Outcome.OPENS)
    assert not value or value not in finding.sentence


def test_float_pixels_are_named(slices, save):
    for dataset in slices:
        del dataset.PixelData
        dataset.BitsAllocated = 32
        dataset.FloatPixelData = np.zeros((8, 6), "<f4").tobytes()
    with pytest.raises(BadInput, match="Float Pixel Data"):
        dicom.open_series(save(slices))
