"""A reader study is made of a table, and shows readers nothing but pixels."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from marview.dicom.make import Labels, write_ct_series
from marview.errors import BadInput, UsageError
from marview.geometry import Grid
from marview.reader_study.making import make_study, read_table
from marview.reader_study.study import ReaderStudy, reader_name

from .conftest import write

HEADER = "case,method,original,corrected,slices\n"


def test_every_slice_of_every_method_becomes_a_pair(study: ReaderStudy) -> None:
    assert sorted((pair.method, pair.slice_number) for pair in study.pairs) == [
        (method, number) for method in ("lga", "nmar") for number in (1, 3, 4)
    ]
    for pair in study.pairs:
        original, corrected = study.images(pair)
        at = 6 - pair.slice_number  # the array runs from feet to head
        assert original[20, 20] == at
        assert corrected[20, 20] == at + {"nmar": 100, "lga": 200}[pair.method]
        assert pair.pixel_mm == (1.5, 1.5)


def test_the_folder_holds_no_patient_data_and_no_paths(study: ReaderStudy, table: Path) -> None:
    for path in study.folder.rglob("*"):
        if path.is_file():
            held = path.read_bytes()
            assert b"SECRET" not in held
            assert str(table.parent).encode() not in held


def test_each_reader_has_another_order_that_never_changes(study: ReaderStudy) -> None:
    first, second = study.order("anna"), study.order("ben")
    assert first != second
    assert set(first) == set(second) == set(study.pairs)
    assert ReaderStudy.open(study.folder).order("anna") == first


def test_the_number_of_a_pair_does_not_tell_its_method(study: ReaderStudy) -> None:
    methods = [pair.method for pair in study.pairs]
    assert methods not in (sorted(methods), sorted(methods, reverse=True))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("case,method,original,corrected\n", "lacks the column slices"),
        (HEADER, "lists no case"),
        (HEADER + "hip,nmar,a,,1\n", "line 2: the cell corrected is empty"),
        (HEADER + "hip,nmar,a,b,1-3\n", "line 2: slices must be numbers with spaces"),
        (HEADER + f"hip,nmar,a,b,{'1' * 5000}\n", "line 2: slices must be numbers with spaces"),
        (HEADER + "hip,nmar,a,b,1\n\nhip,nmar,a,b,2\n", "line 4: case hip already has a series of nmar"),
    ],
)
def test_a_wrong_table_is_refused_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "cases.csv").write_text(text, encoding="utf-8")
    with pytest.raises(BadInput, match=words):
        read_table(tmp_path / "cases.csv")


def test_a_pipe_is_not_a_table_and_an_unknown_home_is_not_an_error(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BadInput, match="pipe cannot be read as a table"):
        read_table(tmp_path / "pipe")
    (tmp_path / "cases.csv").write_text(f"{HEADER}hip,nmar,~nobody-here/a,b,1\n", encoding="utf-8")
    (row,) = read_table(tmp_path / "cases.csv")
    assert row.original == tmp_path / "~nobody-here" / "a"


def test_a_table_saved_by_a_spreadsheet_is_read(tmp_path: Path) -> None:
    (tmp_path / "cases.csv").write_text("\ufeffCase,Method,Original,Corrected,Slices\r\nhip,nmar,a,b,2 1 2\r\n")
    (row,) = read_table(tmp_path / "cases.csv")
    assert (row.original, row.slices) == (tmp_path / "a", (2, 1))


def test_a_refusal_leaves_no_folder(table: Path, tmp_path: Path) -> None:
    write(tmp_path / "other", 0, spacing_mm=2.0)
    for corrected, slices, words in (
        ("other", "1", "no slice with the position and size of slice 1"),
        ("same", "7", "there is no slice 7"),
    ):
        if corrected == "same":
            write(tmp_path / "same", 0)
        path = tmp_path / "cases.csv"
        path.write_text(f"{HEADER}hip,nmar,{table.parent / 'original'},{corrected},{slices}\n", encoding="utf-8")
        with pytest.raises(BadInput, match=f"line 2: .*{words}"):
            make_study(path, tmp_path / "study")
        assert not (tmp_path / "study").exists()


def test_a_corrected_series_may_hold_the_chosen_slices_alone(table: Path, tmp_path: Path) -> None:
    hu = np.full((2, 40, 48), -1000, np.int16)
    hu[:, 10:30, 10:30] = np.array([300, 400])[:, None, None]
    grid = Grid.from_spacing((2, 40, 48), (3.0, 1.5, 1.5))
    affine = grid.affine.copy()
    affine[2, 3] += 2 * 3.0  # the slices 4 and 3 of the original, which has six
    write_ct_series(hu, Grid(grid.shape, affine), tmp_path / "part", Labels("A", "B", "C", "D"), seed="part")
    path = tmp_path / "cases.csv"
    path.write_text(f"{HEADER}hip,nmar,{table.parent / 'original'},part,4 3\n", encoding="utf-8")
    study = make_study(path, tmp_path / "study")
    assert {pair.slice_number: int(study.images(pair)[1][20, 20]) for pair in study.pairs} == {4: 300, 3: 400}
    path.write_text(f"{HEADER}hip,nmar,{table.parent / 'original'},part,5\n", encoding="utf-8")
    with pytest.raises(BadInput, match="no slice with the position and size of slice 5"):
        make_study(path, tmp_path / "other")


def test_a_study_never_replaces_another_one(study: ReaderStudy, table: Path) -> None:
    with pytest.raises(UsageError, match="not empty"):
        make_study(table, study.folder)


def test_a_damaged_study_is_named(study: ReaderStudy, tmp_path: Path) -> None:
    pair = study.pairs[0]
    (study.folder / "images" / f"{pair.id}.npz").write_bytes(b"PK\x03\x04")
    with pytest.raises(BadInput, match=rf"{pair.id}\.npz is missing or damaged"):
        study.images(pair)
    (study.folder / "study.json").write_text("{", encoding="utf-8")
    with pytest.raises(BadInput, match=r"study\.json is damaged"):
        ReaderStudy.open(study.folder)
    with pytest.raises(BadInput, match="contains no reader study"):
        ReaderStudy.open(tmp_path)


@pytest.mark.parametrize(
    "wrong", [{"pixel_mm": [float("nan"), 1.5]}, {"pixel_mm": [0, 1.5]}, {"id": "../../elsewhere"}, {"id": "1\n"}]
)
def test_impossible_values_in_a_study_are_refused(study: ReaderStudy, wrong: dict[str, object]) -> None:
    path = study.folder / "study.json"
    contents = json.loads(path.read_text(encoding="utf-8"))
    contents["pairs"][0] |= wrong
    path.write_text(json.dumps(contents), encoding="utf-8")
    with pytest.raises(BadInput, match=r"study\.json is damaged"):
        ReaderStudy.open(study.folder)


def test_slices_of_another_type_than_hu_are_damaged(study: ReaderStudy) -> None:
    pair = study.pairs[0]
    wide = np.full((40, 48), 70000.0)
    np.savez_compressed(study.folder / "images" / f"{pair.id}.npz", original=wide, corrected=wide)
    with pytest.raises(BadInput, match="does not contain two int16 slices"):
        study.images(pair)


@pytest.mark.parametrize("name", ["", "../x", "a b", "ä", "x" * 41, "-a"])
def test_a_reader_needs_a_name_that_can_name_a_file(name: str) -> None:
    with pytest.raises(UsageError, match="is not a valid reader name"):
        reader_name(name)
    assert reader_name("Reader-1") == "reader-1"
