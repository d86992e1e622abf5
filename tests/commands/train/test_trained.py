"""`marview train` as a user calls it: train, resume and install a tiny network."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from marview.learning.weights import load_weights
from marview.mar import discovery


def test_a_run_is_trained_resumed_and_installed(marview, clean: Path, tmp_path: Path, methods: Path) -> None:
    run = tmp_path / "run"
    words = ("train", "small", "--data", clean, "--output", run, "--size", "tiny", "--device", "cpu")
    first = marview(*words, "--max-minutes", 0)
    assert first.exit_code == 0
    assert "1 step in" in first.out
    assert "The run is saved; --resume continues it." in first.out
    assert "3 slices without metal for training, 1 for validation" in first.err
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
    assert "To uninstall, run marview plugin remove small." in installed.out
    assert (methods / "small" / "weights" / "bundled.safetensors").is_file()


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
    assert "Set MARVIEW_PLUGINS to the folder that contains the method" in lacking.err
    monkeypatch.setenv("MARVIEW_PLUGINS", str(mine))
    assert "small now uses these weights" in marview("methods", "--install", run).out
    assert discovery.find_usable("small", discovery.discover()).folder == methods / "small"
    assert f"the copy in {mine / 'small'} is not trained yet" in marview("methods").out
    again = marview("methods", "--install", run)
    assert again.exit_code == 2
    assert "Remove it first (marview plugin remove small)" in again.err
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
    assert "Training starts from weight and bias of weights.safetensors (1.0.0, 1 step, sha256" in answer.err
    assert marview(*words, "--output", second, "--resume").exit_code == 0
    assert "| initial weights | weight and bias of" in (second / "model_card.md").read_text(encoding="utf-8")
    both = marview(*words, "--output", second, "--resume", *begun)
    assert both.exit_code == 2
    assert "Use either --resume or --begin-with" in both.err


def test_a_run_that_kept_nothing_leaves_nothing_to_the_card_of_the_next(marview, clean: Path, tmp_path: Path) -> None:
    words = ("train", "later", "--data", clean, "--size", "tiny", "--device", "cpu")
    first, run = tmp_path / "first", tmp_path / "run"
    assert marview(*words, "--output", first, "--max-minutes", 0).exit_code == 0
    failed = marview(*words, "--output", run, "--begin-with", first / "weights.safetensors")
    assert failed.exit_code == 4
    assert "no state has been saved yet" in failed.err
    assert marview(*words, "--output", run, "--max-minutes", 0).exit_code == 0
    card = (run / "model_card.md").read_text(encoding="utf-8")
    assert "initial weights" not in card
    assert card.count("| 0 to 1 |") == 1


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
    assert "creates its own training pairs from the scans, so omit --protocol" in again.err
    refused = marview("methods", "--install", tmp_path / "run")
    assert refused.exit_code == 2
    assert "uses no weights: it trains on the scan in every run" in refused.err


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
    assert (
        "1 slice with metal for training, 1 for validation; 3 slices without metal for training, 1 for validation; "
        "25% of the batches contain the ground truth" in answer.err
    )
    card = (run / "model_card.md").read_text(encoding="utf-8")
    assert "The network was trained on real scans with metal" in card
    assert list((run / "pictures").glob("*.png"))
