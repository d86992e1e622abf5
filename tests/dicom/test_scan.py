"""Finding series in files and folders."""

import os
import socket
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

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
        (path / "a.txt").write_text("hello world, this is not an image")
    with pytest.raises(BadInput, match=r"study .*\.$"):
        dicom.scan(path)


def test_an_odd_nifti_file_hides_no_series_beside_it(slices, save, tmp_path):
    folder = save(slices)
    grid = Grid.from_spacing((2, 3, 4), (1, 1, 1))
    header = bytearray(write_nifti(tmp_path / "a.nii", np.zeros((2, 3, 4), np.int16), grid).read_bytes())
    header[70:72] = (9999).to_bytes(2, "little")
    (folder / "note.nii").write_bytes(header)
    assert dicom.open_series(folder).volume.hu.shape == (5, 8, 6)
    with pytest.raises(BadInput, match=r"note\.nii cannot be read"):
        dicom.open_series(folder / "note.nii")


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


@pytest.mark.parametrize(
    ("charset", "raw", "name"),
    [
        ("ISO 2022 IR 87", b"Yamada=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B", "Yamada=山田^太郎"),
        ("ISO 2022 IR 149", b"Hong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7", "Hong=洪^吉洞"),
        ("ISO 2022 IR 58", b"Wang=\x1b$)A\xcd\xf5^\x1b$)A\xd0\xa1\xb6\xab", "Wang=王^小东"),
    ],
)
def test_iso_2022_is_read(slices, save, charset, raw, name):
    raw += b" " * (len(raw) % 2)
    for dataset in slices:
        dataset.SpecificCharacterSet = ["", charset]
        dataset.PatientName = "#" * len(raw)
    folder = save(slices)
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes().replace(b"#" * len(raw), raw))
    (study,) = dicom.scan(folder).studies
    assert study.patient_name == name


def test_several_files_without_a_readable_one_are_counted(slices, save):
    folder = save(slices)
    for path in folder.iterdir():
        path.write_bytes(b"")
    with pytest.raises(
        BadInput, match=r"000\.dcm is an empty file.* None of the 5 files in .*series can be read\. Copy the"
    ):
        dicom.scan(folder)


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


def test_nothing_to_show_is_an_answer_where_it_may_be(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    found = dicom.scan(tmp_path, may_be_empty=True)
    assert (found.series, found.skipped) == ((), {"not DICOM": 1})


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


@pytest.mark.parametrize(
    ("tag", "value", "kind"),
    [
        (0x00281053, b"1_0", Kind.NO_RESCALE),
        (0x00281052, b"-1_024", Kind.NO_RESCALE),
        (0x00200032, b"1_0\\0\\3", Kind.NO_POSITION),
        (0x00280030, b"0_1\\1", Kind.NO_SPACING),
        (0x00280030, b"0x1\\1", Kind.NO_SPACING),
    ],
)
def test_a_number_that_only_python_reads_is_none(slices, save, tag, value, kind):
    value += b" " * (len(value) % 2)
    for dataset in slices:
        dataset._dict[Tag(tag)] = RawDataElement(Tag(tag), "DS", len(value), value, 0, False, True)
    assert kind in {finding.kind for finding in dicom.check(dicom.scan(save(slices)).series[0]).findings}


@pytest.mark.parametrize("value", ["+1.", "1e0", " 1 ", "1.0E+00", "01"])
def test_every_form_of_a_decimal_string_is_read(slices, save, value):
    value = value.encode() + b" " * (len(value) % 2)
    tag = Tag(0x00281053)
    for dataset in slices:
        dataset._dict[tag] = RawDataElement(tag, "DS", len(value), value, 0, False, True)
    assert {header.slope for header in dicom.scan(save(slices)).series[0].slices} == {1.0}


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


@pytest.mark.parametrize(("keyword", "bits"), [("FloatPixelData", 32), ("DoubleFloatPixelData", 64)])
def test_float_pixels_are_named(slices, save, keyword, bits):
    for dataset in slices:
        del dataset.PixelData
        dataset.BitsAllocated = bits
        setattr(dataset, keyword, np.zeros((8, 6), f"<f{bits // 8}").tobytes())
    with pytest.raises(BadInput, match="Float Pixel Data"):
        dicom.open_series(save(slices))


@pytest.mark.parametrize(
    ("name", "start"), [("study.zip", b"PK\x03\x04"), ("study.tar.gz", b"\x1f\x8b"), ("a.7z", b"7z\xbc\xaf")]
)
def test_archives_in_a_folder_are_named_and_the_advice_is_to_unpack_them(tmp_path, name, start):
    (tmp_path / name).write_bytes(start + bytes(500))
    with pytest.raises(
        BadInput, match=r"contains no CT images \(1 archive\)\. Unpack the archives and open the folder"
    ):
        dicom.scan(tmp_path)
