import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from marview.errors import UsageError
from marview.mar import discovery
from marview.mar.discovery import discover, find, find_usable

MANIFEST = 'id = "{id}"\ntitle = "{title}"\nversion = "{version}"\napi = 1\nentry = "method:Method"\n'


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    bundled, user = tmp_path / "bundled", tmp_path / "user"
    bundled.mkdir()
    monkeypatch.setattr(discovery, "bundled_plugins", lambda: bundled)
    monkeypatch.setattr(discovery, "user_plugins", lambda: user)
    monkeypatch.setattr(discovery, "_packages", lambda _installed: [])
    return bundled, user


def _write(parent: Path, id_: str, version: str = "1", text: str = "") -> Path:
    folder = parent / id_
    folder.mkdir(parents=True)
    (folder / "plugin.toml").write_text(text or MANIFEST.format(id=id_, title=id_.title(), version=version))
    (folder / "method.py").write_text("raise AssertionError('not to be imported')\nclass Method: pass\n")
    return folder


def test_the_search_path_may_name_a_method_itself(
    places: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = _write(tmp_path / "mine", "own")
    for place in (folder, folder.parent):
        monkeypatch.setenv("MARVIEW_PLUGINS", str(place))
        assert [(listing.id, listing.folder) for listing in discover()] == [("own", folder)]


def test_later_wins_and_says_so(places: tuple[Path, Path]) -> None:
    bundled, user = places
    _write(bundled, "nmar", "1")
    _write(user, "nmar", "2")
    (listing,) = discover()
    assert listing.manifest is not None
    assert (listing.manifest.version, listing.origin) == ("2", "installed")
    assert "replaces the bundled method nmar (version 1)." in listing.notice


def test_a_wrong_manifest_is_listed_and_replaces_nothing(places: tuple[Path, Path]) -> None:
    bundled, user = places
    _write(bundled, "nmar")
    _write(user, "nmar", text='id = "nmar"\n')
    _write(user, "empty", text="\x00")
    good, *broken = discover()
    assert good.origin == "bundled"
    assert {each.id for each in broken} == {"nmar", "empty"}
    assert all(each.error and each.manifest is None for each in broken)
    assert find("nmar", discover()) == good
    with pytest.raises(UsageError, match="cannot be used"):
        find("empty", discover())
    with pytest.raises(UsageError, match="Installed methods: nmar"):
        find("other", discover())
    assert good.as_record()["manifest"]["entry"] == "method:Method"


@pytest.mark.skipif(sys.platform == "win32", reason="no pipes and links in folders there")
@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (os.mkfifo, "it is not a regular file"),
        (Path.mkdir, "cannot be read (is a directory)"),
        (lambda path: path.symlink_to("nowhere"), "is a broken link"),
    ],
    ids=["pipe", "folder", "link to nothing"],
)
def test_a_manifest_that_is_not_a_file_is_listed_with_its_reason(
    places: tuple[Path, Path], made: Callable[[Path], object], reason: str
) -> None:
    bundled, user = places
    _write(bundled, "nmar")
    (user / "odd").mkdir(parents=True)
    made(user / "odd" / "plugin.toml")
    good, odd = discover()
    assert (good.id, odd.id, odd.manifest) == ("nmar", "odd", None)
    assert reason in odd.error
    with pytest.raises(UsageError, match="odd cannot be used"):
        find("odd", discover())


def test_a_method_that_has_to_learn_is_listed_and_says_how_to_train_it(places: tuple[Path, Path]) -> None:
    bundled, user = places
    untrained = MANIFEST.format(id="learner", title="Learner", version="1") + "needs_weights = true\n"
    _write(bundled, "learner", text=untrained)
    (listing,) = discover()
    assert not listing.is_usable
    assert find("learner", [listing]) == listing
    with pytest.raises(UsageError, match="marview train learner --data"):
        find_usable("learner", [listing])
    facts = {"file": "weights/own.safetensors", "sha256": "0" * 64, "trained_on": "slices", "licence": "MIT"}
    weights = "[[weights]]\n" + "".join(f'{name} = "{value}"\n' for name, value in facts.items())
    copy = _write(user, "learner", text=untrained + weights)
    (copy / "weights").mkdir()
    (copy / "weights" / "own.safetensors").touch()
    (listing,) = discover()
    assert listing.is_usable
    assert find_usable("learner", [listing]).origin == "installed"


def test_an_untrained_copy_hides_no_trained_method_but_is_the_one_to_train(
    places: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundled, user = places
    _write(user, "learner", "1")
    untrained = MANIFEST.format(id="learner", title="Learner", version="2") + "needs_weights = true\n"
    copy = _write(tmp_path / "mine", "learner", text=untrained)
    monkeypatch.setenv("MARVIEW_PLUGINS", str(tmp_path / "mine"))
    (listing,) = discover()
    assert find_usable("learner", [listing]).folder == user / "learner"
    assert listing.to_train.folder == copy
    assert f"the copy in {copy} is not trained yet" in listing.notice
    _write(bundled, "other", text=untrained.replace('"learner"', '"other"'))
    untrained_one = find("other", discover())
    assert untrained_one.to_train == untrained_one


def test_a_copy_that_cannot_run_hides_no_method_that_can(places: tuple[Path, Path]) -> None:
    bundled, user = places
    _write(bundled, "nmar")
    copy = _write(user, "nmar", "2")
    (copy / "method.py").unlink()
    (listing,) = discover()
    assert (listing.origin, listing.is_usable, listing.to_train.folder) == ("bundled", True, copy)
    why = f"cannot be used: {copy / 'plugin.toml'}: entry names method.py, which is not in {copy}."
    assert listing.notice.endswith(f"because the copy in {copy} {why}")
    _write(user, "own")
    (user / "own" / "method.py").write_text("class Method")
    own = find("own", discover())
    assert "method.py is not valid Python: line 1" in own.error
    assert not own.is_usable


@pytest.mark.parametrize(
    ("origin", "name"),
    [
        ("bundled", "the bundled method own"),
        ("installed", "the installed method own"),
        ("MARVIEW_PLUGINS", "the method own in MARVIEW_PLUGINS"),
        ("package own-method", "the method own from the package own-method"),
    ],
)
def test_a_method_is_named_with_its_origin(origin: str, name: str) -> None:
    assert discovery.Listing("own", Path("own"), origin).name == name


def test_packages_name_themselves(places: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib.metadata import EntryPoint

    package = _write(tmp_path / "site" / "outer", "packaged")
    (package / "__init__.py").write_text("raise AssertionError('imported')")
    (package.parent / "__init__.py").write_text("raise AssertionError('imported')")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site"), *sys.path])
    entries = [
        EntryPoint("packaged", "outer.packaged", discovery.ENTRY_POINTS),
        EntryPoint("missing", "not_there", discovery.ENTRY_POINTS),
    ]
    monkeypatch.setattr(discovery, "_packages", lambda _installed: entries)
    good, missing = discover()
    assert (good.id, good.folder) == ("packaged", package)
    assert "not_there is not installed" in missing.error
    (package / "plugin.toml").unlink()
    unpacked = next(each for each in discover() if each.id == "packaged")
    assert "outer.packaged contains no plugin.toml. Include it as package data" in unpacked.error
    with pytest.raises(UsageError, match=r"tool\.setuptools\.package-data"):
        find_usable("packaged", [unpacked])


def test_a_package_installed_meanwhile_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(site)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert "added" not in {each.id for each in discover()}
    _write(site, "added")
    (site / "added" / "__init__.py").write_text("")
    (site / "added-1.dist-info").mkdir()
    (site / "added-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: added\nVersion: 1\n")
    (site / "added-1.dist-info" / "entry_points.txt").write_text("[marview.methods]\nadded = added\n")
    assert find("added", discover()).origin == "package added"


def test_the_bundled_methods_are_found() -> None:
    assert {"linear_interpolation", "nmar", "nmar_frequency_split"} <= {each.id for each in discover()}


def test_unreadable_folders_are_reported_and_hide_no_others(
    places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    bundled, user = places
    _write(bundled, "nmar")
    user.mkdir()
    iterdir = Path.iterdir

    def closed(folder: Path):
        if folder == user:
            raise PermissionError(13, "Permission denied")
        return iterdir(folder)

    monkeypatch.setattr(Path, "iterdir", closed)
    good, broken = discover()
    assert good.id == "nmar"
    assert f"{user} cannot be read (permission denied)" in broken.error
    monkeypatch.setattr(discovery, "bundled_plugins", lambda: user)
    with pytest.raises(UsageError, match="permission denied"):
        find("nmar", discover())


def test_a_folder_of_the_search_path_that_does_not_exist_is_named(
    places: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = tmp_path / "lost"
    monkeypatch.setenv("MARVIEW_PLUGINS", os.pathsep.join([str(tmp_path), str(lost)]))
    assert discovery.missing_folders() == [f"MARVIEW_PLUGINS names {lost}, which is not a folder."]
    with pytest.raises(UsageError, match=f"There is no method 'mine'.*MARVIEW_PLUGINS names {lost}"):
        find("mine", discover())


def test_methods_are_sorted_by_title_without_case(places: tuple[Path, Path]) -> None:
    bundled, user = places
    for id_, title in (("a", "beta"), ("b", "Alpha"), ("c", "Gamma")):
        _write(bundled, id_, text=MANIFEST.format(id=id_, title=title, version="1"))
    _write(user, "aa", text="\x00")
    assert [each.id for each in discover()] == ["b", "a", "c", "aa"]


@pytest.mark.skipif(os.name != "posix", reason="rights of files as POSIX has them")
@pytest.mark.parametrize("which", ["above", "parent", "folder", "file"])
def test_a_method_that_others_may_change_is_not_used(
    places: tuple[Path, Path], which: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundled, _ = places
    _write(bundled, "nmar", "1")
    user = bundled.parent / "data" / "plugins"
    monkeypatch.setattr(discovery, "user_plugins", lambda: user)
    folder = _write(user, "nmar", "2")
    target = {"above": user.parent, "parent": user, "folder": folder, "file": folder / "method.py"}[which]
    target.chmod(target.stat().st_mode | 0o002)
    listings = discover()
    used = find("nmar", listings)
    assert used.manifest is not None
    assert used.manifest.version == "1"
    (refused,) = [listing for listing in listings if listing.error]
    assert f"Other users can change {target}" in refused.error
    remedy = f"chmod -R go-w {folder}" if which in {"folder", "file"} else f"chmod go-w {target})"
    assert remedy in refused.error


@pytest.mark.skipif(os.name != "posix", reason="links as POSIX has them")
@pytest.mark.parametrize("link", ["/nowhere", "loop"])
def test_a_link_to_nothing_in_a_method_stops_no_method(places: tuple[Path, Path], link: str) -> None:
    bundled, user = places
    _write(bundled, "nmar")
    folder = _write(user, "own")
    (folder / "loop").symlink_to(link)
    (user / "lost").symlink_to(link)
    assert [(each.id, each.error) for each in discover()] == [("nmar", ""), ("own", "")]


def test_a_method_whose_folder_cannot_be_searched_carries_the_error_alone(
    places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    bundled, user = places
    _write(bundled, "nmar")
    _write(user, "own")

    def refused(folder: Path) -> Path | None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(discovery, "opened_to_others", refused)
    good, broken = discover()
    assert good.id == "nmar"
    assert "input/output error" in broken.error


@pytest.mark.parametrize(
    "text",
    [
        "n = " + "9" * 5000,
        "n = " + "[" * 5000 + "]" * 5000,
        "[x" + ".x" * 20_000 + "]",
        "\ufeff" + "\x00",
        "api = nan",
        "x = " + "1" * (17 << 20),
    ],
    ids=["digits", "nesting", "tables", "bytes", "nan", "size"],
)
def test_an_odd_manifest_disables_only_its_method(places: tuple[Path, Path], text: str) -> None:
    bundled, user = places
    _write(bundled, "nmar")
    _write(user, "own", text=text)
    good, broken = discover()
    assert good.id == "nmar"
    assert str(user / "own" / "plugin.toml") in broken.error
    assert len(broken.error) < 500


def test_relative_folders_of_methods_are_found_from_every_folder(
    places: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(tmp_path / "mp", "own")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MARVIEW_PLUGINS", "mp")
    assert find("own", discover()).folder == tmp_path / "mp" / "own"
