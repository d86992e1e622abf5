"""The record of a run, and the origin of its slices."""

from pathlib import Path

import pytest

from marview.errors import BadInput
from marview.learning.beginning import Beginning
from marview.learning.record import Session, add_session, collections_of, read_record
from marview.mar import Listing
from marview.mar.manifest import read_manifest
from marview.paths import bundled_plugins

INDEX = "file,page,collection,licence\nmine.tif,0,Löwe,CC BY 4.0\n"


def test_the_record_of_a_run_that_kept_nothing_is_forgotten_by_the_next(small, tmp_path: Path) -> None:
    folder = bundled_plugins() / "cnnmar"
    listing = Listing("cnnmar", folder, "bundled", read_manifest(folder))

    def add(first: int, last: int, beginning: Beginning | None = None, *, is_new: bool) -> None:
        session = Session(first, last, 1.0, "CPU", "slices")
        add_session(tmp_path, listing, "tiny", small.recipe(), 9, session, beginning, is_new=is_new)

    add(0, 1, Beginning("other.safetensors", "0" * 64, "1.0.0", 5, ("last",)), is_new=True)
    add(0, 1, is_new=True)
    record = read_record(tmp_path)
    assert record["begins_with"] is None
    assert len(record["sessions"]) == 1
    add(1, 2, is_new=False)
    assert len(read_record(tmp_path)["sessions"]) == 2


def test_an_index_that_excel_saved_as_utf_8_is_read(tmp_path: Path) -> None:
    (tmp_path / "index.csv").write_text(INDEX, encoding="utf-8-sig")
    assert collections_of(tmp_path, {"mine_000"}) == ("Löwe (CC BY 4.0): 1 slice",)


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16"])
def test_an_index_in_another_encoding_gives_a_message(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "index.csv").write_text(INDEX, encoding=encoding)
    with pytest.raises(
        BadInput, match=r"index\.csv, which names the licences .* not CSV in UTF-8\. Save it in that format"
    ):
        collections_of(tmp_path, {"mine_000"})
