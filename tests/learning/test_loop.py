"""Laws of the training loop, with a tiny network."""

import csv
import errno
import math
import os
import signal
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file

from marview.errors import BadInput, MethodFailed, UsageError
from marview.export import CannotWrite
from marview.learning import loop
from marview.learning import train as training_room
from marview.learning.journal import read_curve
from marview.learning.loop import WEIGHTS, Training
from marview.learning.recipe import read_recipe
from marview.learning.state import STATE, read_state
from marview.learning.train import Order, train
from marview.learning.weights import load_weights
from marview.mar.discovery import discover, find
from marview.paths import bundled_plugins


def trained(training: Training, **more) -> list[float]:
    losses: list[float] = []
    training.run(hear=lambda news: losses.append(news.loss), **more)
    return losses


def same(one: Training, other: Training) -> bool:
    ours, theirs = one.learner.tensors(), other.learner.tensors()
    return ours.keys() == theirs.keys() and all(torch.allclose(ours[name], theirs[name]) for name in ours)


class After:
    """Calls a function once, during the losses of a step."""

    def __init__(self, step: int, act) -> None:
        self.left, self.act = step, act

    def __call__(self, losses):
        self.left -= 1
        return self.act(losses) if self.left == 0 else losses


def press_ctrl_c(losses):
    os.kill(os.getpid(), signal.SIGINT)
    return losses


def test_it_learns(begin, small) -> None:
    losses = trained(begin(recipe=small.recipe(steps=60), pairs=lambda number: small.pairs(0)))
    assert losses[-1] < losses[0] / 2


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


def test_a_seed_gives_a_run(begin, small) -> None:
    first, again, other = (
        trained(begin(name, small.recipe(steps=3, seed=seed))) for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert first == pytest.approx(again, rel=1e-5)
    assert first != pytest.approx(other, rel=1e-3)


def test_ctrl_c_ends_after_the_step_and_keeps_everything(begin, small, tmp_path: Path) -> None:
    training = begin(trainable=small.Network(spoil=After(7, press_ctrl_c)))
    ending = training.run()
    assert ending.reason == "asked"
    assert 0 < ending.step < 8
    for name in (STATE, WEIGHTS, "curve.csv"):
        assert (tmp_path / "run" / name).is_file()
    assert begin(is_resumed=True).step == ending.step


def test_time_that_is_up_ends_it_too(begin) -> None:
    ending = begin().run(max_minutes=0)
    assert (ending.reason, ending.step) == ("time", 1)


def test_the_look_at_held_out_slices_at_the_end_is_within_the_time(begin, monkeypatch) -> None:
    class Clock:
        now = 0.0

        def monotonic(self) -> float:
            return self.now

    clock = Clock()

    def look(*_):
        clock.now += 30
        return {"validation sinogram": 1.0}, {"image": torch.zeros(4, 4)}

    monkeypatch.setattr(loop, "time", clock)
    monkeypatch.setattr(loop, "validate", look)
    assert begin().run(max_minutes=0.75).reason == "time"
    assert clock.now == 60
    clock.now = 0
    assert begin(is_resumed=True).run(max_minutes=0.25).reason == "time"
    assert clock.now == 30, "a run that is taken up takes no first look, but knows what one took"
    assert begin("enough").run(max_minutes=1.5).reason == "done"


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_not_a_number_stops_and_keeps_the_last_good_state(
    begin, small, tmp_path: Path, value: float
) -> None:
    begin(recipe=small.recipe(steps=4)).run()
    good = (tmp_path / "run" / STATE).read_bytes()
    spoilt = small.Network(spoil=lambda losses: losses | {"image": losses["image"] * value})
    training = begin(trainable=spoilt, is_resumed=True)
    with pytest.raises(MethodFailed, match=r"stopped at step 5: the loss is not a number; the last good state is kept"):
        training.run()
    assert (tmp_path / "run" / STATE).read_bytes() == good
    assert all(bool(tensor.isfinite().all()) for tensor in training.learner.tensors().values())


def test_a_gradient_that_is_not_a_number_stops_before_it_is_followed(begin, small) -> None:
    def spoil(losses):
        image = losses["image"]
        return {"image": image + torch.sqrt(image - image.detach())}  # 0, with an infinite slope

    training = begin(trainable=small.Network(spoil=spoil))
    with pytest.raises(MethodFailed, match="the gradient is not a number; no state has been saved yet"):
        training.run()
    training.learner.check("state")


def test_a_full_disk_gives_a_message_and_the_last_state_stays(begin, small, tmp_path: Path, monkeypatch) -> None:
    begin(recipe=small.recipe(steps=4)).run()
    good = (tmp_path / "run" / STATE).read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(CannotWrite, match="the disk is full"):
        begin(is_resumed=True).run()
    assert (tmp_path / "run" / STATE).read_bytes() == good
    assert not list((tmp_path / "run").glob(".part-*"))


def test_values_too_large_for_the_weights_replace_no_file(begin, small, tmp_path: Path) -> None:
    begin(recipe=small.recipe(steps=4)).run()
    good = [(tmp_path / "run" / name).read_bytes() for name in (STATE, WEIGHTS)]
    training = begin(is_resumed=True)
    training.learner.used.state_dict()["last.weight"].fill_(1e6)  # a number, but none of 16 bits
    with pytest.raises(MethodFailed, match="The earlier file stays"):
        training.keep()
    assert [(tmp_path / "run" / name).read_bytes() for name in (STATE, WEIGHTS)] == good


def test_a_damaged_state_says_what_it_can_be_gone_on_from(begin, small, tmp_path: Path) -> None:
    begin(recipe=small.recipe(steps=4)).run()
    (tmp_path / "run" / STATE).write_bytes(b"damaged")
    with pytest.raises(
        BadInput, match=rf"{STATE} cannot be read .* Or remove it: --resume then continues from .*{WEIGHTS}"
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


def test_the_log_is_closed_however_it_ends(begin, monkeypatch) -> None:
    closed: list[bool] = []
    close = loop.Journal.close
    monkeypatch.setattr(loop.Journal, "close", lambda self: closed.append(close(self) is None))

    def broken(number: int):
        raise BadInput("there is no tissue.")

    with pytest.raises(BadInput, match="no tissue"):
        begin(pairs=broken).run()
    assert closed == [True]


def test_the_curve_of_a_run_that_kept_nothing_is_forgotten(begin, small, tmp_path: Path) -> None:
    spoilt = small.Network(spoil=lambda losses: losses | {"image": losses["image"] * math.nan})
    with pytest.raises(MethodFailed, match="no state has been saved yet"):
        begin(trainable=spoilt).run()
    begin(recipe=small.recipe(steps=1)).run()
    assert [row["step"] for row in read_curve(tmp_path / "run")] == ["0", "1"]


def test_a_folder_that_holds_something_else_is_refused_before_training(begin, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"thesis\.txt"):
        begin()
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["thesis.txt"]


def test_pairs_that_cannot_be_made_end_it_with_their_sentence(begin) -> None:
    def broken(number: int):
        raise BadInput("there is no tissue.")

    with pytest.raises(BadInput, match="no tissue"):
        begin(pairs=broken).run()


def test_the_average_follows_the_weights_slowly(begin, small) -> None:
    training = begin(recipe=small.recipe(steps=6, optimiser={"ema": 0.999}))
    before = training.learner.network.state_dict()["last.weight"].clone()
    training.run()
    after = training.learner.network.state_dict()["last.weight"]
    mean = training.learner.used.state_dict()["last.weight"]
    assert 0 < (mean - before).norm() < (after - before).norm()
    assert training.learner.average is not None
    assert int(training.learner.average.n_averaged) == 6


def test_without_an_average_the_weights_themselves_are_used(begin, small, tmp_path: Path) -> None:
    training = begin(recipe=small.recipe(steps=2, optimiser={"ema": 0.0}))
    training.run()
    weights, about = load_weights(tmp_path / "run" / WEIGHTS)
    now = training.learner.network.state_dict()["last.weight"]
    torch.testing.assert_close(weights["last.weight"], now, atol=1e-3, rtol=1e-3)
    assert (about.method, about.steps, dict(about.network)) == ("small", 2, {"width": 3})


def test_clipping_bounds_the_step(begin, small) -> None:
    how = {"name": "sgd", "learning_rate": 1.0, "gradient_clip": 1e-3, "ema": 0.0}
    training = begin(recipe=small.recipe(steps=1, optimiser=how))
    before = [one.detach().clone() for one in training.learner.network.parameters()]
    training.run()
    moved = [one.detach() - old for one, old in zip(training.learner.network.parameters(), before, strict=True)]
    norm = float(torch.cat([one.flatten() for one in moved]).norm())
    assert norm == pytest.approx(1e-3, rel=0.01)


def test_each_turn_changes_its_own_parameters(begin, small) -> None:
    class OnlyLast(small.Network):
        def losses(self, network, pairs, turn, settings):
            return (
                {turn: 0 * super().losses(network, pairs, turn, settings)["image"]}
                if turn == "first"
                else (super().losses(network, pairs, turn, settings))
            )

    training = begin(trainable=OnlyLast(turns=("first", "last")))
    before = {name: one.detach().clone() for name, one in training.learner.network.named_parameters()}
    training.run()
    changed = {
        name.split(".")[0] for name, one in training.learner.network.named_parameters() if (one != before[name]).any()
    }
    assert changed == {"last"}
    assert set(training.learner.optimisers) == {"first", "last"}


def test_a_batch_serves_as_many_steps_as_the_recipe_says(begin, small) -> None:
    asked: list[int] = []

    def counting(number: int):
        asked.append(number)
        return small.pairs(number)

    begin(recipe=small.recipe(steps=6), pairs=counting).run()
    assert asked[:3] == [0, 1, 2]
    assert len(asked) <= 3 + 3  # some are made ahead


def test_the_curve_has_a_row_for_every_look_and_pictures(begin, small, tmp_path: Path) -> None:
    begin(recipe=small.recipe(steps=10)).run()
    with (tmp_path / "run" / "curve.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [int(row["step"]) for row in rows] == [0, 4, 8, 10]
    assert {"training image", "validation square", "learning_rate"} <= set(rows[0])
    assert {"rmse_hu", "li_rmse_hu", "ceiling_rmse_hu"} <= set(rows[0])
    assert float(rows[-1]["rmse_hu"]) != float(rows[0]["rmse_hu"])
    assert len(list((tmp_path / "run" / "pictures").glob("step_*.png"))) == 4


def test_a_folder_with_a_run_is_not_overwritten(begin, small) -> None:
    begin(recipe=small.recipe(steps=1)).run()
    with pytest.raises(UsageError, match=r"already holds a run\. Add --resume"):
        begin()


def test_a_missing_run_cannot_be_resumed(begin) -> None:
    with pytest.raises(UsageError, match="holds no run"):
        begin(is_resumed=True)


def test_a_run_of_another_network_is_not_resumed(begin, small) -> None:
    begin(recipe=small.recipe(steps=1)).run()
    wider = small.recipe(steps=2).model_copy(update={"network": {"width": 4}})
    with pytest.raises(UsageError, match="other settings of the network"):
        begin(recipe=wider, is_resumed=True)


def test_a_run_of_another_method_is_named(begin, small, tmp_path: Path) -> None:
    begin(recipe=small.recipe(steps=1)).run()
    tensors, facts = read_state(tmp_path / "run" / STATE, torch.device("cpu"))
    save_file(tensors, tmp_path / "run" / STATE, metadata=facts | {"method": "large"})
    with pytest.raises(UsageError, match="holds a run of another method, large, so small cannot continue it"):
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


def test_projection_keeps_its_type_where_the_network_is_in_half_precision(begin, small) -> None:
    seen: list[torch.dtype] = []

    class Projecting(small.Network):
        def losses(self, network, pairs, turn, settings):
            image = self.corrected(network, pairs)
            sinogram = pairs.projector.forward(image)
            seen.extend([network["last"](network["first"](torch.stack([pairs.image] * 2, 1))).dtype, sinogram.dtype])
            seen.append(pairs.reconstruct(sinogram).dtype)
            return {"sinogram": (sinogram - pairs.metal_free_sinogram).abs().mean()}

    begin(recipe=small.recipe(steps=1, precision="bfloat16"), trainable=Projecting()).run()
    assert seen[:3] == [torch.bfloat16, torch.float32, torch.float32]


def test_the_limits_of_a_network_are_saved_with_its_weights(begin, small, tmp_path: Path) -> None:
    begin(recipe=small.recipe(steps=2)).run()
    first = load_weights(tmp_path / "run" / WEIGHTS)[1].limits
    begin(recipe=small.recipe(steps=8), is_resumed=True).run()
    second = load_weights(tmp_path / "run" / WEIGHTS)[1].limits
    assert first.keys() == second.keys() == {"trace_share", "body_share", "dense_hu"}
    assert all(second[name][0] <= first[name][0] and first[name][1] <= second[name][1] for name in first)


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
