"""Measure methods on cases with known ground truth: the command `benchmark`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from marview.commands.options import AsJson, Device, RunDevice, method_names
from marview.commands.progress import progress
from marview.commands.settings import parse_settings_by_method
from marview.errors import BadInput, UsageError
from marview.physics import metal_names, protocol_names
from marview.terminal import say


def benchmark(
    cases: Annotated[
        Path,
        typer.Option(
            metavar="DIR",
            help="Cases in the SynDeepLesion layout, case files, or clean slices. Methods that train on the scan need "
            "to know the patient of each slice; for TIFF stacks, an index.csv beside them gives it (columns file, "
            "page, patient). Clean slices contain no metal.",
        ),
    ],
    method: Annotated[
        str,
        typer.Option(
            metavar="A,B,C",
            help="Methods to run. `marview methods` lists all methods. `learned` selects all methods with weights, "
            "except those that train on the scan.",
            autocompletion=lambda: [*method_names(), "learned"],
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            metavar="DIR",
            help="Folder for the tables. If the folder contains an interrupted benchmark, marview resumes it.",
        ),
    ],
    protocol: Annotated[
        str,
        typer.Option(
            metavar="P",
            help=f"Scan protocol: {', '.join(protocol_names())}. The default is the protocol of the cases, or "
            "dudonet-640 for clean slices.",
            autocompletion=lambda: list(protocol_names()),
        ),
    ] = "",
    masks: Annotated[
        Path | None, typer.Option(metavar="FILE", help="File with metal shapes to insert into clean slices.")
    ] = None,
    material: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help=f"Metal inserted into clean slices: {', '.join(metal_names())}.",
            autocompletion=lambda: list(metal_names()),
        ),
    ] = "ti",
    mismatched: Annotated[
        bool,
        typer.Option(
            "--mismatched",
            help="Simulate the scan of clean slices with effects that no method models: finer rays, detector blur and "
            "a harder beam.",
        ),
    ] = False,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="[METHOD.]NAME=VALUE",
            help="Parameter of a method, as listed by `marview methods ID`. Can be repeated.",
        ),
    ] = None,
    device: RunDevice = Device.AUTO,
    as_json: AsJson = False,
) -> None:
    """Run methods on cases with known ground truth, then print the result tables and write them to files.

    Raises:
        UsageError: a protocol, method or parameter is unknown, or the folder belongs to another benchmark.
        BadInput: there are no cases, or none of the cases can be used, in which case the tables list the
            reasons.
    """
    from marview.evaluation.command import benchmark as measure
    from marview.evaluation.tables import markdown

    named = [name.strip() for name in method.split(",") if name.strip()]
    if not named:
        raise UsageError("--method is empty. Use, for example, --method linear_interpolation,nmar.")
    with progress("cases", is_quiet=as_json) as advance:
        results = measure(
            protocol,
            named,
            cases,
            output,
            parameters=parse_settings_by_method(settings or (), named),
            masks=masks,
            material=material,
            is_mismatched=mismatched,
            device=device.value,
            on_progress=advance,
            tell=say,
        )
    print(json.dumps(results.record(), indent=2) if as_json else markdown(results))
    if not any(row.slices for row in results.rows):
        raise BadInput(
            f"No case in {cases} could be used, so the tables are empty. The notes of the tables give the reasons."
        )
