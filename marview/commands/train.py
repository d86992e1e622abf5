"""Train a learned method on scans without metal."""

import math
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from marview.commands.time_left_column import TimeLeftColumn
from marview.errors import UsageError
from marview.terminal import terminal
from marview.time_left import TimeLeft

_ASKED = 130


def train_method(
    method: str,
    output: Path,
    *,
    data: Path | None,
    patient: Path | None = None,
    protocols: Sequence[str] = (),
    size: str = "bundled",
    device: str = "auto",
    max_minutes: float | None = None,
    is_resumed: bool = False,
    begins_with: Path | None = None,
    with_metal: Path | None = None,
    without_metal: Path | None = None,
) -> int:
    """Train a method for one session under a progress bar; returns the exit code.

    The folder gets `weights.safetensors` for use, `state.safetensors` to go on from, `curve.csv`, `pictures`,
    TensorBoard's log where tensorboardX is installed, and `run.json`.

    Raises:
        UsageError: no such method or protocol, minutes below 0, the folder holds another run, or the weights to begin
            with do not fit.
        BadInput: there is nothing to train on.
        MethodFailed: the loss is not a number; the last good state stays.
        CannotWrite: the disk is full or read-only.
    """
    from marview.learning.loop import News
    from marview.learning.train import Order, train
    from marview.mar.discovery import discover, find

    source = _source(data, patient, with_metal, without_metal)
    if max_minutes is not None and not max_minutes >= 0:
        raise UsageError(f"--max-minutes is {max_minutes:g}; say after how many minutes, 0 or more, this session ends.")
    order = Order(
        data=source,
        output=output,
        size=size,
        protocols=protocols,
        device=device,
        max_minutes=math.inf if max_minutes is None else max_minutes,
        is_resumed=is_resumed,
        is_patient=patient is not None,
        begins_with=begins_with,
        with_metal=with_metal,
    )
    is_first = os.environ.get("RANK", "0") == "0"
    console = terminal(is_error=True)
    left, ends = TimeLeft(), time.monotonic() + 60 * order.max_minutes
    is_begun = False

    def seconds_left() -> float | None:
        by_steps = left.seconds
        return None if by_steps is None else max(0.0, min(by_steps, ends - time.monotonic()))

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeLeftColumn(seconds_left),
        console=console,
        disable=not (is_first and console.is_terminal),
    )
    task = bar.add_task("training", total=None, visible=False)

    def hear(news: News) -> None:
        nonlocal is_begun
        if not is_begun:  # earlier sessions and the first step, which compiles, say nothing of the speed
            is_begun = True
            left.restart(news.step / news.steps)
        left.note(news.step / news.steps)
        text = f"loss {news.loss:.4g}"
        bar.update(task, completed=news.step, total=news.steps, description=text, visible=True)

    def tell(sentence: str) -> None:
        if is_first:
            bar.console.print(sentence, markup=False, highlight=False, soft_wrap=True)

    with bar:
        ending = train(find(method, discover()), order, tell, hear)
    if is_first:
        further = {"done": "", "time": " The time is up;", "asked": " Stopped as asked;"}[ending.reason]
        go_on = f"{further} everything is kept, and --resume goes on from there." if further else ""
        print(
            f"{output}: {ending.step} {'step' if ending.step == 1 else 'steps'} in {ending.minutes:.1f} minutes.{go_on}"
        )
        sys.stdout.flush()
    return _ASKED if ending.reason == "asked" else 0


def _source(data: Path | None, patient: Path | None, with_metal: Path | None, without_metal: Path | None) -> Path:
    """The scans to train on, of the options that name some.

    Raises:
        UsageError: none is named, or options that exclude each other.
    """
    named = [each for each in (data, patient, without_metal) if each is not None]
    if len(named) != 1 or (with_metal is None) != (without_metal is None):
        raise UsageError(
            "Say what to train on: either --data DIR with scans without metal, or --patient SERIES, or --with-metal "
            "DIR together with --without-metal DIR for unpaired training."
        )
    return named[0]
