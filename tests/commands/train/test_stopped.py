"""What ends `marview train`: wrong words, interruption, a full disk, errors of the method."""

import errno
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def test_a_run_of_a_method_with_a_wrong_entry_is_not_installed(
    marview, clean: Path, tmp_path: Path, methods: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, run = tmp_path / "mine", tmp_path / "run"
    shutil.move(methods / "small", mine / "small")
    monkeypatch.setenv("MARVIEW_PLUGINS", str(mine))
    words = ("train", "small", "--data", clean, "--output", run, "--size", "tiny", "--device", "cpu")
    assert marview(*words, "--max-minutes", 0).exit_code == 0
    manifest = mine / "small" / "plugin.toml"
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(
        text.replace('entry = "method:', 'entry = "method:No') + "needs_weights = true\n", encoding="utf-8"
    )
    refused = marview("methods", "--install", run)
    assert refused.exit_code != 0
    assert "entry names the class No" in refused.err.replace("\n", " ")
    assert not (methods / "small").exists()


def test_a_loss_that_is_not_a_number_gives_a_message(marview, clean: Path, tmp_path: Path) -> None:
    answer = marview("train", "spoilt", "--data", clean, "--output", tmp_path / "run", "--size", "tiny")
    assert answer.exit_code == 4
    assert "Training of spoilt stopped at step 1: the loss is not finite" in answer.err


def test_ctrl_c_between_steps_is_reported_once(marview, clean: Path, tmp_path: Path) -> None:
    answer = marview("train", "asked", "--data", clean, "--output", tmp_path / "run", "--size", "tiny")
    assert answer.exit_code == 130
    assert "1 step in" in answer.out
    assert "Stopped on request. The run is saved; --resume continues it." in answer.out
    assert "cancelled" not in answer.err


def test_ctrl_c_outside_a_verb_is_reported(marview, clean: Path, tmp_path: Path, monkeypatch) -> None:
    def interrupted(*_: object, **__: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("marview.learning.train.train", interrupted)
    answer = marview("train", "small", "--data", clean, "--output", tmp_path / "run")
    assert answer.exit_code == 130
    assert answer.err.strip() == "marview: cancelled; no incomplete files are left."


def test_a_full_disk_says_what_stays_and_what_to_do(marview, clean: Path, tmp_path: Path, monkeypatch) -> None:
    run = tmp_path / "run"
    words = ("train", "small", "--data", clean, "--size", "tiny", "--device", "cpu")
    assert marview(*words, "--output", run, "--max-minutes", 0).exit_code == 0
    good = (run / "state.safetensors").read_bytes()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("marview.dicom.atomic.os.fsync", full)  # writes are flushed to disk here
    answer = marview(*words, "--output", run, "--resume")
    state = run / "state.safetensors"
    assert answer.exit_code == 3
    assert (
        f"marview: {state} cannot be written: the disk is full. The last good state is kept in {state} (step 1). "
        "Free disk space and continue with --resume.\n"
    ) in answer.err
    assert state.read_bytes() == good
    new = marview(*words, "--output", tmp_path / "new")
    assert new.exit_code == 3
    assert (
        "cannot be written: the disk is full. No state has been saved yet. Free disk space and start again." in new.err
    )
    for said in (answer.err, new.err):
        assert "Traceback" not in said
        assert "another location" not in said


@pytest.mark.parametrize("below", [".", "run"])
def test_a_bad_folder_is_reported_before_reading(marview, clean: Path, tmp_path: Path, below: str) -> None:
    file = tmp_path / "afile"
    file.write_text("", encoding="utf-8")
    words = ("train", "small", "--data", clean, "--size", "tiny")
    answer = marview(*words, "--output", file / below)
    assert answer.exit_code == 2
    assert f"cannot contain a run: {file} is a file. Choose another folder." in answer.err
    (tmp_path / "held").mkdir()
    (tmp_path / "held" / "weights.safetensors").write_bytes(b"")
    held = marview(*words, "--output", tmp_path / "held")
    none = marview(*words, "--output", tmp_path / "run", "--resume")
    assert "already contains a run" in held.err
    assert "contains no run to resume" in none.err
    assert "Reading" not in answer.err + held.err + none.err


def test_too_little_memory_gives_a_message(marview, clean: Path, tmp_path: Path) -> None:
    answer = marview("train", "hungry", "--data", clean, "--output", tmp_path / "run", "--size", "tiny")
    assert answer.exit_code == 4
    assert "needs more memory than" in answer.err
    assert "Use a smaller batch in" in answer.err


def test_an_exception_in_training_code_names_file_and_line(marview, clean: Path, tmp_path: Path, methods: Path) -> None:
    lines = (methods / "broken" / "training.py").read_text(encoding="utf-8").splitlines()
    at = next(number for number, line in enumerate(lines, 1) if "[:, :1, :7]" in line)
    words = ("train", "broken", "--data", clean, "--output", tmp_path / "run", "--size", "tiny", "--device", "cpu")
    answer = marview(*words)
    assert answer.exit_code == 4
    assert f"Training of broken failed: training.py, line {at}: RuntimeError: The size of tensor" in answer.err
    assert "--resume" not in answer.err
    assert "Add --verbose for the whole traceback." in answer.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("small",), "--data DIR (scans without metal), --patient SERIES"),
        (("small", "--data", "SCANS", "--patient", "SCANS"), "Specify the scans to train on: --data DIR"),
        (("small", "--with-metal", "SCANS"), "--with-metal DIR and --without-metal DIR"),
        (("small", "--data", "SCANS", "--with-metal", "SCANS"), "--with-metal DIR and --without-metal DIR"),
        (
            ("small", "--with-metal", "SCANS", "--without-metal", "SCANS", "--size", "tiny"),
            "small is trained on image pairs, so it cannot use real scans with metal",
        ),
        (("small", "--ordinary", "SCANS"), "--ordinary DIR and --gsi DIR"),
        (("small", "--data", "SCANS", "--gsi", "SCANS"), "--ordinary DIR and --gsi DIR"),
        (
            ("small", "--ordinary", "SCANS", "--gsi", "SCANS", "--size", "tiny"),
            "small does not train on spectral scans; lga does",
        ),
        (("small", "--patient", "SCANS", "--size", "tiny"), "small does not train on a patient's own scan"),
        (("small", "--data", "SCANS", "--size", "paper"), "has no recipe of size 'paper'. Choose one of tiny"),
        (("small", "--data", "SCANS", "--size", "tiny", "--protocol", "sdl"), "There is no protocol 'sdl'"),
        (("small", "--data", "SCANS", "--size", "tiny", "--resume"), "contains no run to resume"),
        (
            ("small", "--data", "SCANS", "--size", "tiny", "--max-minutes", "-1"),
            "--max-minutes is -1. Use a number",
        ),
        (("small", "--data", "SCANS", "--size", "tiny", "--max-minutes", "nan"), "--max-minutes is nan. Use a number"),
        (("nmar", "--data", "SCANS", "--size", "tiny"), "no recipes, so there is nothing to train"),
        (("unknown", "--data", "SCANS"), "There is no method 'unknown'"),
    ],
)
def test_nonsense_gives_a_message(marview, clean: Path, tmp_path: Path, words, says: str) -> None:
    answer = marview("train", *(clean if word == "SCANS" else word for word in words), "--output", tmp_path / "run")
    assert answer.exit_code == 2
    assert says in answer.err


def test_a_folder_without_metal_free_slices_gives_a_message(marview, tmp_path: Path) -> None:
    (tmp_path / "scans").mkdir()
    Image.fromarray(np.full((64, 64), 4000, np.uint16)).save(tmp_path / "scans" / "metal.tif")
    answer = marview("train", "small", "--data", tmp_path / "scans", "--output", tmp_path / "run", "--size", "tiny")
    assert answer.exit_code == 3
    assert "contains no metal-free slice to train on" in answer.err
    assert not (tmp_path / "run").exists()


def test_a_folder_without_a_run_is_not_installed(marview, tmp_path: Path) -> None:
    answer = marview("methods", "--install", tmp_path)
    assert answer.exit_code == 3
    assert "contains no training run" in answer.err
