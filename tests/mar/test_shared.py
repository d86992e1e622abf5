import gc
import mmap
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from marview.errors import MarviewError
from marview.mar import scratch as scratch_module
from marview.mar.scratch import sweep
from marview.mar.shared import SharedArray


def test_another_process_sees_the_same_values() -> None:
    with SharedArray.create((2, 3), "int16") as shared:
        shared.array[:] = np.arange(6).reshape(2, 3)
        code = (
            "from marview.mar.shared import SharedArray\n"
            f"there = SharedArray.open({shared.description!r}, is_writable=True)\n"
            "there.array[:] *= 2"
        )
        subprocess.run([sys.executable, "-c", code], check=True)
        np.testing.assert_array_equal(shared.array, np.arange(6).reshape(2, 3) * 2)


def test_it_is_read_only_where_not_asked_otherwise() -> None:
    with SharedArray.create((4,), np.float32) as shared:
        other = SharedArray.open(shared.description)
        with pytest.raises(ValueError, match="read-only"):
            other.array[0] = 1


def test_arrays_outlive_the_file_and_the_file_goes_with_its_owner() -> None:
    shared = SharedArray.create((4,), np.float32)
    description, values = shared.description, shared.array
    SharedArray.open(description).close()
    assert Path(description["path"]).exists(), "who only opened it does not remove it"
    shared.close()
    assert not Path(description["path"]).exists()
    values[:] = 3
    assert values.sum() == 12
    with pytest.raises(MarviewError, match="no longer exists"):
        SharedArray.open(description)
    with pytest.raises(ValueError, match="closed"):
        _ = shared.array


def test_no_room_gives_a_message() -> None:
    with pytest.raises(MarviewError, match="no space"):
        SharedArray.create((2**46,), np.uint8)


def test_an_empty_array_is_one() -> None:
    with SharedArray.create((0, 5), bool) as shared:
        assert shared.array.shape == (0, 5)


def test_leftovers_of_a_crashed_process_are_removed_and_used_files_stay(tmp_path: Path) -> None:
    code = f"""
import os, sys
from pathlib import Path
from marview.mar.scratch import scratch
folder = scratch(Path({str(tmp_path)!r}))
(folder / "array").write_bytes(b"0" * 100)
print(folder, flush=True)
sys.stdin.read()
os.kill(os.getpid(), 9)
"""
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        folder = Path(process.stdout.readline().strip())
        sweep(tmp_path)
        assert (folder / "array").exists(), "its owner lives"
        process.communicate()
    assert folder.exists()
    sweep(tmp_path)
    assert not folder.exists()


def test_a_folder_without_a_lock_is_swept_once_it_is_old(tmp_path: Path) -> None:
    folder = tmp_path / f"{scratch_module._PREFIX}x"
    folder.mkdir()
    sweep(tmp_path)
    assert folder.exists()
    os.utime(folder, (time.time() - 3600,) * 2)
    sweep(tmp_path)
    assert not folder.exists()


def test_a_process_that_ends_leaves_nothing(tmp_path: Path) -> None:
    code = f"from pathlib import Path; from marview.mar.scratch import scratch; scratch(Path({str(tmp_path)!r}))"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="this system reserves no part of a file")
def test_only_the_part_that_is_asked_for_is_reserved() -> None:
    with SharedArray.create((100, 128, 1024), np.bool_, reserved=slice(40, 44)) as shared:
        taken = Path(shared.description["path"]).stat().st_blocks * 512
        assert 4 * 128 * 1024 <= taken <= 8 * 128 * 1024
        assert not shared.array.any()
        shared.array[41] = True
        assert np.count_nonzero(SharedArray.open(shared.description).array) == 128 * 1024


def test_an_unreferenced_array_leaves_no_file() -> None:
    shared = SharedArray.create((10, 10), np.int16)
    path = Path(shared.description["path"])
    values = shared.array
    del shared
    gc.collect()
    assert not path.exists()
    values[:] = 3


@pytest.mark.skipif(not hasattr(mmap, "MADV_REMOVE"), reason="this system cannot make holes in files")
def test_an_item_that_is_forgotten_takes_no_memory_and_its_neighbours_stay() -> None:
    with SharedArray.create((4, 128, 1024), np.int16) as shared:
        other = SharedArray.open(shared.description)
        shared.array[:] = 7
        shared.forget(1)
        assert (other.array[[0, 2, 3]] == 7).all()
        taken = Path(shared.description["path"]).stat().st_blocks * 512
        assert taken <= 3 * 128 * 1024 * 2 or not str(shared.description["path"]).startswith("/dev/shm")


def test_memory_is_reserved_where_it_is_asked_for_later() -> None:
    with SharedArray.create((4, 128, 1024), np.int16, reserved=slice(0, 0)) as shared:
        shared.reserve()
        shared.array[3] = 1
        assert Path(shared.description["path"]).stat().st_size == shared.array.nbytes
    with pytest.raises(ValueError, match="closed"):
        shared.reserve()


def test_a_folder_whose_maker_was_killed_before_locking_it_is_removed_at_once(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    (tmp_path / f"marview-scratch-{ended.pid}-abc").mkdir()
    (tmp_path / f"marview-scratch-{os.getpid()}-abc").mkdir()
    sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [f"marview-scratch-{os.getpid()}-abc"]
