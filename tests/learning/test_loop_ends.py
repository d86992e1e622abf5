"""How a training run ends: Ctrl-C, time, bad numbers, a full disk."""

import errno
import math
from pathlib import Path

import pytest
import torch

from marview.errors import BadInput, MethodFailed, UsageError
from marview.export import CannotWrite
from marview.learning import loop
from marview.learning.run_folder import WEIGHTS
from marview.learning.state import STATE
from tests.learning.steps import After, press_ctrl_c


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
    with pytest.raises(MethodFailed, match=r"stopped at step 5: the loss is not finite; the last good state is kept"):
        training.run()
    assert (tmp_path / "run" / STATE).read_bytes() == good
    assert all(bool(tensor.isfinite().all()) for tensor in training.learner.tensors().values())


def test_a_gradient_that_is_not_a_number_stops_before_it_is_followed(begin, small) -> None:
    def spoil(losses):
        image = losses["image"]
        return {"image": image + torch.sqrt(image - image.detach())}  # 0, with an infinite slope

    training = begin(trainable=small.Network(spoil=spoil))
    with pytest.raises(MethodFailed, match="the gradient is not finite; no state has been saved yet"):
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
    training.learner.used.state_dict()["last.weight"].fill_(1e6)  # finite, but too large for 16 bits
    with pytest.raises(MethodFailed, match="The earlier file is unchanged"):
        training.keep()
    assert [(tmp_path / "run" / name).read_bytes() for name in (STATE, WEIGHTS)] == good


def test_the_log_is_closed_however_it_ends(begin, monkeypatch) -> None:
    closed: list[bool] = []
    close = loop.Journal.close
    monkeypatch.setattr(loop.Journal, "close", lambda self: closed.append(close(self) is None))

    def broken(number: int):
        raise BadInput("There is no tissue.")

    with pytest.raises(BadInput, match="no tissue"):
        begin(pairs=broken).run()
    assert closed == [True]


def test_a_folder_that_holds_something_else_is_refused_before_training(begin, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"thesis\.txt"):
        begin()
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["thesis.txt"]


def test_pairs_that_cannot_be_made_end_it_with_their_sentence(begin) -> None:
    def broken(number: int):
        raise BadInput("There is no tissue.")

    with pytest.raises(BadInput, match="no tissue"):
        begin(pairs=broken).run()
