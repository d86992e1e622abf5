"""An unwritable target is refused before any work."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from marview.dicom.atomic import whole_folder
from marview.mar import MarWorker
from marview.mar.manifest import MANIFEST
from marview.paths import bundled_plugins

FOLDERS = {
    "reduce": ("--method", "linear_interpolation"),
    "sweep": ("--method", "linear_interpolation", "--margins", "0,1"),
    "simulate": ("--implant", "hip-unilateral"),
}


@pytest.fixture(autouse=True)
def idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes every slow step fail the test."""

    def work(*_: object, **__: object) -> None:
        raise AssertionError("the work was begun")

    monkeypatch.setattr("marview.commands.metal.adaptive", work)
    monkeypatch.setattr("marview.physics.demo_study.make_demo", work)
    monkeypatch.setattr("marview.physics.insert.insert", work)
    monkeypatch.setattr(MarWorker, "_submit", work)


@pytest.fixture(params=["occupied", "below a file", "too long"])
def bad_place(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder that cannot be made; a read-only disk gives the second error."""
    if request.param == "occupied":
        (tmp_path / "full").mkdir()
        (tmp_path / "full" / "mine").write_text("1")
        return tmp_path / "full"
    (tmp_path / "file").write_text("1")
    return tmp_path / "file" / "out" if request.param == "below a file" else tmp_path / ("n" * 300)


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize("verb", FOLDERS)
def test_a_folder_is_refused_before_the_work(
    marview: Callable, metal_series: Path, tmp_path: Path, bad_place: Path, verb: str
) -> None:
    before = files(tmp_path)
    answer = marview(verb, metal_series, *FOLDERS[verb], "--output", bad_place)
    assert answer.exit_code in {2, 3}, answer.err
    assert bad_place.name[:20] in answer.err
    assert files(tmp_path) == before


def test_the_demo_is_refused_before_it_is_simulated(marview: Callable, tmp_path: Path, bad_place: Path) -> None:
    before = files(tmp_path)
    answer = marview("demo", "--no-window", "--output", bad_place)
    assert answer.exit_code in {2, 3}, answer.err
    assert files(tmp_path) == before


@pytest.mark.parametrize(("verb", "words"), [("mask", ()), ("trace", ("--slice", 2))])
def test_a_file_is_refused_before_the_work(
    marview: Callable, metal_series: Path, tmp_path: Path, verb: str, words: tuple[object, ...]
) -> None:
    (tmp_path / "file").write_text("1")
    (tmp_path / "folder.npz").mkdir()
    (tmp_path / "folder.nii").mkdir()
    before = files(tmp_path)
    end = ".nii" if verb == "mask" else ".npz"
    for target in (tmp_path / "file" / f"a{end}", tmp_path / f"folder{end}", tmp_path / f"{'n' * 300}{end}"):
        answer = marview(verb, metal_series, *words, "--output", target)
        assert answer.exit_code == 3, answer.err
    assert files(tmp_path) == before


FULL = [
    ("reduce", "SERIES", "--output", "OUT/new"),
    ("sweep", "SERIES", "--output", "OUT/new"),
    ("simulate", "SERIES", "--output", "OUT/new"),
    ("mask", "SERIES", "--output", "OUT/a.nii"),
    ("trace", "SERIES", "--slice", 2, "--output", "OUT/a.npz"),
    ("demo", "--no-window", "--output", "OUT/new"),
]


@pytest.mark.parametrize("words", FULL, ids=lambda words: words[0])
def test_a_full_disk_is_refused_before_the_work(
    marview: Callable, metal_series: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[object, ...]
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1000))
    place = {"SERIES": metal_series, "OUT/new": tmp_path / "new"}
    place |= {f"OUT/a{end}": tmp_path / f"a{end}" for end in (".npz", ".nii")}
    answer = marview(*(place.get(word, word) for word in words), *FOLDERS.get(words[0], ()))
    assert answer.exit_code == 3, answer.err
    assert "the disk has only 0 MB left" in answer.err
    assert files(tmp_path) == []


@pytest.mark.parametrize("verb", ["sweep", "benchmark"])
def test_a_method_that_replaces_a_bundled_one_is_named(
    marview: Callable, metal_series: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    (own := tmp_path / "methods" / "nmar").mkdir(parents=True)
    for name in (MANIFEST, "method.py"):
        (own / name).write_text((bundled_plugins() / "nmar" / name).read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr("marview.mar.discovery.user_plugins", lambda: tmp_path / "methods")
    words = (
        (metal_series, "--margins", "0,1")
        if verb == "sweep"
        else ("--cases", tmp_path / "methods", "--protocol", "dudonet-640")
    )
    answer = marview(verb, *words, "--method", "nmar", "--output", tmp_path / "out")
    assert f"The installed method nmar ({own}) replaces the bundled method nmar (version " in answer.err


@pytest.mark.parametrize("verb", [*FOLDERS, "demo"])
def test_a_folder_that_another_process_writes_is_refused_before_the_work(
    marview: Callable, metal_series: Path, tmp_path: Path, verb: str
) -> None:
    words = ("--no-window",) if verb == "demo" else (metal_series, *FOLDERS[verb])
    with whole_folder(tmp_path / "out"):
        before = files(tmp_path)
        answer = marview(verb, *words, "--output", tmp_path / "out")
        assert files(tmp_path) == before
    assert answer.exit_code == 3, answer.err
    assert "out is being written by another process" in answer.err


def test_a_seed_below_zero_is_refused(marview: Callable, metal_series: Path, tmp_path: Path) -> None:
    answer = marview("simulate", metal_series, *FOLDERS["simulate"], "--output", tmp_path / "new", "--seed", "-1")
    assert answer.exit_code == 2
    assert "--seed" in answer.err
    assert not (tmp_path / "new").exists()
