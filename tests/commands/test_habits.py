"""Behaviour that all commands share: help, completion, --quiet and --verbose, dry runs, JSON, tables in pipes."""

import inspect
import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest
from rich.console import Console

from marview.cli import load_verb
from marview.commands import progress as progress_module
from marview.commands.progress import Lines, progress
from marview.commands.window import open_window
from marview.time_left import TimeLeft
from marview.verbs import VERBS

LI = ("--method", "linear_interpolation", "--device", "cpu")


def _fresh(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "marview", *words],
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, "NO_COLOR": "1", "COLUMNS": "100", **environment},
    )


@pytest.mark.parametrize("name", VERBS)
def test_verb_is_listed_with_the_first_line_of_its_docstring(name: str) -> None:
    command = load_verb(name)
    made = getattr(import_module(f"marview.commands.{name}"), name)
    source = made.registered_callback.callback if hasattr(made, "registered_callback") else made
    assert (inspect.getdoc(source) or "").partition("\n")[0] == VERBS[name]
    assert "Raises:" not in (command.help or "")


@pytest.mark.parametrize("name", VERBS)
def test_verb_has_help_quiet_and_verbose(marview: Callable, name: str) -> None:
    answer = marview(name, "-h")
    assert answer.exit_code == 0
    for option in ("--quiet", "-q", "--verbose", "-v", "--help", "-h"):
        assert option in answer.out
    assert "<bool>" not in answer.out


def test_a_misspelt_command_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert open_window(["reduse", "study"]) == 2
    assert "There is no command 'reduse'. Did you mean 'reduce'?" in capsys.readouterr().err
    assert open_window(["no_such_folder"]) == 3


def test_help_loads_no_verb() -> None:
    code = (
        "import sys; from marview.cli import run; code = run(['--help']); "
        "print('LOADED', sorted(m for m in sys.modules if m in ('numpy', 'torch', 'pydicom', 'PySide6')), code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=600)
    assert "LOADED [] 0" in done.stdout
    assert all(name in done.stdout for name in VERBS)


def test_help_of_a_verb_does_not_import_pytorch() -> None:
    code = """
import sys
from marview.cli import run
for name in ("simulate", "train", "benchmark", "evaluate", "reduce", "sweep"):
    run([name, "-h"])
    print("TORCH after", name, "torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=600)
    told = [line for line in done.stdout.splitlines() if line.startswith("TORCH")]
    assert len(told) == 6, done.stderr
    assert all(line.endswith("False") for line in told), told


def test_help_lists_the_values_of_options(marview: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    shown = marview("simulate", "--help").out
    for value in ("hip-bilateral", "sternal-wires", "cocrmo", "amalgam", "dudonet-640", "aapm-1000", "syndeeplesion"):
        assert value in shown
    assert "adn-256" in marview("evaluate", "--help").out


@pytest.mark.parametrize("name", ["reduce", "mask", "trace", "sweep"])
def test_verbs_with_a_mask_share_its_options(name: str) -> None:
    options = {each for parameter in load_verb(name).params for each in parameter.opts}
    assert {"--threshold", "--kmeans", "--mask"} <= options
    assert options & {"--margin", "--margins"}


@pytest.mark.parametrize(
    "name",
    [name for name in VERBS if name not in {"plugin", "study", "watch"}],  # groups, and a verb without a report
)
def test_verbs_that_report_take_json(name: str) -> None:
    assert any("--json" in parameter.opts for parameter in load_verb(name).params)


def test_shell_completes_verbs_options_and_values() -> None:
    def completed(words: str) -> list[str]:
        done = _fresh(_MARVIEW_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=str(len(words.split(" ")) - 1))
        return done.stdout.split()

    assert {"sweep", "simulate"} <= set(completed("marview s"))
    assert "--threshold" in completed("marview reduce --thr")
    assert "nmar" in completed("marview reduce --method nm")
    assert "hip-left" in completed("marview simulate X --implant hip")


def test_completion_can_be_shown(marview: Callable) -> None:
    assert "--install-completion" in marview("--help").out


def test_a_wrong_verb_gets_a_suggestion(marview: Callable) -> None:
    answer = marview("--no-such-option")
    assert answer.exit_code == 2
    assert "Run marview --help" in answer.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("reduce", "IN", "--margin", "wide"), "--margin must be a number, not 'wide'."),
        (("reduce", "IN", "--device", "tpu"), "--device must be auto, cpu or cuda, not 'tpu'."),
        (("batch", "IN", "--workers", "-1"), "--workers must be 0 or more, not '-1'."),
        (("trace", "IN", "--slice", "1.5"), "--slice must be a whole number, not '1.5'."),
        (("demo", "--kind", "knee"), "--kind must be hip, spine or dental, not 'knee'."),
    ],
)
def test_a_wrong_value_is_refused_in_plain_words(marview: Callable, words: tuple[str, ...], says: str) -> None:
    answer = marview(*words)
    assert answer.exit_code == 2
    assert says in answer.err
    assert f"Run marview {words[0]} --help." in answer.err


def test_dry_run_of_reduce_writes_nothing(marview: Callable, metal_series: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    answer = marview("reduce", metal_series, *LI, "--output", out, "--dry-run")
    assert answer.exit_code == 0
    assert "2 of them corrected with linear_interpolation" in answer.out
    assert "Nothing was written." in answer.out
    record = marview("reduce", metal_series, *LI, "--output", out, "--dry-run", "--json").record
    assert record["slices"] == [1, 2, 3, 4, 5, 6]
    assert len(record["slices_with_metal"]) == 2
    assert not out.exists()


def test_dry_run_of_a_sweep_lists_its_runs(marview: Callable, metal_series: Path, tmp_path: Path) -> None:
    words = ("sweep", metal_series, *LI, "--margins", "0,2", "--output", tmp_path / "out", "--dry-run")
    assert "linear_interpolation: +2 mm" in marview(*words).out
    assert marview(*words, "--json").record["slices_with_metal"] == 2
    assert not (tmp_path / "out").exists()


def test_reduce_finds_metal_by_kmeans(marview: Callable, metal_series: Path, tmp_path: Path) -> None:
    answer = marview("reduce", metal_series, *LI, "--kmeans", 3, "--output", tmp_path / "out", "--dry-run", "--json")
    assert answer.record["mask"]["origin"] == "densest of 3 classes"


def test_mask_and_trace_report_as_json(marview: Callable, metal_series: Path, tmp_path: Path) -> None:
    mask = marview("mask", metal_series, "--output", tmp_path / "m.nii.gz", "--json").record
    assert mask["volume_ml"] > 0
    assert len(mask["slices"]) == 2
    number = mask["slices"][0]
    trace = marview("trace", metal_series, "--slice", number, "--output", tmp_path / "t.npz", "--json").record
    assert 0 < trace["coverage"]["fraction"] < 1


def test_quiet_leaves_results_and_errors(
    marview: Callable, metal_series: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress_module, "LINE_S", 0.0)
    loud = marview("reduce", metal_series, *LI, "--output", tmp_path / "loud", "--kmeans", 3)
    assert "linear_interpolation, reconstructing: " in loud.err
    assert "with metal: 100%" in loud.err
    quiet = marview("reduce", metal_series, *LI, "--output", tmp_path / "quiet", "--kmeans", 3, "-q")
    assert quiet.err == ""
    assert "corrected with linear_interpolation" in quiet.out
    assert marview("-q", "reduce", metal_series, *LI, "--output", tmp_path / "quiet").err.startswith("marview: ")


def test_verbose_prints_the_log() -> None:
    code = "import logging; from marview.cli import run; run(['methods', '-v']); logging.getLogger('marview').info('x')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=600)
    assert "marview: x" in done.stderr


def test_progress_off_a_terminal_is_a_line_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    lines = Lines(lambda: now[0])
    for second in range(40):
        now[0] = float(second)
        lines.tell(f"nmar: {second} %", 120.0 if second > 20 else None)
    assert capsys.readouterr().err == "marview: nmar: 15 %\nmarview: nmar: 30 %, 2 min left\n"


def test_finished_progress_shows_no_time_left(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress_module, "LINE_S", 0.0)
    monkeypatch.setattr(TimeLeft, "seconds", 5.0)
    with progress("work") as advance:
        advance(0.9, "")
        advance(0.999, "")
    assert capsys.readouterr().err == "marview: work: 90%, 5 s left\nmarview: work: 100%\n"


def test_progress_shows_brackets_in_the_text_of_a_method(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    a_terminal = Console(stderr=True, force_terminal=True, width=80)
    monkeypatch.setattr(progress_module, "terminal", lambda **_: a_terminal)
    with progress("work") as advance:
        advance(0.5, "nmar, [/b] step [1]")
    assert "nmar, [/b] step [1]" in capsys.readouterr().err


def test_progress_is_silent_for_json(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_module, "LINE_S", 0.0)
    with progress("work", is_quiet=True) as advance:
        advance(0.5, "")
    assert capsys.readouterr().err == ""


def test_tables_in_a_pipe_have_one_line_for_each_row() -> None:
    done = _fresh("methods", COLUMNS="40")
    rows = [line for line in done.stdout.splitlines() if line.startswith(" nmar_frequency_split")]
    assert len(rows) == 1
    assert "bundled" in rows[0]


def test_methods_are_sorted_by_their_identifiers(marview: Callable) -> None:
    table, _, _ = marview("methods").out.partition("\n\n")
    names = [line.split()[0] for line in table.splitlines()[1:]]
    assert "nmar" in names
    assert names == sorted(names)


def test_methods_shows_parameters_with_ranges_and_units(marview: Callable) -> None:
    shown = marview("methods", "nmar")
    assert shown.exit_code == 0
    assert "--set NAME=VALUE" in shown.out
    record = marview("methods", "nmar", "--json").record
    for name in record["parameters"]["properties"]:
        assert name in shown.out
    assert marview("methods", "adn").exit_code == 0
    assert marview("methods", "no_such_method").exit_code == 2


def test_doctor_names_folders_log_and_weights(marview: Callable) -> None:
    found = {each["check"]: each for each in marview("doctor", "--json").record}
    assert found["log"]["result"].endswith("marview.log")
    assert found["your own methods"]["result"].endswith("plugins")
    assert "weights 4.7 MB" in found["method dudonet"]["result"]
    assert "weights 4.8 MB" in found["method clinical_completion"]["result"]
    assert found["method dudonet"]["ok"] is True
    methods = [check for check in found if check.startswith("method ")]
    assert methods == sorted(methods)


def test_doctor_finds_damaged_weights_and_broken_code(
    marview: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, code, weights in (("broken", "import no_such_module\n", ""), ("damaged", CODE, WEIGHTS)):
        folder = tmp_path / name
        folder.mkdir(mode=0o755)
        (folder / "plugin.toml").write_text(
            f'id = "{name}"\ntitle = "{name}"\nversion = "1.0"\napi = 1\nentry = "method:Method"\n{weights}'
        )
        (folder / "method.py").write_text(code)
        (folder / "w.safetensors").write_bytes(b"damaged")
    monkeypatch.setenv("MARVIEW_PLUGINS", str(tmp_path))
    answer = marview("doctor", "--json")
    found = {each["check"]: each for each in json.loads(answer.out)}
    assert answer.exit_code == 1
    assert found["method broken"]["ok"] is False
    assert "no_such_module" in found["method broken"]["result"]
    assert found["method damaged"]["ok"] is False
    assert "w.safetensors" in found["method damaged"]["result"]


CODE = """
from pydantic import BaseModel


class Method:
    class Parameters(BaseModel):
        pass

    def run(self, case, parameters, job):
        raise NotImplementedError
"""

WEIGHTS = f"""
[[weights]]
file = "w.safetensors"
sha256 = "{"0" * 64}"
trained_on = "nothing"
licence = "MIT"
"""


@pytest.mark.parametrize(
    "words",
    [
        ("mask", "", "--output", "x.nii.gz"),
        ("mask", "ct", "--output", ""),
        ("mask", "ct", "--mask=", "--output", "x.nii.gz"),
        ("reduce", "", *LI, "--output", "out"),
        ("batch", "", *LI, "--output", "out"),
        ("train", "residual_unet", "--data", "", "--output", "out"),
    ],
)
def test_an_empty_path_is_not_the_current_folder(words: tuple[str, ...], marview: Callable) -> None:
    done = marview(*words)
    assert done.exit_code == 2
    assert "is empty. Specify a file or folder" in done.err
