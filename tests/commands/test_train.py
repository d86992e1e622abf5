"""`marview train` as a user calls it, with a tiny network."""

import errno
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from marview.learning.weights import load_weights
from marview.mar import discovery

TRAINING = """
import torch
from torch import nn
from marview.learning.api import ONE_TURN
from marview.learning.losses import l1

class Net:
    turns = ONE_TURN
    factor = 1.0

    def build(self, settings):
        return nn.Conv2d(2, settings["width"], 3, padding=1)

    def parameters(self, network, turn):
        return network.parameters()

    def image(self, network, pairs):
        return pairs.li_image + network(torch.stack([pairs.image, pairs.li_image], 1)).mean(1)

    def losses(self, network, pairs, turn, settings):
        return {"image": self.factor * l1(self.image(network, pairs), pairs.truth_mu, ~pairs.metal)}

    def pictures(self, network, pairs, settings):
        return {"result": self.image(network, pairs)[0]}

class Spoilt(Net):
    factor = float("nan")

class SpoiltLater(Net):
    steps = 0

    def losses(self, network, pairs, turn, settings):
        self.steps += network.training
        self.factor = 1.0 if self.steps < 2 else float("nan")
        return super().losses(network, pairs, turn, settings)

class Asked(Net):
    def losses(self, network, pairs, turn, settings):
        if network.training:
            import signal
            signal.raise_signal(signal.SIGINT)
        return super().losses(network, pairs, turn, settings)

class Own(Net):
    def sources(self, asked):
        from marview.learning.api import Sources
        from marview.learning.bank import read_banks
        from marview.learning.pairs import ValidationPairs

        assert asked.data.name == "patient"
        assert asked.is_patient
        bank = read_banks(asked.data, asked.tell).training
        batches = (ValidationPairs(bank, asked.recipe.data, asked.device, seed) for seed in (1, 2))
        return Sources(*batches, f"{len(bank)} slices of one scan")

class Broken(Net):
    def losses(self, network, pairs, turn, settings):
        return {"image": self.image(network, pairs) - pairs.truth_mu[:, :1, :7]}

class Hungry(Net):
    def losses(self, network, pairs, turn, settings):
        if network.training:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super().losses(network, pairs, turn, settings)
"""
RECIPE = """
training = "training:{kind}"
[network]
width = 2
[optimiser]
learning_rate = 1e-3
[data]
protocols = ["adn-256"]
phantoms = 0.0
reprojected = 0.0
reuse = 4
[data.metal]
implants = 0.0
[run]
steps = 8
validate_every = 100
validation_batches = 1
"""
MANIFEST = """
id = "{id}"
title = "A small network"
version = "1.0.0"
api = 1
entry = "method:Small"
"""
METHOD = """
from pydantic import BaseModel

class Small:
    class Parameters(BaseModel):
        pass

    def run(self, case, parameters, job):
        raise NotImplementedError
"""


@pytest.fixture(autouse=True)
def methods(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's own methods: a small one, and special cases."""
    folder = tmp_path / "methods"
    kinds = {"small": "Net", "spoilt": "Spoilt", "later": "SpoiltLater", "asked": "Asked", "own": "Own"}
    for name, kind in (kinds | {"hungry": "Hungry", "broken": "Broken"}).items():
        (folder / name / "recipes").mkdir(parents=True)
        (folder / name / "plugin.toml").write_text(MANIFEST.format(id=name), encoding="utf-8")
        (folder / name / "method.py").write_text(METHOD, encoding="utf-8")
        (folder / name / "training.py").write_text(TRAINING, encoding="utf-8")
        (folder / name / "recipes" / "tiny.toml").write_text(RECIPE.format(kind=kind), encoding="utf-8")
    monkeypatch.setattr(discovery, "user_plugins", lambda: folder)
    return folder


@pytest.fixture
def clean(tmp_path: Path) -> Path:
    y, x = np.mgrid[:96, :96] - 47.5
    inside = (x / 42) ** 2 + (y / 30) ** 2 < 1
    pages = [Image.fromarray(np.where(inside, 520 + 10 * k, 12).astype(np.uint16)) for k in range(4)]
    folder = tmp_path / "scans"
    folder.mkdir()
    pages[0].save(folder / "mine.tif", save_all=True, append_images=pages[1:])
    return folder


def test_a_run_is_trained_resumed_and_installed(marview, clean: Path, tmp_path: Path, methods: Path) -> None:
    run = tmp_path / "run"
    words = ("train", "small", "--data", clean, "--output", run, "--size", "tiny", "--device", "cpu")
    first = marview(*words, "--max-minutes", 0)
    assert first.exit_code == 0
    assert "1 step in" in first.out
    assert "The run is saved; --resume continues it." in first.out
    assert "3 clean slices, 1 held out" in first.err
    again = marview(*words)
    assert again.exit_code == 2
    assert "Add --resume" in again.err
    second = marview(*words, "--resume", "--protocol", "dudonet-640")
    assert second.exit_code == 0
    assert "The recipe has changed: data.protocols is dudonet-640 (was adn-256)." in second.err
    assert "8 steps" in second.out
    for name in ("weights.safetensors", "state.safetensors", "curve.csv", "run.json", "model_card.md"):
        assert (run / name).is_file()
    installed = marview("methods", "--install", run)
    assert installed.exit_code == 0
    assert f"small now uses these weights. To check the method, run marview plugin check {methods / 'small'}." in (
        installed.out.replace("\n", " ")
    )
    assert "To remove them, run marview plugin remove small." in installed.out
    assert (methods / "small" / "weights" / "bundled.safetensors").is_file()


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


def test_a_trained_copy_runs_although_the_search_path_names_the_untrained_one(
    marview, clean: Path, tmp_path: Path, methods: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, run = tmp_path / "mine", tmp_path / "run"
    shutil.move(methods / "small", mine / "small")
    manifest = mine / "small" / "plugin.toml"
    manifest.write_text(manifest.read_text(encoding="utf-8") + "needs_weights = true\n", encoding="utf-8")
    monkeypatch.setenv("MARVIEW_PLUGINS", str(mine))
    words = ("train", "small", "--data", clean, "--output", run, "--size", "tiny", "--device", "cpu")
    assert marview(*words, "--max-minutes", 0).exit_code == 0
    monkeypatch.delenv("MARVIEW_PLUGINS")
    lacking = marview("methods", "--install", run)
    assert lacking.exit_code == 2
    assert "Set MARVIEW_PLUGINS to the folder that contains it" in lacking.err
    monkeypatch.setenv("MARVIEW_PLUGINS", str(mine))
    assert "small now uses these weights" in marview("methods", "--install", run).out
    assert discovery.find_usable("small", discovery.discover()).folder == methods / "small"
    assert f"the copy in {mine / 'small'} is not trained yet" in marview("methods").out
    again = marview("methods", "--install", run)
    assert again.exit_code == 2
    assert "Remove it first: marview plugin remove small" in again.err
    shutil.copytree(methods / "small", mine / "small", dirs_exist_ok=True)
    shutil.rmtree(methods / "small")
    replaced = marview("methods", "--install", run).out
    assert f"but runs use the method small in MARVIEW_PLUGINS ({mine / 'small'})." in replaced


def test_a_run_starts_from_weights_and_resumes_with_its_own(marview, clean: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    words = ("train", "small", "--data", clean, "--size", "tiny", "--device", "cpu", "--max-minutes", 0)
    assert marview(*words, "--output", first).exit_code == 0
    begun = ("--begin-with", first / "weights.safetensors")
    answer = marview(*words, "--output", second, *begun)
    assert answer.exit_code == 0
    assert "It starts from weight and bias of weights.safetensors (1.0.0, 1 step, sha256" in answer.err
    assert marview(*words, "--output", second, "--resume").exit_code == 0
    assert "| begins with | weight and bias of" in (second / "model_card.md").read_text(encoding="utf-8")
    both = marview(*words, "--output", second, "--resume", *begun)
    assert both.exit_code == 2
    assert "Use either --resume or --begin-with" in both.err


def test_a_loss_that_is_not_a_number_gives_a_message(marview, clean: Path, tmp_path: Path) -> None:
    answer = marview("train", "spoilt", "--data", clean, "--output", tmp_path / "run", "--size", "tiny")
    assert answer.exit_code == 4
    assert "Training of spoilt stopped at step 1: the loss is not a number" in answer.err


def test_a_run_that_kept_nothing_leaves_nothing_to_the_card_of_the_next(marview, clean: Path, tmp_path: Path) -> None:
    words = ("train", "later", "--data", clean, "--size", "tiny", "--device", "cpu")
    first, run = tmp_path / "first", tmp_path / "run"
    assert marview(*words, "--output", first, "--max-minutes", 0).exit_code == 0
    failed = marview(*words, "--output", run, "--begin-with", first / "weights.safetensors")
    assert failed.exit_code == 4
    assert "no state has been saved yet" in failed.err
    assert marview(*words, "--output", run, "--max-minutes", 0).exit_code == 0
    card = (run / "model_card.md").read_text(encoding="utf-8")
    assert "begins with" not in card
    assert card.count("| 0 to 1 |") == 1


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
        "Free disk space and add --resume.\n"
    ) in answer.err
    assert state.read_bytes() == good
    new = marview(*words, "--output", tmp_path / "new")
    assert new.exit_code == 3
    assert (
        "cannot be written: the disk is full. No state has been saved yet. Free disk space and start again." in new.err
    )
    for said in (answer.err, new.err):
        assert "Traceback" not in said
        assert "another place" not in said


@pytest.mark.parametrize("below", [".", "run"])
def test_a_bad_folder_is_reported_before_reading(marview, clean: Path, tmp_path: Path, below: str) -> None:
    file = tmp_path / "afile"
    file.write_text("", encoding="utf-8")
    words = ("train", "small", "--data", clean, "--size", "tiny")
    answer = marview(*words, "--output", file / below)
    assert answer.exit_code == 2
    assert f"cannot hold a run: {file} is a file. Choose another folder." in answer.err
    (tmp_path / "held").mkdir()
    (tmp_path / "held" / "weights.safetensors").write_bytes(b"")
    held = marview(*words, "--output", tmp_path / "held")
    none = marview(*words, "--output", tmp_path / "run", "--resume")
    assert "already holds a run" in held.err
    assert "holds no run that could be resumed" in none.err
    assert "Reading" not in answer.err + held.err + none.err


def test_a_method_may_make_its_own_pairs_of_a_patient(marview, clean: Path, tmp_path: Path) -> None:
    clean.rename(tmp_path / "patient")
    words = ("train", "own", "--patient", tmp_path / "patient", "--output", tmp_path / "run", "--size", "tiny")
    answer = marview(*words, "--max-minutes", 0)
    assert answer.exit_code == 0
    assert "1 step in" in answer.out
    card = (tmp_path / "run" / "model_card.md").read_text(encoding="utf-8")
    assert "slices of one scan" in card
    assert "patient" not in card
    for unused in ("protocols", "metals", "re-projected", "photons"):
        assert f"| {unused}" not in card
    assert load_weights(tmp_path / "run" / "weights.safetensors")[1].protocols == ()
    again = marview(*words, "--resume", "--protocol", "adn-256")
    assert again.exit_code == 2
    assert "makes its own pairs from the scans, so leave --protocol out" in again.err
    refused = marview("methods", "--install", tmp_path / "run")
    assert refused.exit_code == 2
    assert "uses no weights: it learns from the scan in every run" in refused.err


def test_unpaired_scans_train_adn(marview, clean: Path, tmp_path: Path) -> None:
    metal = tmp_path / "metal"
    metal.mkdir()
    page = np.full((96, 96), 12, np.uint16)
    page[20:70, 20:70] = 530
    page[40:46, 40:46] = 2000  # 2976 HU
    Image.fromarray(page).save(metal / "theirs.tif", save_all=True, append_images=[Image.fromarray(page)])
    run = tmp_path / "run"
    words = ("train", "adn", "--with-metal", metal, "--without-metal", clean, "--output", run, "--size", "tiny")
    answer = marview(*words, "--device", "cpu", "--max-minutes", 0)
    assert answer.exit_code == 0, answer.err
    assert "1 slice with metal, 1 held out; 3 clean slices, 1 held out; 25% of the batches keep the truth" in answer.err
    card = (run / "model_card.md").read_text(encoding="utf-8")
    assert "The network learned from real scans with metal" in card
    assert list((run / "pictures").glob("*.png"))


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
        (("small",), "--data DIR with scans without metal, or --patient SERIES"),
        (("small", "--data", "SCANS", "--patient", "SCANS"), "Name the scans to train on: --data DIR"),
        (("small", "--with-metal", "SCANS"), "--with-metal DIR together with --without-metal DIR"),
        (("small", "--data", "SCANS", "--with-metal", "SCANS"), "--with-metal DIR together with --without-metal DIR"),
        (
            ("small", "--with-metal", "SCANS", "--without-metal", "SCANS", "--size", "tiny"),
            "small learns from pairs, so it cannot use real scans with metal",
        ),
        (("small", "--ordinary", "SCANS"), "--ordinary DIR together with --gsi DIR"),
        (("small", "--data", "SCANS", "--gsi", "SCANS"), "--ordinary DIR together with --gsi DIR"),
        (
            ("small", "--ordinary", "SCANS", "--gsi", "SCANS", "--size", "tiny"),
            "small does not learn from spectral scans, as lga does",
        ),
        (("small", "--patient", "SCANS", "--size", "tiny"), "small does not learn from a patient's own scan"),
        (("small", "--data", "SCANS", "--size", "paper"), "has no recipe of the size 'paper'. Choose one of tiny"),
        (("small", "--data", "SCANS", "--size", "tiny", "--protocol", "sdl"), "There is no protocol 'sdl'"),
        (("small", "--data", "SCANS", "--size", "tiny", "--resume"), "holds no run that could be resumed"),
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
    assert "holds no metal-free slice to train on" in answer.err
    assert not (tmp_path / "run").exists()


def test_a_folder_without_a_run_is_not_installed(marview, tmp_path: Path) -> None:
    answer = marview("methods", "--install", tmp_path)
    assert answer.exit_code == 3
    assert "contains no training run" in answer.err
