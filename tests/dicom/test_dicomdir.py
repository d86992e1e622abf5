"""Studies listed by a DICOMDIR."""

import zipfile

import pytest

from marview import dicom
from marview.dicom import Kind
from marview.dicom.quiet import quiet
from marview.errors import BadInput


def dicomdir(folder, file_ids, *, is_undefined=False):
    """A DICOMDIR that lists files by the parts of their names."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.sequence import Sequence
    from pydicom.uid import UID

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
            if parts is not None:
                record.ReferencedFileID = parts
            records.append(record)
        dataset.DirectoryRecordSequence = Sequence(records)
        dataset["DirectoryRecordSequence"].is_undefined_length = is_undefined
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


@pytest.mark.parametrize(
    ("named", "reason"), [(["SUB"], "not a file"), ("", "without a name"), (None, "without a name")]
)
def test_a_record_that_names_no_file_is_reported(slices, save, named, reason):
    medium = save(slices)
    (medium / "SUB").mkdir()
    scan = dicom.scan(dicomdir(medium, [*([f"{number:03d}.dcm"] for number in range(4)), named]))
    assert [len(series) for series in scan.series] == [4]
    (finding,) = dicom.check(scan.series[0]).findings
    assert finding.kind == Kind.PASSED_OVER
    assert f"1 listed in the DICOMDIR {'but ' if reason == 'not a file' else ''}{reason}" in finding.sentence


@pytest.mark.parametrize("is_undefined", [False, True])
def test_a_dicomdir_cut_within_its_records_is_damaged_at_every_byte(slices, save, is_undefined):
    medium = save(slices)
    path = dicomdir(medium, [[f"{number:03d}.dcm"] for number in range(5)], is_undefined=is_undefined)
    whole = path.read_bytes()
    assert [len(series) for series in dicom.scan(path).series] == [5]
    for end in range(whole.index(b"\x04\x00\x20\x12") + 13, len(whole) - 8, 5):
        path.write_bytes(whole[:end])
        with pytest.raises(BadInput, match="is a damaged DICOMDIR"):
            dicom.scan(path)


@pytest.mark.parametrize("name", ["im{}", "IM{}.dcm", "IM{}.;1", "IM{}"])
def test_a_dicomdir_in_a_zip_finds_files_whose_names_changed_on_the_way(slices, save, tmp_path, name):
    folder = save(slices)
    for number, path in enumerate(sorted(folder.iterdir())):
        path.rename(folder / name.format(number))
    dicomdir(folder, [[f"IM{number}"] for number in range(5)])
    scan = dicom.scan(zipped(folder, tmp_path / "cd.zip", top=""))
    assert [len(series) for series in scan.series] == [5]
    assert scan.passed_over == ()


def test_a_dicomdir_without_files_says_so(slices, save):
    with pytest.raises(BadInput, match="DICOMDIR lists no files"):
        dicom.scan(dicomdir(save(slices), []))


def zipped(folder, archive, top="CD/"):
    with zipfile.ZipFile(archive, "w") as target:
        for path in sorted(folder.iterdir()):
            target.write(path, top + path.name)
    return archive


@pytest.mark.parametrize("opens", ["DICOMDIR", "folder", "zip"])
def test_missing_files_of_a_dicomdir_are_reported(slices, save, tmp_path, opens):
    folder = save(slices)
    directory = dicomdir(folder, [[f"{number:03d}.dcm"] for number in range(9)])
    path = {"DICOMDIR": directory, "folder": folder, "zip": zipped(folder, tmp_path / "cd.zip")}[opens]
    (series,) = dicom.scan(path).series
    report = dicom.check(series)
    assert [finding.kind for finding in report.findings] == [Kind.PASSED_OVER]
    assert "4 listed in the DICOMDIR but missing" in report.findings[0].sentence
    assert report.is_volume


@pytest.mark.parametrize("change", ["lower case", "extension", "version", "spaces"])
def test_a_dicomdir_finds_files_whose_names_changed_on_the_way(slices, save, change):
    folder = save(slices)
    for number, path in enumerate(sorted(folder.iterdir())):
        name = {"lower case": f"im{number}", "extension": f"IM{number}.dcm", "version": f"IM{number}.;1"}.get(
            change, f"IM{number}"
        )
        path.rename(folder / name)
    end = "  " if change == "spaces" else ""
    scan = dicom.scan(dicomdir(folder, [[f"IM{number}{end}"] for number in range(5)]))
    assert [len(series) for series in scan.series] == [5]
    assert scan.passed_over == ()
