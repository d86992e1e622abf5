import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from marview.commands import doctor


def test_methods_lists_the_bundled_ones(marview: Callable) -> None:
    record = marview("methods", "--json").record
    assert {"linear_interpolation", "nmar", "nmar_frequency_split"} <= {each["id"] for each in record}
    assert "nmar" in marview("methods").out


def test_methods_as_json_says_why_a_method_cannot_be_loaded(
    marview: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, entry in (("broken", "method:Broken"), ("absent", "method:Absent")):
        folder = tmp_path / name
        folder.mkdir(mode=0o755)
        about = f'id = "{name}"\ntitle = "M"\nversion = "1"\napi = 1\nentry = "{entry}"\n'
        (folder / "plugin.toml").write_text(about, encoding="utf-8")
    (tmp_path / "broken" / "method.py").write_text("\nimport no_such_module\n", encoding="utf-8")
    monkeypatch.setenv("MARVIEW_PLUGINS", str(tmp_path))
    found = {each["id"]: each for each in marview("methods", "--json").record}
    assert found["broken"]["parameters"] is None
    assert "method.py, line 2, imports no_such_module" in found["broken"]["error"]
    assert "names method.py, which is not in the folder" in found["absent"]["error"]
    assert found["nmar"]["error"] == ""
    assert found["nmar"]["parameters"]["properties"]
    assert found["rdn_ct"]["untrained"]
    assert found["rdn_ct"]["parameters"]["properties"]


def test_trace_of_a_slice_as_arrays_and_as_a_picture(marview: Callable, metal_series: Path, tmp_path: Path) -> None:
    answer = marview("trace", metal_series, "--slice", 4, "--output", tmp_path / "t.npz")
    assert answer.exit_code == 0
    assert "widest gap" in answer.out
    assert "no view is fully hidden by metal" in answer.out
    arrays = np.load(tmp_path / "t.npz", allow_pickle=False)
    sinogram, trace = arrays["sinogram"], arrays["trace"]
    assert sinogram.shape == trace.shape == arrays["li_sinogram"].shape
    assert 0 < trace.mean() < 0.5
    np.testing.assert_array_equal(arrays["li_sinogram"][~trace], sinogram[~trace])
    assert marview("trace", metal_series, "--slice", 4, "--output", tmp_path / "t.png").exit_code == 0
    with Image.open(tmp_path / "t.png") as picture:
        assert picture.size == sinogram.shape[::-1]


@pytest.mark.parametrize(
    ("words", "exit_code", "said"),
    [
        (("--slice", "77", "--output", "t.npz"), 2, "77"),
        (("--slice", "4", "--output", "t.txt"), 2, "t.txt"),
    ],
)
def test_trace_refuses(
    marview: Callable, metal_series: Path, words: tuple[str, ...], exit_code: int, said: str
) -> None:
    answer = marview("trace", metal_series, *words)
    assert answer.exit_code == exit_code
    assert said in answer.err


def test_doctor_shows_brackets_of_paths(marview: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_folders", lambda: [doctor.Finding("folder", "/home/[red]/x[/]", ok=True)])
    assert "/home/[red]/x[/]" in marview("doctor").out


def test_doctor_finds_the_worker_and_every_decoder(marview: Callable) -> None:
    findings = {each["check"]: each for each in marview("doctor", "--json").record}
    assert findings["worker"]["ok"], findings["worker"]
    for decoder in ("JPEG baseline and lossless", "JPEG-LS", "JPEG 2000", "RLE"):
        assert findings[decoder]["ok"], decoder
    assert findings["method nmar"]["ok"]


def test_a_path_that_is_not_there_is_refused() -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "marview", "no/such/study"], capture_output=True, text=True, timeout=60
    )
    assert answer.returncode == 3
    assert "no/such/study" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_version(marview: Callable) -> None:
    assert marview("--version").out.strip()
