"""Train a learned method: the command `train`."""

import json
import math
import os
import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from marview.commands.options import AsJson, Device, RunDevice, learned_methods
from marview.commands.progress import Lines
from marview.commands.time_left_column import TimeLeftColumn
from marview.errors import UsageError
from marview.physics import protocol_names
from marview.terminal import are_notes_wanted, terminal
from marview.text import count
from marview.time_left import TimeLeft

_ASKED = 130


def train(
    method: Annotated[
        str,
        typer.Argument(
            metavar="METHOD",
            help="A trainable method. `marview methods` lists all methods.",
            autocompletion=learned_methods,
        ),
    ],
    output: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the training run.")],
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Scans without metal: TIFF stacks, DICOM series, NIfTI.")
    ] = None,
    patient: Annotated[
        Path | None, typer.Option(metavar="SERIES", help="Scan of the patient to train on (near_hip).")
    ] = None,
    with_metal: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Scans with metal, for unpaired training (adn).")
    ] = None,
    without_metal: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Scans without metal, for use with --with-metal.")
    ] = None,
    ordinary: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Non-spectral scans with metal, for use with --gsi (lga).")
    ] = None,
    gsi: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Spectral scans of the patients in --ordinary (lga).")
    ] = None,
    protocol: Annotated[
        list[str] | None,
        typer.Option(
            metavar="P",
            help=f"Scan protocol to use instead of the recipe's: {', '.join(protocol_names())}. Can be repeated.",
            autocompletion=lambda: list(protocol_names()),
        ),
    ] = None,
    size: Annotated[
        str, typer.Option(metavar="SIZE", help="Size of the network: paper, bundled, tiny or a recipe of the method.")
    ] = "bundled",
    device: RunDevice = Device.AUTO,
    max_minutes: Annotated[
        float | None,
        typer.Option(metavar="N", help="Stop training after this number of minutes. To continue later, use --resume."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the training run in DIR.")] = False,
    begin_with: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Weights file to start a new run from; tensors with the same name and shape are copied.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Train a method; Ctrl-C stops and saves the run.

    The folder contains the trained weights (`weights.safetensors`), the state for resuming the run
    (`state.safetensors`), `curve.csv`, `pictures`, a TensorBoard log if tensorboardX is installed, and
    `run.json`.

    Raises:
        UsageError: a method or protocol is unknown, the time limit is negative, the folder contains
            another run, or the initial weights do not fit.
        BadInput: there is nothing to train on.
        MethodFailed: the loss is NaN; the last good state is kept.
        CannotWrite: the disk is full or read-only.
    """
    from marview.learning.plan import News
    from marview.learning.train import Order
    from marview.learning.train import train as train_for_a_session
    from marview.mar.discovery import discover, find

    source = _source(data, patient, (with_metal, without_metal), (ordinary, gsi))
    if max_minutes is not None and not max_minutes >= 0:
        raise UsageError(f"--max-minutes is {max_minutes:g}. Use a number of minutes, 0 or more.")
    order = Order(
        data=source,
        output=output,
        size=size,
        protocols=protocol or [],
        device=device.value,
        max_minutes=math.inf if max_minutes is None else max_minutes,
        is_resumed=resume,
        is_patient=patient is not None,
        begins_with=begin_with,
        with_metal=with_metal,
        spectral=gsi,
    )
    is_first = os.environ.get("RANK", "0") == "0"
    console = terminal(is_error=True)
    is_shown = is_first and not as_json and are_notes_wanted()
    left, ends = TimeLeft(), time.monotonic() + 60 * order.max_minutes
    lines = Lines() if is_shown and not console.is_terminal else None
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
        disable=not (is_shown and console.is_terminal),
    )
    task = bar.add_task("training", total=None, visible=False)

    def hear(news: News) -> None:
        nonlocal is_begun
        if not is_begun:  # earlier sessions, and the first step, which compiles, do not show the speed
            is_begun = True
            left.restart(news.step / news.steps)
        left.note(news.step / news.steps)
        text = f"loss {news.loss:.4g}"
        bar.update(task, completed=news.step, total=news.steps, description=text, visible=True)
        if lines is not None:
            lines.tell(f"step {news.step} of {news.steps}, {text}", seconds_left())

    def tell(sentence: str) -> None:
        if is_shown:
            bar.console.print(sentence, markup=False, highlight=False, soft_wrap=True)

    with bar:
        ending = train_for_a_session(find(method, discover()).to_train, order, tell, hear)
    if is_first and as_json:
        record = {"output": str(output), "steps": ending.step, "minutes": round(ending.minutes, 2)}
        print(json.dumps({**record, "ended": ending.reason}, indent=2))
    elif is_first:
        further = {"done": "", "time": " Time limit reached.", "asked": " Stopped on request."}[ending.reason]
        go_on = f"{further} The run is saved; --resume continues it." if further else ""
        print(f"{output}: {count(ending.step, 'step')} in {ending.minutes:.1f} minutes.{go_on}")
        sys.stdout.flush()
    return _ASKED if ending.reason == "asked" else 0


def _source(
    data: Path | None,
    patient: Path | None,
    unpaired: tuple[Path | None, Path | None],
    spectral: tuple[Path | None, Path | None],
) -> Path:
    """Return the scans to train on, from the option that specifies them.

    Raises:
        UsageError: no option specifies scans, or the options cannot be combined.
    """
    named = [each for each in (data, patient, unpaired[1], spectral[0]) if each is not None]
    if len(named) != 1 or any((one is None) != (other is None) for one, other in (unpaired, spectral)):
        raise UsageError(
            "Specify the scans to train on: --data DIR (scans without metal), --patient SERIES, --with-metal DIR and "
            "--without-metal DIR (unpaired training), or --ordinary DIR and --gsi DIR (spectral scans)."
        )
    return named[0]
