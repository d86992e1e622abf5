"""Rights of other users to a user's methods."""

import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from marview.mar.ownership import opened_to_others

if sys.platform == "win32":
    pytest.skip("rights of files as POSIX has them", allow_module_level=True)

import grp
import pwd


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A method that the user's group may write, with a user called anna."""
    folder = tmp_path / "plugins" / "own"
    folder.mkdir(parents=True)
    (folder / "method.py").touch()
    (folder / "method.py").chmod(0o664)
    anna = SimpleNamespace(pw_name="anna", pw_gid=os.getgid())
    monkeypatch.setattr(pwd, "getpwuid", lambda _: anna)
    monkeypatch.setattr(pwd, "getpwall", lambda: [anna])
    return folder


def named(monkeypatch: pytest.MonkeyPatch, name: str, members: list[str]) -> None:
    monkeypatch.setattr(grp, "getgrgid", lambda _: SimpleNamespace(gr_name=name, gr_mem=members))


@pytest.mark.parametrize("members", [[], ["anna"]])
def test_the_private_group_of_the_user_is_trusted(
    plugin: Path, members: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    named(monkeypatch, "anna", members)
    assert opened_to_others(plugin) is None


def test_a_group_with_other_members_is_not(plugin: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named(monkeypatch, "lab", ["anna", "ben"])
    assert opened_to_others(plugin) == plugin / "method.py"


def test_a_group_that_is_the_first_of_others_is_not(plugin: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named(monkeypatch, "users", [])
    others = [SimpleNamespace(pw_name=name, pw_gid=os.getgid()) for name in ("anna", "ben")]
    monkeypatch.setattr(pwd, "getpwall", lambda: others)
    assert opened_to_others(plugin) == plugin / "method.py"


def test_a_linked_folder_that_others_may_write_is_found(
    plugin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named(monkeypatch, "anna", [])
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "net.py").touch()
    (tmp_path / "code" / "net.py").chmod(0o666)
    (plugin / "code").symlink_to(tmp_path / "code")
    assert opened_to_others(plugin) == plugin / "code" / "net.py"
