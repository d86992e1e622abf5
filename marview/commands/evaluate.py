"""Measure corrected volumes against the ground truth: the command `evaluate`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from marview.commands.options import AsJson, Slices
from marview.commands.slices import parse_slices
from marview.physics import protocol_names
from marview.terminal import note


def evaluate(
    results: Annotated[list[Path], typer.Argument(metavar="RESULT ...", help="Corrected series or volumes.")],
    truth: Annotated[Path, typer.Option(metavar="TRUTH", help="The series or volume without artifacts.")],
    mask: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Metal mask from a DICOM SEG, NIfTI or NRRD file. With a mask, marview measures only the slices with "
            "metal, and adds measures for the ring around the metal.",
        ),
    ] = None,
    protocol: Annotated[
        str,
        typer.Option(
            metavar="P",
            help=f"Add published results for this protocol: {', '.join(protocol_names())}.",
            autocompletion=lambda: list(protocol_names()),
        ),
    ] = "",
    slices: Slices = "",
    as_json: AsJson = False,
) -> None:
    """Compare corrected volumes with the ground truth, in one table.

    A correction leaves the pixels in its metal mask unchanged. To compare results with different masks, use
    `marview sweep`, which measures all results outside the union of their masks.

    Raises:
        BadInput: a volume cannot be read, or the volumes differ in patient, shape or position.
        UsageError: the protocol is unknown, or the slices are outside the volume.
    """
    from marview.evaluation.compare import evaluate as compare

    found = compare(results, truth, mask, protocol, choose=lambda numbers: parse_slices(slices, numbers))
    for each in found.notes:
        note(each)
    sys.stdout.write(found.json() + "\n" if as_json else found.text())
