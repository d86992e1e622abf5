"""The index beside TIFF stacks."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from marview.errors import BadInput
from marview.slices.clean import list_clean
from marview.slices.index import patients_of, read_index

INDEX = "file,page,patient\nmine.tif,0,Löwe\nmine.tif,2, Löwe \nmine.tif,1,unknown\nother.tif,1,Bär\nother.tif,,Maus\n"


def test_pages_have_the_patient_the_index_names(tmp_path: Path) -> None:
    (tmp_path / "index.csv").write_text(INDEX, encoding="utf-8-sig")
    pages = [Image.fromarray(np.zeros((6, 5), np.uint16)) for _ in range(3)]
    pages[0].save(tmp_path / "mine.tif", save_all=True, append_images=pages[1:])
    assert [each.patient for each in list_clean(tmp_path / "mine.tif")] == ["Löwe", "", "Löwe"]
    assert patients_of(tmp_path / "nowhere.tif", 2) == ["", ""]


def test_a_row_without_a_page_is_about_all_of_them(tmp_path: Path) -> None:
    rows = ["file, page, patient", "a.tif, 1, N/A", "a.tif, 2, Maus", "a.tif, , Bär"]
    (tmp_path / "index.csv").write_text("\n".join(rows), encoding="utf-8")
    assert patients_of(tmp_path / "a.tif", 4) == ["Bär", "", "Maus", "Bär"]


@pytest.mark.parametrize("page", ["1.0", "p1", "2", "-1", "9" * 5000])
def test_a_page_that_is_not_there_gives_a_message(tmp_path: Path, page: str) -> None:
    (tmp_path / "index.csv").write_text(f"file,page,patient\na.tif,{page},Maus\n", encoding="utf-8")
    with pytest.raises(BadInput, match=rf"index\.csv names page {page} of a\.tif, whose pages are 0 to 1"):
        patients_of(tmp_path / "a.tif", 2)


def test_without_an_index_no_patient_is_named(tmp_path: Path) -> None:
    assert read_index(tmp_path) == []
    (tmp_path / "index.csv").write_text("file,collection\nmine.tif,mine\n", encoding="utf-8")
    assert patients_of(tmp_path / "mine.tif", 1) == [""]
    assert read_index(tmp_path) == [{"file": "mine.tif", "collection": "mine"}]


@pytest.mark.parametrize("first_line", ["file;page;patient", "File,Page,Patient", ""])
def test_an_index_without_a_column_of_files_gives_a_message(tmp_path: Path, first_line: str) -> None:
    (tmp_path / "index.csv").write_text(f"{first_line}\nmine.tif,0,Bär\n", encoding="utf-8")
    with pytest.raises(BadInput, match=r"index\.csv.* has no column named file.* commas between them"):
        read_index(tmp_path)


def test_an_index_in_another_encoding_gives_a_message(tmp_path: Path) -> None:
    (tmp_path / "index.csv").write_text(INDEX, encoding="cp1252")
    with pytest.raises(BadInput, match=r"index\.csv.* not CSV in UTF-8"):
        patients_of(tmp_path / "mine.tif", 1)


def test_an_array_may_be_of_anybody(tmp_path: Path) -> None:
    np.save(tmp_path / "clean.npy", np.zeros((2, 6, 5)))
    assert [each.patient for each in list_clean(tmp_path / "clean.npy")] == ["", ""]
