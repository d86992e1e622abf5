"""What stands beside TIFF stacks."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from marview.errors import BadInput
from marview.slices.clean import list_clean
from marview.slices.index import patients_of, read_index

INDEX = "file,page,patient\nmine.tif,0,Löwe\nmine.tif,2, Löwe \nmine.tif,1,unknown\nother.tif,1,Bär\nmine.tif,,Maus\n"


def test_pages_have_the_patient_the_index_names(tmp_path: Path) -> None:
    (tmp_path / "index.csv").write_text(INDEX, encoding="utf-8-sig")
    assert patients_of(tmp_path / "mine.tif") == {0: "Löwe", 2: "Löwe"}
    assert patients_of(tmp_path / "nowhere.tif") == {}
    pages = [Image.fromarray(np.zeros((6, 5), np.uint16)) for _ in range(3)]
    pages[0].save(tmp_path / "mine.tif", save_all=True, append_images=pages[1:])
    assert [each.patient for each in list_clean(tmp_path / "mine.tif")] == ["Löwe", "", "Löwe"]


def test_without_an_index_or_its_columns_nobody_is_named(tmp_path: Path) -> None:
    assert read_index(tmp_path) == []
    (tmp_path / "index.csv").write_text("collection,licence\nmine,CC BY 4.0\n", encoding="utf-8")
    assert patients_of(tmp_path / "mine.tif") == {}
    assert read_index(tmp_path) == [{"collection": "mine", "licence": "CC BY 4.0"}]


def test_an_index_in_another_encoding_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "index.csv").write_text(INDEX, encoding="cp1252")
    with pytest.raises(BadInput, match=r"index\.csv.* not CSV in UTF-8"):
        patients_of(tmp_path / "mine.tif")


def test_an_array_may_be_of_anybody(tmp_path: Path) -> None:
    np.save(tmp_path / "clean.npy", np.zeros((2, 6, 5)))
    assert [each.patient for each in list_clean(tmp_path / "clean.npy")] == ["", ""]
