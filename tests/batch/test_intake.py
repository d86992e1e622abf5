"""Every study under the inputs becomes a job, or a row that says why not."""

import io
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest

from marview.batch.intake import Intake, read_jobs, refuse_absent, units
from marview.batch.job import Plan, State
from marview.batch.selection import SelectionRule
from marview.dicom.make import Labels, write_ct_series
from marview.dicom.scan import scan
from marview.errors import BadInput
from marview.geometry import Grid


def write_study(folder: Path, slices: int = 3) -> Path:
    hu = np.zeros((slices, 16, 16), np.int16)
    write_ct_series(
        hu, Grid.from_spacing(hu.shape, (3.0, 1.0, 1.0)), folder, Labels("A", "B", "C", "D"), seed=folder.name
    )
    return folder


def plans(*paths: Path, output: Path | None = None) -> list[Plan]:
    return list(Intake(SelectionRule(), output=output).plans(paths))


@pytest.fixture
def locked(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Make a folder or file unreadable, even for root."""

    def lock(path: Path) -> None:
        def refusing(wanted: Callable) -> Callable:
            def refuse(place, *words, **names):
                if str(place) == str(path):
                    raise PermissionError(13, "Permission denied")
                return wanted(place, *words, **names)

            return refuse

        for module, name in ((os, "scandir"), (os, "listdir"), (os, "open"), (io, "open")):
            monkeypatch.setattr(module, name, refusing(getattr(module, name)))

    return lock


def test_an_unreadable_folder_fails_alone(tmp_path: Path, locked: Callable[[Path], None]) -> None:
    write_study(tmp_path / "good")
    (tmp_path / "locked").mkdir()
    locked(tmp_path / "locked")
    found = {plan.source.name: plan for plan in plans(tmp_path)}
    assert found["good"].state is State.QUEUED
    assert found["locked"].state is State.FAILED
    assert "unreadable" in found["locked"].reason


def test_an_unreadable_file_fails_alone(tmp_path: Path, locked: Callable[[Path], None]) -> None:
    write_study(tmp_path / "good")
    (tmp_path / "locked").mkdir()
    (tmp_path / "locked" / "1.dcm").write_bytes(b"x")
    locked(tmp_path / "locked" / "1.dcm")
    found = {plan.source.name: plan.state for plan in plans(tmp_path)}
    assert found == {"good": State.QUEUED, "locked": State.FAILED}


@pytest.mark.parametrize("names", [("1.dcm",), ("1.2.826.1", "1.2.826.2")])
def test_empty_files_of_a_study_are_a_failure(tmp_path: Path, names: tuple[str, ...]) -> None:
    (tmp_path / "cut").mkdir()
    for name in names:
        (tmp_path / "cut" / name).write_bytes(b"")
    (plan,) = plans(tmp_path)
    assert plan.state is State.FAILED
    assert "empty" in plan.reason


def test_links_to_nothing_are_a_failure(tmp_path: Path) -> None:
    (tmp_path / "moved").mkdir()
    (tmp_path / "moved" / "1.dcm").symlink_to(tmp_path / "gone.dcm")
    (plan,) = plans(tmp_path)
    assert plan.state is State.FAILED
    assert "dangling" in plan.reason


def test_an_encrypted_zip_is_a_failure(tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("1.dcm", b"x" * 200)
    content = bytearray(archive.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.find(mark) + offset] |= 1
    archive.write_bytes(content)
    (plan,) = plans(tmp_path)
    assert plan.state is State.FAILED
    assert "encrypted" in plan.reason


def test_files_that_are_not_images_are_not_jobs(tmp_path: Path) -> None:
    for folder, name, content in (
        ("letters", "a.txt", "Hello"),
        ("marker", "DONE", ""),
        ("earlier", "jobs.sqlite", "x"),
    ):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_text(content)
    (tmp_path / "earlier" / "jobs.lock").write_text("")
    assert plans(tmp_path) == []


def test_a_linked_folder_is_searched_and_a_loop_ends(tmp_path: Path) -> None:
    study = write_study(tmp_path / "archive" / "study")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link").symlink_to(study)
    (tmp_path / "in" / "loop").symlink_to(tmp_path / "in")
    assert [plan.state for plan in plans(tmp_path / "in")] == [State.QUEUED]


def test_the_output_folder_is_not_searched(tmp_path: Path) -> None:
    write_study(tmp_path / "study")
    write_study(tmp_path / "corrected" / "study-0001")
    assert len(plans(tmp_path, output=tmp_path / "corrected")) == 1


def test_a_volume_beside_other_files_is_one_job(tmp_path: Path) -> None:
    (tmp_path / "scan.nii").write_bytes(b"no volume")
    (tmp_path / "readme.txt").write_text("a volume")
    assert len(plans(tmp_path)) == 1


@pytest.mark.skipif(os.name != "posix", reason="names of files are text on Windows")
def test_a_name_that_is_not_text_is_a_job(tmp_path: Path) -> None:
    study = write_study(tmp_path / "study")
    renamed = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    study.rename(renamed)
    (plan,) = plans(tmp_path)
    assert (plan.source, plan.state) == (renamed, State.QUEUED)


def test_an_absent_input_is_refused(tmp_path: Path) -> None:
    for find in (refuse_absent, lambda path: list(units(path))):
        with pytest.raises(BadInput, match="does not exist"):
            find(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["a\0b", "a\ud800b"])
def test_a_name_that_no_file_can_have_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "jobs.jsonl").write_text(json.dumps({"input": name}), encoding="utf-8")
    (path,) = read_jobs(tmp_path / "jobs.jsonl")
    for find in (refuse_absent, scan):
        with pytest.raises(BadInput, match="this is not a valid file name"):
            find(path)


def test_a_list_of_jobs_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    listed = tmp_path / "jobs.jsonl"
    listed.write_bytes(b'\xef\xbb\xbf{"input": "a"}\r\n\r\n{"input": "b"}\r\n')
    assert read_jobs(listed) == [tmp_path / "a", tmp_path / "b"]


@pytest.mark.parametrize(
    "line", ["{}", "3", "[]", '{"input": null}', '{"input": ""}', '{"input": ["a"]}', "[" * 100_000]
)
def test_a_line_that_is_not_a_job_is_named(tmp_path: Path, line: str) -> None:
    listed = tmp_path / "jobs.jsonl"
    listed.write_text(f'{{"input": "a"}}\n{line}\n')
    with pytest.raises(BadInput, match="Line 2"):
        read_jobs(listed)


def test_a_study_that_cannot_become_dicom_fails_before_the_work(tmp_path: Path) -> None:
    volume = nibabel.Nifti1Image(np.zeros((16, 16, 4), np.int16), np.diag([1, 1, 3, 1]))
    nibabel.save(volume, tmp_path / "scan.nii")
    (plan,) = Intake(SelectionRule(), writes_dicom=True).plans([tmp_path])
    assert plan.state is State.FAILED
    assert plan.reason.endswith("To do so, add --format nifti to marview reduce for this study.")
    (plan,) = Intake(SelectionRule()).plans([tmp_path])
    assert plan.state is State.QUEUED


def test_a_gap_gives_a_message_that_says_what_to_do(tmp_path: Path) -> None:
    study = write_study(tmp_path / "study", slices=6)
    sorted(study.iterdir())[2].unlink()
    (plan,) = plans(tmp_path)
    assert plan.state is State.SKIPPED
    assert plan.reason.endswith(
        "Add --across-gaps to marview reduce for this study to correct the slices that are present."
    )
