"""Methods are made, checked, installed and removed from the command line."""

import logging
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from marview.commands import plugin
from marview.mar.discovery import discover


@pytest.fixture
def own_methods(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of the user's own methods."""
    folder = tmp_path / "own"
    monkeypatch.setattr("marview.mar.discovery.user_plugins", lambda: folder)
    return folder


@pytest.mark.parametrize("kind", ["image", "sinogram"])
def test_a_new_method_keeps_the_contract_and_runs_after_installation(
    marview: Callable, own_methods: Path, metal_series: Path, tmp_path: Path, kind: str
) -> None:
    assert marview("plugin", "new", "my_method", f"--{kind}", "--output", tmp_path).exit_code == 0
    checked = marview("plugin", "check", tmp_path / "my_method")
    assert (checked.exit_code, checked.out) == (0, f"{tmp_path / 'my_method'} meets the method contract.\n")
    assert marview("plugin", "install", tmp_path / "my_method").exit_code == 0
    assert (own_methods / "my_method" / "plugin.toml").is_file()
    listed = {listing.id: listing for listing in discover()}
    assert listed["my_method"].is_usable
    reduced = marview("reduce", metal_series, "--method", "my_method", "--output", tmp_path / "out")
    assert reduced.exit_code == 0, reduced.err
    assert marview("plugin", "remove", "my_method").exit_code == 0
    assert "my_method" not in {listing.id for listing in discover()}


def test_a_method_is_removed_also_while_a_folder_of_the_search_path_replaces_it(
    marview: Callable, own_methods: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marview("plugin", "new", "my_method", "--image", "--output", tmp_path)
    assert marview("plugin", "install", tmp_path / "my_method").exit_code == 0
    monkeypatch.setenv("MARVIEW_PLUGINS", str(tmp_path))
    assert marview("plugin", "remove", "my_method").exit_code == 0
    assert not (own_methods / "my_method").exists()
    assert (tmp_path / "my_method").is_dir()


def test_a_new_learned_method_says_how_to_train_it(marview: Callable, own_methods: Path, tmp_path: Path) -> None:
    folder = tmp_path / "my_network"
    train = "My network is not trained yet. Train it with 'marview train my_network --data DIR --output RUN'"
    made = marview("plugin", "new", "my_network", "--learned", "--output", tmp_path)
    assert f"{folder}: created. Set MARVIEW_PLUGINS={tmp_path}, so that marview finds the method. {train}" in made.out
    answer = marview("plugin", "check", folder)
    assert answer.exit_code == 2
    assert f"{folder} cannot be run yet, because it has no weights. The check found no error" in answer.out
    assert train in answer.out
    record = marview("plugin", "check", folder, "--json").record
    assert (record["ok"], record["findings"]) == (False, [])
    assert train in record["untrained"]
    answer = marview("plugin", "install", folder)
    assert answer.out.startswith(f"{own_methods / 'my_network'}: installed. {train}")
    assert marview("plugin", "remove", "my_network").exit_code == 0
    manifest = tmp_path / "my_network" / "plugin.toml"
    manifest.write_text(manifest.read_text().replace('entry = "method:', 'entry = "method:No'))
    answer = marview("plugin", "check", tmp_path / "my_network")
    assert answer.exit_code == 4
    assert "does not meet the method contract:" in answer.out
    assert "the class No" in answer.out


def test_a_new_method_works_on_the_image_by_default(marview: Callable, tmp_path: Path) -> None:
    assert marview("plugin", "new", "my_method", "--output", tmp_path / "a").exit_code == 0
    assert marview("plugin", "new", "my_method", "--image", "--output", tmp_path / "b").exit_code == 0
    made, asked = (sorted(path.name for path in (tmp_path / each / "my_method").iterdir()) for each in "ab")
    assert made == asked
    both = marview("plugin", "new", "my_method", "--sinogram", "--learned", "--output", tmp_path / "c")
    assert both.exit_code == 2
    assert "--sinogram and --learned cannot be combined" in both.err
    assert not (tmp_path / "c").exists()


@pytest.mark.skipif(os.name != "posix", reason="rights of files as POSIX has them")
def test_the_check_names_a_file_that_others_may_change(marview: Callable, own_methods: Path, tmp_path: Path) -> None:
    marview("plugin", "new", "open_one", "--output", tmp_path)
    (tmp_path / "open_one" / "method.py").chmod(0o666)
    answer = marview("plugin", "check", tmp_path / "open_one")
    assert answer.exit_code == 4
    assert f"chmod -R go-w {tmp_path / 'open_one'}" in answer.out


@pytest.mark.skipif(os.name != "posix", reason="rights of files as POSIX has them")
def test_the_installed_copy_of_an_open_method_is_closed(marview: Callable, own_methods: Path, tmp_path: Path) -> None:
    marview("plugin", "new", "open_one", "--output", tmp_path)
    (tmp_path / "open_one" / "method.py").chmod(0o666)
    (tmp_path / "open_one").chmod(0o777)
    answer = marview("plugin", "install", tmp_path / "open_one")
    assert answer.exit_code == 0
    copy = Path(answer.out.partition(": installed")[0])
    assert not (copy / "method.py").stat().st_mode & 0o022
    assert not copy.stat().st_mode & 0o022


def test_a_broken_contract_is_named(marview: Callable, own_methods: Path, tmp_path: Path) -> None:
    marview("plugin", "new", "broken", "--output", tmp_path)
    source = tmp_path / "broken" / "method.py"
    begin = "        assert isinstance(parameters, Parameters)\n"
    source.write_text(source.read_text().replace(begin, f"{begin}        case.hu.mul_(0)\n"))
    answer = marview("plugin", "check", tmp_path / "broken")
    assert answer.exit_code == 4
    assert "modified its input" in answer.out


def test_a_method_that_ends_its_process_is_contained(marview: Callable, own_methods: Path, tmp_path: Path) -> None:
    marview("plugin", "new", "deadly", "--output", tmp_path)
    source = tmp_path / "deadly" / "method.py"
    source.write_text(source.read_text().replace("import torch\n", "import os\n\nimport torch\n\nos._exit(9)\n", 1))
    answer = marview("plugin", "check", tmp_path / "deadly")
    assert answer.exit_code == 4
    assert "exit code 9" in answer.err


def test_the_check_hints_at_what_users_would_miss(marview: Callable, tmp_path: Path) -> None:
    marview("plugin", "new", "hinted", "--output", tmp_path)
    source = tmp_path / "hinted" / "method.py"
    more = "\n\n    table: dict[str, float] = {}\n    sigmas: list[float] = [1.0]\n"
    source.write_text(source.read_text().replace('"step": 10},\n    )\n', f'"step": 10}},\n    ){more}'))
    manifest = tmp_path / "hinted" / "plugin.toml"
    manifest.write_text(re.sub(r'purpose = ".+"', 'purpose = ""', manifest.read_text()))
    answer = marview("plugin", "check", tmp_path / "hinted")
    assert answer.exit_code == 0, answer.out
    assert "Note: purpose in plugin.toml is empty." in answer.err
    assert "Note: The window has no field for the parameter table, because its type is dict" in answer.err
    assert "sigmas" not in answer.err
    assert len(marview("plugin", "check", tmp_path / "hinted", "--json").record["hints"]) == 2


BEGIN = "        assert isinstance(parameters, Parameters)\n"


def spoilt(marview: Callable, parent: Path, line: str) -> Path:
    """Make a method whose run starts with this line."""
    marview("plugin", "new", "spoilt", "--output", parent)
    source = parent / "spoilt" / "method.py"
    source.write_text(source.read_text().replace(BEGIN, f"{BEGIN}        {line}\n"))
    return parent / "spoilt"


@pytest.fixture
def quiet_log() -> Iterator[None]:
    """The log as a command finds it; --verbose would make it loud for later tests."""
    ours, root = logging.getLogger("marview"), logging.getLogger()
    level, handlers = ours.level, root.handlers[:]
    ours.setLevel(logging.WARNING)
    yield
    ours.setLevel(level)
    root.handlers[:] = handlers


def test_an_exception_names_its_place_and_verbose_prints_the_traceback(
    marview: Callable, quiet_log: None, tmp_path: Path
) -> None:
    folder = spoilt(marview, tmp_path, "raise ValueError('the kernel must be odd, not 4.')")
    place = "method.py, line 35: ValueError: the kernel must be odd, not 4."
    breach = f"{folder} does not meet the method contract:\n"
    answer = marview("plugin", "check", folder)
    assert answer.exit_code == 4
    assert answer.out == f"{breach}{place}\nAdd --verbose for the whole traceback.\n"
    assert "Traceback" not in answer.err
    assert marview("plugin", "check", folder, "--json").record["findings"] == [place]
    loud = marview("plugin", "check", folder, "-v")
    assert loud.out == f"{breach}{place}\n"
    assert "Traceback (most recent call last)" in loud.err
    assert "raise ValueError('the kernel must be odd, not 4.')" in loud.err


def test_a_crash_has_the_words_of_a_run(marview: Callable, tmp_path: Path) -> None:
    answer = marview("plugin", "check", spoilt(marview, tmp_path, "import ctypes; ctypes.string_at(0)"))
    assert answer.exit_code == 4
    assert "stopped unexpectedly: its process was ended by a segmentation fault." in answer.err


def test_an_endless_loop_is_reported_and_ended(
    marview: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert str(plugin._CHECK_S) in marview("plugin", "check", "--help").out
    monkeypatch.setattr(plugin, "_CHECK_S", 2)
    monkeypatch.setattr(plugin, "_SAY_S", 0.5)
    answer = marview("plugin", "check", spoilt(marview, tmp_path, "while True: pass"))
    assert answer.exit_code == 4
    assert "s. The check will stop it after 2 s." in answer.err
    advice = "Every loop in run must end, and must call job.check_cancelled() at least once a second."
    assert f"was still running after 2 s, so the check stopped it. {advice}" in answer.err


@pytest.mark.skipif(os.name != "posix", reason="a shell script is the interpreter")
def test_the_check_uses_the_interpreter_that_the_manifest_names(marview: Callable, tmp_path: Path) -> None:
    folder = spoilt(marview, tmp_path, "import os; assert os.environ['OWN_PYTHON'] == 'yes'")
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nOWN_PYTHON=yes exec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    assert marview("plugin", "check", folder).exit_code == 4
    manifest = folder / "plugin.toml"
    manifest.write_text(f'python = "../python"\n{manifest.read_text()}')
    answer = marview("plugin", "check", folder)
    assert answer.exit_code == 0, answer.out + answer.err


@pytest.mark.skipif(os.name != "posix", reason="a shell script is the interpreter")
def test_an_interpreter_that_lacks_a_package_of_marview_is_named(marview: Callable, tmp_path: Path) -> None:
    folder = spoilt(marview, tmp_path, "pass")
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho \"ModuleNotFoundError: No module named 'typer'\" >&2\nexit 1\n")
    python.chmod(0o755)
    manifest = folder / "plugin.toml"
    manifest.write_text(f'python = "../python"\n{manifest.read_text()}')
    answer = marview("plugin", "check", folder)
    assert answer.exit_code == 4
    python = folder / ".." / "python"
    assert f"{python} does not have the package typer, which marview needs. Run {python} -m pip install " in answer.err


def test_a_method_that_replaces_another_is_announced(
    marview: Callable, own_methods: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = marview("plugin", "new", "nmar", "--output", tmp_path)
    assert "Note: The identifier nmar is already in use by the bundled method nmar (" in made.err
    assert "marview uses only one of the two methods; marview plugin list shows which one." in made.err
    monkeypatch.setenv("MARVIEW_PLUGINS", os.pathsep.join([str(tmp_path), str(tmp_path / "lost")]))
    notice = f"The method nmar in MARVIEW_PLUGINS ({tmp_path / 'nmar'}) replaces the bundled method nmar (version "
    listed = marview("methods")
    assert notice in listed.out
    assert f"Note: MARVIEW_PLUGINS names {tmp_path / 'lost'}, which is not a folder." in listed.err
    about = marview("methods", "nmar").out
    assert notice in about
    assert f"From: MARVIEW_PLUGINS, {tmp_path / 'nmar'}" in about


def test_a_new_method_in_a_folder_of_the_search_path_replaces_nothing(
    marview: Callable, own_methods: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MARVIEW_PLUGINS", str(tmp_path / "mine"))
    assert marview("plugin", "new", "first_one", "--output", "mine").err == ""
    assert "already in use by the method first_one in MARVIEW_PLUGINS (" in (
        marview("plugin", "new", "first_one", "--output", "other").err
    )


def test_names_that_cannot_be_identifiers_are_refused(marview: Callable, tmp_path: Path) -> None:
    for name in ("My-Method", "2nd", "class"):
        assert marview("plugin", "new", name, "--output", tmp_path).exit_code == 2


def test_folders_named_in_the_environment_are_searched(
    marview: Callable, own_methods: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marview("plugin", "new", "elsewhere", "--output", tmp_path / "more")
    monkeypatch.setenv("MARVIEW_PLUGINS", str(tmp_path / "more"))
    assert {listing.id: listing.origin for listing in discover()}["elsewhere"] == "MARVIEW_PLUGINS"
