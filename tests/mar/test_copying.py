import os
import stat
import sys
from pathlib import Path

import pytest

from marview.errors import BadInput
from marview.mar.copying import copy_method
from marview.mar.ownership import opened_to_others


@pytest.fixture
def method(tmp_path: Path) -> Path:
    folder = tmp_path / "method"
    (folder / "weights").mkdir(parents=True)
    (folder / "__pycache__").mkdir()
    for name in ("plugin.toml", "method.py", "test_method.py", ".hidden", "weights/a.safetensors", "__pycache__/a.pyc"):
        (folder / name).write_text(name)
    return folder


def _files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_caches_and_hidden_files_stay_behind(method: Path, tmp_path: Path) -> None:
    copy_method(method, tmp_path / "copy")
    assert _files(tmp_path / "copy") == {"plugin.toml", "method.py", "test_method.py", "weights/a.safetensors"}
    assert (tmp_path / "copy" / "method.py").read_text() == "method.py"


@pytest.mark.skipif(sys.platform == "win32", reason="no permissions of groups there")
@pytest.mark.parametrize("mode", [0o777, 0o555, 0o4777, 0o700])
def test_nobody_else_may_change_the_copy_and_its_owner_may(method: Path, tmp_path: Path, mode: int) -> None:
    for path in (method, *method.rglob("*")):
        path.chmod(mode)
    copy_method(method, tmp_path / "copy")
    copies = [tmp_path / "copy", *(tmp_path / "copy").rglob("*")]
    assert all(not path.stat().st_mode & 0o022 for path in copies)
    assert all(path.stat().st_mode & stat.S_IRUSR and path.stat().st_mode & stat.S_IWUSR for path in copies)
    assert os.access(tmp_path / "copy" / "method.py", os.X_OK)
    assert not (tmp_path / "copy" / "method.py").stat().st_mode & stat.S_ISUID
    (tmp_path / "copy").chmod(0o700)
    assert opened_to_others(tmp_path / "copy" / "weights") is None


@pytest.mark.skipif(sys.platform == "win32", reason="no pipes in folders there")
def test_a_pipe_is_refused_by_name_and_never_opened(method: Path, tmp_path: Path) -> None:
    os.mkfifo(method / "data.bin")
    with pytest.raises(BadInput, match=r"data\.bin cannot be read \(it is not a regular file\)"):
        copy_method(method, tmp_path / "copy")


def test_a_link_to_nothing_is_refused_by_name(method: Path, tmp_path: Path) -> None:
    (method / "lost.py").symlink_to("nowhere.py")
    with pytest.raises(BadInput, match=r"lost\.py cannot be read \(no such file"):
        copy_method(method, tmp_path / "copy")
