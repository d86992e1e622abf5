"""Reader studies: the commands `study ...`."""

import json
import math
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from marview.commands.options import AsJson
from marview.errors import BadInput, UsageError
from marview.reader_study.study import ReaderStudy, reader_name
from marview.terminal import say

study = typer.Typer(no_args_is_help=True, add_completion=False)
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the reader study.")]


@study.callback()
def about() -> None:
    """Let readers rate corrected slices without knowing the method, and summarise their grades."""


@study.command("new")
def new_study(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder for the reader study.")],
    cases: Annotated[
        Path,
        typer.Option(
            metavar="FILE", help="CSV with the columns case, method, original, corrected, slices (such as 40 45 50)."
        ),
    ],
    seed: Annotated[
        int, typer.Option(min=0, help="Random seed for the order in which each reader sees the pairs.")
    ] = 0,
) -> None:
    """Create a reader study from copies of original and corrected slices; the copies contain no patient data.

    Raises:
        BadInput: the table or a series cannot be read, or a corrected series does not belong to its original.
        UsageError: the folder is not empty.
        CannotWrite: the folder cannot be written.
    """
    from marview.reader_study.making import make_study

    made = make_study(cases, folder, seed, say)
    print(f"{folder}: {len(made.pairs)} pairs. Rate them with: marview study read {folder} --reader NAME")


@study.command("read")
def read_study(
    folder: Folder,
    reader: Annotated[str, typer.Option(metavar="NAME", help="Name of the reader, such as reader-1.")],
) -> int:
    """Open the window in which a reader grades image pairs, starting at the first pair without grades.

    Raises:
        UsageError: the reader's name is invalid, another window is open for this reader, or there is no display.
        BadInput: the folder contains no reader study, or its grades cannot be read.
    """
    from marview.commands.window import has_display, has_window
    from marview.reader_study.ratings import RatingsFile

    name, opened = reader_name(reader), ReaderStudy.open(folder)
    if not has_window():
        raise UsageError(
            "Rating needs the window, which is not installed. Install it with: pip install 'marview[window]'."
        )
    if not has_display():
        raise UsageError("This machine has no display. Rate the pairs on a machine with a display.")
    from marview.gui.app import read_pairs

    with RatingsFile(opened.ratings_path(name)).claimed():
        return read_pairs(opened, name)


@study.command("summary")
def summarise_study(
    folder: Folder,
    output: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A new or empty folder for summary.csv and ratings.csv.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print the grades of each method and the agreement between the readers.

    Raises:
        BadInput: the folder contains no reader study, the grades cannot be read, or there are no grades
            to write.
        UsageError: the output folder is not empty.
        CannotWrite: the output folder cannot be written.
    """
    from marview.dicom.atomic import whole_folder
    from marview.evaluation.tables import markdown_table
    from marview.export.tables import write_csv
    from marview.reader_study.summary import rated, scores

    opened = ReaderStudy.open(folder)
    ratings, found = list(rated(opened)), [asdict(score) for score in scores(opened)]
    if output is not None:
        if not ratings:
            raise BadInput(f"No pair in {folder} has been rated yet, so there is nothing to write.")
        with whole_folder(output) as part:
            write_csv(part / "summary.csv", found)
            write_csv(part / "ratings.csv", ratings)
    if as_json:
        plain = [{name: _known(value) for name, value in line.items()} for line in found]
        print(json.dumps({"pairs": len(opened.pairs), "readers": opened.readers(), "scores": plain}, indent=1))
        return
    cells = [[_text(value) for value in line.values()] for line in found]
    sys.stdout.write(markdown_table([name.replace("_", " ") for name in found[0]], cells) + "\n")
    for reader in opened.readers():
        say(f"{reader} rated {sum(line['reader'] == reader for line in ratings)} of {len(opened.pairs)} pairs.")


def _known(value: object) -> object:
    return None if isinstance(value, float) and math.isnan(value) else value


def _text(value: object) -> str:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.2f}"
    return str(value)
