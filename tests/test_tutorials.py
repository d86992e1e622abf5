"""All commands and Python blocks of the tutorials run, on a small study in place of the demo."""

import json
import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from marview.cli import run
from marview.dicom.make import Labels, write_ct_series
from marview.export import write_nifti
from marview.geometry import FanBeamArc, Grid
from marview.physics import Protocol, simulate
from marview.physics.anatomy.canvas import Canvas
from marview.physics.anatomy.scenes import TWELVE_BIT_HU, scene
from marview.physics.attenuation import mu_to_hu
from marview.physics.implants import rasterize

DOCS = Path(__file__).parents[1] / "docs"
SLICES, SIZE = 20, 96

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="the user's folder is moved by an environment variable of Linux"
)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The hip demo with fewer and smaller slices, in the layout that `marview demo` writes."""
    chosen = scene("hip")
    depth, row, column = chosen.spacing_mm
    spacing_mm = (depth * 2, row * 512 / SIZE, column * 512 / SIZE)
    canvas = Canvas((SLICES, SIZE, SIZE), spacing_mm, 1)
    chosen.painter(canvas)
    shares = rasterize(chosen.implants, (canvas.z.ravel(), canvas.y.ravel(), canvas.x.ravel()))
    truth = np.clip(canvas.hu, -1024, TWELVE_BIT_HU)
    beam = FanBeamArc(views=240, bins=184, source_to_isocentre_mm=570.0, bin_rad=0.0052, bin_offset=0.25)
    scan = Protocol(name="small", beam=beam, shape=(SIZE, SIZE), pixel_mm=spacing_mm[1], source="made for a test")
    hu = mu_to_hu(simulate(truth, shares, scan).image).round().clamp(-1024, TWELVE_BIT_HU).numpy().astype(np.int16)
    folder = tmp_path_factory.mktemp("tutorials") / "demo"
    grid = Grid.from_spacing(truth.shape, spacing_mm)
    for name, values in (("study", hu), ("truth", truth.round().astype(np.int16))):
        labels = Labels("DEMO^HIP", "DEMO-HIP", "marview demo", name, body_part="PELVIS", kvp=120.0)
        write_ct_series(values, grid, folder / name, labels, seed=name, study_seed="demo")
    write_nifti(folder / "metal.nii.gz", np.sum(list(shares.values()), axis=0) >= 0.5, grid)
    (folder / "demo.json").write_text(json.dumps({"kind": "hip"}))
    return folder


@pytest.fixture
def place(tmp_path: Path, demo: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder with only the study in it, and a separate data folder."""
    for name in ("demo", "hip", "spine"):
        shutil.copytree(demo, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("MARVIEW_PLUGINS", raising=False)
    return tmp_path


def blocks(page: str, language: str) -> list[str]:
    return re.findall(
        rf"^```{language}\n(.*?)^```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )


def commands(page: str) -> Iterator[list[str]]:
    """Return the commands of a page, except those that open the window."""
    for block in blocks(page, "sh"):
        for line in block.splitlines():
            words = shlex.split(line, comments=True)
            if words and words not in (["marview", "demo"], ["marview", "demo/study"]):
                yield words


def output_of(page: str, names: dict[str, object], capsys: pytest.CaptureFixture[str]) -> list[tuple[str, str]]:
    """Run the Python blocks of a page; return each output that the page shows, and what its block printed."""
    text, printed = (DOCS / page).read_text(encoding="utf-8"), ""
    outputs: list[tuple[str, str]] = []
    for language, block in re.findall(r"^```(python|text)\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        if language == "python":
            exec(compile(block, page, "exec"), names)
            printed = capsys.readouterr().out
        else:
            outputs.append((block, printed))
    return outputs


NUMBER = re.compile(r"-?\d+(?:\.\d+)?|nan")


def assert_same_numbers(shown: str, printed: str) -> None:
    """Compare numbers with a tolerance of 2 % or one unit of the last digit, because computers round differently."""
    page, code = NUMBER.findall(shown), NUMBER.findall(printed)
    assert len(page) == len(code), (shown, printed)
    for one, other in zip(page, code, strict=True):
        unit = 10.0 ** -len(one.partition(".")[2])
        assert float(other) == pytest.approx(float(one), rel=0.02, abs=unit), (shown, printed)


def rows_of(text: str) -> dict[str, str]:
    """Return the rows of a text's tables that contain numbers, by their first cell."""
    lines = re.findall(r"^\|([^|\n]+)\|(.*\d.*)\|$", text, re.MULTILINE)
    return {name.strip(): cells for name, cells in lines}


@pytest.fixture(scope="module")
def whole_demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the hip demo in its true size; the simulation takes a minute."""
    folder = tmp_path_factory.mktemp("whole") / "demo"
    assert run(["demo", "--kind", "hip", "--no-window", "--output", str(folder)]) == 0
    return folder


@pytest.fixture
def whole_place(tmp_path: Path, whole_demo: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder with the hip demo."""
    (tmp_path / "demo").symlink_to(whole_demo)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def say(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a command as in a shell."""
    if words[0] == "export":
        name, _, value = words[1].partition("=")
        monkeypatch.setenv(name, value.replace("$PWD", str(Path.cwd())))
        return
    assert words[0] == "marview", words
    assert run([os.path.expandvars(word) for word in words[1:]]) == 0, shlex.join(words)


def test_first_correction(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for words in commands("tutorials/first-correction.md"):
        say(words, monkeypatch)
    assert (place / "trace.png").is_file()
    assert len(list((place / "corrected").iterdir())) == SLICES
    assert "Ring RMSE HU" in capsys.readouterr().out


def test_mask_sensitivity(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for words in commands("tutorials/mask-sensitivity.md"):
        say(words, monkeypatch)
    shown = capsys.readouterr().out
    assert all(text in shown for text in ("Nothing was written.", "+2 mm", "RMSE HU", "> 3000 HU"))
    page = (DOCS / "tutorials/mask-sensitivity.md").read_text(encoding="utf-8")
    written = {path.name for path in (place / "sweep").iterdir()}
    assert set(re.findall(r"`((?:sweep|spread_nmar)\.[\w.]+)`", page)) <= written


@pytest.mark.slow  # simulates the demo study itself
@pytest.mark.timeout(1800)
@pytest.mark.usefixtures("whole_place")
def test_first_correction_prints_the_numbers_of_its_page(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = "tutorials/first-correction.md"
    for words in commands(page):
        say(words, monkeypatch)
    rows = rows_of(capsys.readouterr().out)
    text = " ".join((DOCS / page).read_text(encoding="utf-8").split())
    for name in ("Ring RMSE HU", "Streak index"):
        shown = re.search(rf"\*{name}\* .*?falls from about ([\d.]+) to about (\d+(?:\.\d+)?)", text)
        assert shown is not None
        means = re.findall(r"([\d.]+) \(", rows[name])
        assert_same_numbers(" ".join(shown.groups()), " ".join(means))


@pytest.mark.slow  # simulates the demo study itself
@pytest.mark.timeout(1800)
def test_mask_sensitivity_prints_the_numbers_of_its_page(whole_place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = "tutorials/mask-sensitivity.md"
    for words in commands(page):
        say(words, monkeypatch)
    columns = ("metal_voxels", "mean_hu", "deviation_hu", "streak_index", "rmse_hu")
    rows = json.loads((whole_place / "sweep" / "sweep.json").read_text(encoding="utf-8"))["rows"]
    shown = rows_of((DOCS / page).read_text(encoding="utf-8"))
    for row, cells in zip(rows, shown.values(), strict=True):
        assert_same_numbers(cells, " ".join(str(row[column]) for column in columns))


def test_projector(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile("\n".join(blocks("tutorials/projector.md", "python")), "projector.md", "exec"), {})
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "(256, 256) 320 197"
    first, last, _ = map(float, lines[-1].split())
    assert last < first / 2
    largest, inside = map(float, lines[1].split()[-2:])
    between, share = map(float, lines[2].split())
    page = " ".join((DOCS / "tutorials/projector.md").read_text(encoding="utf-8").split())
    for sentence in (
        f"Its largest value is {largest:.2f}",
        f"filtered backprojection (FBP) returns {inside:.3f} per cm",
        f"the attenuation between the rods is {between:.3f} per cm",
        f"it covers {100 * share:.1f} % of the sinogram",
        f"the attenuation is now {float(lines[3]):.3f} per cm",
    ):
        assert sentence in page
    (shown,) = re.findall(r"falls from (\S+) to (\S+)\. ", page)
    assert [first, last] == pytest.approx([float(number) for number in shown], rel=0.05)


def test_python_api(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("MPLBACKEND", "Agg")
    names: dict[str, object] = {}
    outputs = output_of("reference/api.md", names, capsys)
    for shown, printed in outputs:
        assert NUMBER.sub("0", shown) == NUMBER.sub("0", printed)
    _region, measures, score, losses = outputs
    before, after = map(int, re.findall(r"ring RMSE (\d+) HU", measures[1]))
    assert after < before
    for shown, printed in (score, losses):  # these blocks do not use the demo
        assert_same_numbers(shown, printed)
    assert names["rays"].shape == (1, 640, 641)
    assert (place / "slice-16.png").is_file()
    assert names["image"].grad.abs().max() > 0
    assert any((place / "corrected-api").iterdir())


@pytest.mark.slow  # simulates the demo study itself
@pytest.mark.timeout(1800)
@pytest.mark.usefixtures("whole_place")
def test_python_api_prints_the_numbers_of_its_page(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MPLBACKEND", "Agg")
    names: dict[str, Any] = {}
    page = (DOCS / "reference/api.md").read_text(encoding="utf-8")
    for shown, printed in output_of("reference/api.md", names, capsys):
        assert_same_numbers(shown, printed)
    assert f'"{names["metal"].origin}"' in page
    assert f"in the ground truth is {names['truth'][names['region']].mean():.0f} HU." in page


def test_write_a_method(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = "how-to/write-a-method.md"
    for words in commands(page):
        if (words[:3] == ["marview", "plugin", "new"] and "--learned" in words) or words[0] in {"python", "~/envs"}:
            break  # the section on networks
        say(words, monkeypatch)
        if words[:3] == ["marview", "plugin", "new"]:
            folder = place / "my-methods" / "near_median"
            (folder / "method.py").write_text(blocks(page, "python")[0], encoding="utf-8")
    assert any((place / "filtered").iterdir())


def test_own_training_loop(place: Path) -> None:
    (loop,) = (block for block in blocks("how-to/write-a-method.md", "python") if "learning.cases" in block)
    names: dict[str, object] = {}
    exec(compile(loop, "write-a-method.md", "exec"), names)
    assert names["case"].hu.shape == names["target"].hu.shape == (1, 416, 416)
    assert float(names["loss"].detach()) > 0


@pytest.mark.slow  # trains, simulates and corrects
@pytest.mark.timeout(900)
def test_train_on_your_scans(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for words in commands("tutorials/train-a-method.md"):
        say([word.replace("16-17", "14-15") for word in words], monkeypatch)  # where the small study has bone
    assert (place / "my-run" / "model_card.md").is_file()
    assert any((place / "corrected-cnnmar").iterdir())


@pytest.mark.slow  # simulates and corrects twenty slices
@pytest.mark.timeout(900)
def test_compare_methods(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(place / "hip")  # because the page makes it
    for block in blocks("first-comparison.md", ""):
        for line in block.splitlines():
            say([word.replace("CLEAN", "demo/truth") for word in shlex.split(line)], monkeypatch)
    assert "nmar_frequency_split" in capsys.readouterr().out


@pytest.mark.slow  # simulates the demo study itself
@pytest.mark.timeout(1800)
@pytest.mark.usefixtures("whole_place")
def test_compare_methods_prints_the_numbers_of_its_page(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = "first-comparison.md"
    for line in blocks(page, "")[0].splitlines():
        words = [word.replace("CLEAN", "demo/truth") for word in shlex.split(line)]
        say([*words, "--slices", "25-30"] if words[1] == "simulate" else words, monkeypatch)
    printed = rows_of(capsys.readouterr().out)
    for name, cells in rows_of((DOCS / page).read_text(encoding="utf-8")).items():
        assert_same_numbers(cells, printed[name])


@pytest.mark.parametrize("page", sorted(path.name for path in (DOCS / "tutorials").glob("*.md")))
def test_tutorial_is_in_the_navigation_and_has_a_test(page: str) -> None:
    assert f"tutorials/{page}" in (DOCS.parent / "mkdocs.yml").read_text(encoding="utf-8")
    assert f"tutorials/{page}" in Path(__file__).read_text(encoding="utf-8")
