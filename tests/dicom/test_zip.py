"""Studies in zip files."""

import zipfile

import pytest

from marview import dicom
from marview.errors import BadInput


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
