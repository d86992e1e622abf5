import errno
import json
import os
import socket
import subprocess
import sys

import pytest

from marview.dicom.atomic import check_file, check_place, whole_file, whole_folder, write_flushed
from marview.dicom.cannot_write import CannotWrite
from marview.errors import UsageError


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_appears_whole(tmp_path):
    with whole_folder(tmp_path / "deep" / "out") as part:
        write_flushed(part / "a", b"1")
        assert not (tmp_path / "deep" / "out").exists()
    assert names(tmp_path / "deep") == ["out"]
    assert names(tmp_path / "deep" / "out") == ["a"]


def test_a_folder_that_fails_is_gone(tmp_path):
    def fail():
        with whole_folder(tmp_path / "out") as part:
            write_flushed(part / "a", b"1")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert names(tmp_path) == []


def test_two_exports_to_one_folder_are_refused_with_the_owner_named(tmp_path):
    with (
        whole_folder(tmp_path / "out"),
        pytest.raises(CannotWrite, match=rf"being written by another process \({os.getpid()}"),
        whole_folder(tmp_path / "out"),
    ):
        pass
    assert names(tmp_path) == ["out"]


def test_leftovers_of_a_killed_process_are_removed(tmp_path):
    script = (
        "import os, signal; from pathlib import Path; from marview.dicom.atomic import whole_folder\n"
        f"with whole_folder(Path({str(tmp_path)!r}) / 'out') as part:\n"
        "    (part / 'half').write_text('x'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", script]).returncode == -9
    assert names(tmp_path) == [".part-out"]
    with whole_folder(tmp_path / "other"):
        pass
    assert names(tmp_path) == ["other"]


def test_leftovers_of_a_killed_process_are_removed_before_its_parent_asks_for_it(tmp_path):
    script = (
        "import sys; from pathlib import Path; from marview.dicom.atomic import whole_folder\n"
        f"with whole_folder(Path({str(tmp_path)!r}) / 'out') as part:\n"
        "    print('writing', flush=True); sys.stdin.read()"
    )
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", script], stdin=pipe, stdout=pipe) as process:
        process.stdout.readline()
        with pytest.raises(CannotWrite, match=str(process.pid)), whole_folder(tmp_path / "out"):
            pass
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it has ended and stays a zombie
        with whole_folder(tmp_path / "out"):
            pass
    assert names(tmp_path) == ["out"]


def test_a_folder_that_is_being_written_always_names_its_owner(tmp_path, monkeypatch):
    def killed(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("pathlib.Path.write_text", killed)
    with pytest.raises(KeyboardInterrupt), whole_folder(tmp_path / "out"):
        pass
    assert ".part-out" not in names(tmp_path)


def test_files_written_by_another_machine_stay(tmp_path):
    part = tmp_path / ".part-out"
    part.mkdir()
    owner = {"process": 1, "machine": socket.gethostname() + "-other"}
    (part / ".owner").write_text(json.dumps(owner))
    with whole_folder(tmp_path / "other"):
        pass
    assert part.is_dir()


def test_part_files_of_dead_processes_are_swept_and_those_of_another_machine_are_left_for_a_day(tmp_path):
    script = (
        "import os, signal; from pathlib import Path; from marview.dicom.atomic import whole_file\n"
        f"with whole_file(Path({str(tmp_path)!r}) / 'a.nii.gz') as part:\n"
        "    part.write_text('x'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", script]).returncode == -9
    (own,) = tmp_path.iterdir()
    process = own.name.removeprefix(".part-").split("-")[1]
    foreign = own.with_name(own.name.replace(own.name[6:18], "0123456789ab"))
    of_a_later_process = own.with_name(own.name.replace(process, str(os.getpid())))  # with the same number
    for path in (foreign, of_a_later_process):
        path.write_text("x")
    with whole_file(tmp_path / "b.nii.gz") as part:
        part.write_text("whole")
        assert part.name.endswith(".nii.gz")
    assert names(tmp_path) == sorted([foreign.name, "b.nii.gz"])
    os.utime(foreign, (0, 0))
    with whole_file(tmp_path / "b.nii.gz") as part:
        part.write_text("whole")
    assert names(tmp_path) == ["b.nii.gz"]


def test_names_as_long_as_the_file_system_takes_are_written(tmp_path):
    for name in ("x" * 255, "ü" * 127, f"a.{'b' * 240}.c"):
        with whole_folder(tmp_path / name) as part:
            write_flushed(part / "a", b"1")
        with whole_file(tmp_path / "files" / name) as part:
            part.write_text("1")
    assert len(names(tmp_path)) == 4


def test_an_unwritable_target_is_found_before_the_work(tmp_path):
    (tmp_path / "file").write_text("1")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a").write_text("1")
    for target in (tmp_path / "file" / "below", tmp_path / ("x" * 300)):
        with pytest.raises(CannotWrite):
            check_place(target)
        with pytest.raises(CannotWrite):
            check_file(target)
    with pytest.raises(UsageError):
        check_place(tmp_path / "full")
    with pytest.raises(CannotWrite):
        check_file(tmp_path / "full")
    assert names(tmp_path) == ["file", "full"]


def test_a_disk_that_is_too_small_is_refused_first(tmp_path):
    with pytest.raises(CannotWrite, match="the disk has"), whole_folder(tmp_path / "out", bytes_needed=1 << 60):
        pass
    assert names(tmp_path) == []


def test_a_file_in_the_way_is_refused(tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(UsageError, match="is a file"), whole_folder(tmp_path / "out"):
        pass


def test_a_file_replaces_the_old_one_only_when_all_went_well(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")

    def fail():
        with whole_file(target) as part:
            part.write_text("half")
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(CannotWrite, match="the disk is full"):
        fail()
    assert target.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]
    with whole_file(target) as part:
        part.write_text("new")
    assert target.read_text() == "new"
    assert names(tmp_path) == ["a.txt"]


def test_a_folder_in_the_way_of_a_file_is_refused(tmp_path):
    with pytest.raises(CannotWrite, match="is a folder"), whole_file(tmp_path):
        pass


def test_a_place_below_a_file_is_refused_with_a_sentence(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotWrite), whole_file(tmp_path / "file" / "a.csv") as part:
        part.write_text("never")


def test_a_refusal_names_a_path_as_it_is_written(tmp_path):
    (tmp_path / "IM0001.dcm").write_text("a file")
    with pytest.raises(CannotWrite, match=r"IM0001\.dcm is a file"):
        check_file(tmp_path / "IM0001.dcm" / "mask.nii.gz")
