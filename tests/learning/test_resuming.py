"""A resumed training run continues as if it had never stopped, or says why it cannot."""

import math
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file

from marview.errors import BadInput, MethodFailed, UsageError
from marview.learning import train as training_room
from marview.learning.journal import read_curve
from marview.learning.loop import Training
from marview.learning.recipe import read_recipe
from marview.learning.run_folder import WEIGHTS
from marview.learning.state import STATE, read_state
from marview.learning.train import Order, train
from marview.learning.weights import load_weights
from marview.mar.discovery import discover, find
from marview.paths import bundled_plugins
from tests.learning.steps import After, press_ctrl_c, trained


def same(one: Training, other: Training) -> bool:
    ours, theirs = one.learner.tensors(), other.learner.tensors()
    return ours.keys() == theirs.keys() and all(torch.allclose(ours[name], theirs[name]) for name in ours)


def test_a_resumed_run_equals_an_uninterrupted_run(begin, small) -> None:
    whole = begin("whole", small.recipe(steps=9))
    unbroken = trained(whole)
    first = begin("broken", small.recipe(steps=9), small.Network(spoil=After(4 + 2 * 2, press_ctrl_c)))
    losses = trained(first)
    assert 0 < len(losses) < 9
    second = begin("broken", small.recipe(steps=9), is_resumed=True)
    assert second.step == len(losses)
    losses += trained(second)
    assert losses == pytest.approx(unbroken, rel=1e-4)
    assert same(whole, second)


def test_a_resumed_method_has_the_losses_of_an_uninterrupted_run(tmp_path: Path, bank, monkeypatch) -> None:
    """CNNMAR as `marview train` trains it; its simulated batches are repeated after the interruption."""
    first, *rest = [Image.fromarray(hu) for hu in bank.slices]
    (tmp_path / "scans").mkdir()
    first.save(tmp_path / "scans" / "mine.tif", save_all=True, append_images=[*rest, first])
    short = read_recipe(bundled_plugins() / "cnnmar", "tiny")
    quick = {
        "run": short.run.model_copy(update={"steps": 6}),
        "data": short.data.model_copy(update={"reprojected": 0.0, "phantoms": 0.0}),
    }
    short = short.model_copy(update=quick)
    monkeypatch.setattr(training_room, "read_recipe", lambda *_: short)

    def losses(folder: str, **how) -> list[float]:
        heard: list[float] = []
        order = Order(tmp_path / "scans", tmp_path / folder, size="tiny", device="cpu", **how)
        train(find("cnnmar", discover()), order, hear=lambda news: heard.append(news.loss))
        return heard

    unbroken = losses("whole")
    broken = losses("broken", max_minutes=0)
    assert len(broken) == 1
    broken += losses("broken", is_resumed=True)
    assert len(unbroken) == 6
    assert broken == pytest.approx(unbroken, rel=1e-4)


def test_a_damaged_state_says_what_it_can_be_gone_on_from(begin, small, tmp_path: Path) -> None:
    begin(recipe=small.recipe(steps=4)).run()
    (tmp_path / "run" / STATE).write_bytes(b"damaged")
    with pytest.raises(
        BadInput, match=rf"{STATE} cannot be read .* Alternatively, .* --resume then continues from .*{WEIGHTS}"
    ):
        begin(is_resumed=True)
    (tmp_path / "run" / STATE).unlink()
    assert begin(is_resumed=True).step == 4


@pytest.mark.parametrize(
    ("name", "text"),
    [("recipe", "{"), ("recipe", "[1]"), ("seen", "[1, 2]"), ("warm_from", "soon"), ("look_s", "x"), ("limits", "[]")],
)
def test_a_state_whose_facts_are_damaged_is_refused_with_a_message(begin, small, tmp_path: Path, name, text) -> None:
    begin(recipe=small.recipe(steps=4)).run()
    path = tmp_path / "run" / STATE
    with safe_open(path, framework="pt") as file:
        facts, tensors = file.metadata(), {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    save_file(tensors, path, facts | {name: text})
    with pytest.raises(BadInput, match=STATE):
        begin(is_resumed=True)


def test_the_curve_of_a_run_that_kept_nothing_is_forgotten(begin, small, tmp_path: Path) -> None:
    spoilt = small.Network(spoil=lambda losses: losses | {"image": losses["image"] * math.nan})
    with pytest.raises(MethodFailed, match="no state has been saved yet"):
        begin(trainable=spoilt).run()
    begin(recipe=small.recipe(steps=1)).run()
    assert [row["step"] for row in read_curve(tmp_path / "run")] == ["0", "1"]


def test_a_folder_with_a_run_is_not_overwritten(begin, small) -> None:
    begin(recipe=small.recipe(steps=1)).run()
    with pytest.raises(UsageError, match=r"already contains a run\. Add --resume"):
        begin()


def test_a_missing_run_cannot_be_resumed(begin) -> None:
    with pytest.raises(UsageError, match="contains no run"):
        begin(is_resumed=True)


def test_a_run_of_another_network_is_not_resumed(begin, small) -> None:
    begin(recipe=small.recipe(steps=1)).run()
    wider = small.recipe(steps=2).model_copy(update={"network": {"width": 4}})
    with pytest.raises(UsageError, match="different network settings"):
        begin(recipe=wider, is_resumed=True)


def test_a_run_of_another_method_is_named(begin, small, tmp_path: Path) -> None:
    begin(recipe=small.recipe(steps=1)).run()
    tensors, facts = read_state(tmp_path / "run" / STATE, torch.device("cpu"))
    save_file(tensors, tmp_path / "run" / STATE, metadata=facts | {"method": "large"})
    with pytest.raises(UsageError, match="contains a run of another method, large, so small cannot continue it"):
        begin(is_resumed=True)


@pytest.mark.parametrize("has_state", [True, False])
def test_a_changed_recipe_is_reported_and_both_scans_are_known(
    begin, small, tmp_path: Path, *, has_state: bool
) -> None:
    first = small.recipe(steps=2)
    begin(recipe=first).run()
    assert begin(recipe=first, is_resumed=True).changes == ()
    if not has_state:  # weights and record are small enough to copy
        (tmp_path / "run" / STATE).unlink()
        (tmp_path / "run" / "run.json").write_text(f'{{"recipe": {first.model_dump_json()}}}', encoding="utf-8")
    data = first.data.model_copy(update={"protocols": ("adn-256",)})
    second = begin(recipe=small.recipe(steps=3).model_copy(update={"data": data}), is_resumed=True)
    assert second.changes == (
        "data.protocols is adn-256 (was syndeeplesion-640, dudonet-640)",
        "run.steps is 3 (was 2)",
    )
    second.run()
    known = load_weights(tmp_path / "run" / WEIGHTS)[1].protocols
    assert known == ("adn-256", "syndeeplesion-640", "dudonet-640")


def test_resuming_from_weights_alone_starts_with_a_warm_up(begin, small, tmp_path: Path) -> None:
    first = begin(recipe=small.recipe(steps=4))
    first.run()
    (tmp_path / "run" / STATE).unlink()
    second = begin(recipe=small.recipe(steps=6), is_resumed=True)
    assert second.step == 4
    torch.testing.assert_close(
        second.learner.network.state_dict()["last.weight"],
        first.learner.used.state_dict()["last.weight"],
        atol=1e-3,
        rtol=1e-3,
    )
    before = second.learner.network.state_dict()["last.weight"].clone()
    trained(second)
    assert (second.learner.network.state_dict()["last.weight"] - before).abs().max() < 2.1 * 0.01 * 2 / 100


def test_moments_that_were_rounded_go_on_with_a_warm_up(begin, small, tmp_path: Path) -> None:
    whole, rounded = (small.recipe(steps=3, moments=kind) for kind in ("float32", "bfloat16"))
    begin("whole", whole).run()
    begin("rounded", rounded).run()
    sizes = [(tmp_path / folder / STATE).stat().st_size for folder in ("whole", "rounded")]
    assert sizes[1] < sizes[0]
    tensors, facts = read_state(tmp_path / "rounded" / STATE, torch.device("cpu"))
    assert tensors["moments.all.last.weight.exp_avg"].dtype == torch.bfloat16
    assert tensors["network.last.weight"].dtype == torch.float32
    assert "warm_from" not in facts
    begin("rounded", small.recipe(steps=5, moments="bfloat16"), is_resumed=True).run()
    assert read_state(tmp_path / "rounded" / STATE, torch.device("cpu"))[1]["warm_from"] == "3"
