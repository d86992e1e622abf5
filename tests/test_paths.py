"""Folders of the user's own files."""

import os
from pathlib import Path

import pytest

from marview.paths import make_private


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_every_new_folder_is_private_whatever_the_umask(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    umask = os.umask(0)
    try:
        make_private(tmp_path / "a" / "b" / "c")
        make_private(tmp_path / "a" / "b" / "c")
    finally:
        os.umask(umask)
    for folder in ("a", "a/b", "a/b/c"):
        assert (tmp_path / folder).stat().st_mode & 0o777 == 0o700
    assert tmp_path.stat().st_mode & 0o777 == 0o755, "an existing folder stays as it is"


def test_a_file_in_the_way_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("mine")
    with pytest.raises(OSError, match="a"):
        make_private(tmp_path / "a" / "b")
