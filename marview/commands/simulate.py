"""Insert metal into a clean series and simulate its scan: the command `simulate`."""

import dataclasses
import enum
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from marview.commands.options import AsJson, NewFolder, Series, Slices
from marview.commands.progress import progress
from marview.commands.slices import parse_slices
from marview.dicom import open_series
from marview.dicom.atomic import check_place
from marview.dicom.make import Labels, write_ct_series
from marview.errors import BadInput
from marview.export import whole_folder, write_json, write_nifti
from marview.physics import USUAL_PROTOCOL, metal_names, protocol_names
from marview.physics import protocol as find_protocol
from marview.physics.implants import implant_names

if TYPE_CHECKING:
    from torch import Tensor

    from marview.physics import Simulation


class Layout(enum.StrEnum):
    """File layout of the simulated cases."""

    CASES = "cases"
    SYNDEEPLESION = "syndeeplesion"


def simulate(
    clean: Annotated[Path, typer.Argument(metavar="CLEAN", help="A series without metal.")],
    implant: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help=f"Implant: {', '.join(implant_names())}.",
            autocompletion=lambda: list(implant_names()),
        ),
    ],
    output: NewFolder,
    material: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help=f"Metal for the whole implant: {', '.join(metal_names())}. By default, each part has a typical metal.",
            autocompletion=lambda: list(metal_names()),
        ),
    ] = None,
    protocol: Annotated[
        str,
        typer.Option(
            metavar="P",
            help=f"Scan protocol: {', '.join(protocol_names())}.",
            autocompletion=lambda: list(protocol_names()),
        ),
    ] = USUAL_PROTOCOL,
    slices: Slices = "",
    seed: Annotated[int, typer.Option(min=0, help="Random seed for the implant positions and the noise.")] = 0,
    layout: Annotated[Layout, typer.Option(help="File layout of the cases.")] = Layout.CASES,
    series: Series = "",
    as_json: AsJson = False,
) -> None:
    """Insert metal into a clean series and simulate its scan, with known ground truth.

    The folder contains `study` (with artifacts) and `truth` (without metal) as DICOM series,
    `metal.nii.gz`, and `cases`. The `cases` are the slices with metal and their sinograms, stored as
    marview case files or in the public SynDeepLesion layout. The implant is placed in the whole series,
    even if only some slices are scanned.

    Raises:
        UsageError: the implant, material or protocol is unknown, or the folder is not empty.
        BadInput: the series cannot be read or has no suitable position for the implant, or the slices
            contain no metal.
        CannotWrite: the disk is full or read-only.
    """
    import torch

    from marview.evaluation.case_folder import write_known_case
    from marview.evaluation.simulated import known_case
    from marview.evaluation.syndeeplesion import write_syndeeplesion
    from marview.physics.implants import place
    from marview.physics.insert import insert

    scan = find_protocol(protocol)
    check_place(output)
    loaded = open_series(clean, series)
    check_place(output, bytes_needed=2 * loaded.volume.hu.nbytes)
    if not loaded.report.is_volume:
        raise BadInput(f"{clean} cannot be used for a simulation: {loaded.report.reason}")
    chosen = parse_slices(slices, loaded.volume.grid.slice_numbers)
    volume = loaded.volume
    implants = place(implant, volume.hu, volume.grid.spacing_mm, material=material, seed=seed)
    title = f"scanning with {scan.name}"
    with whole_folder(output) as part, progress(title, is_quiet=as_json) as advance:
        cases = part / "cases"
        cases.mkdir()

        def keep(start: int, simulation: "Simulation") -> None:
            with_metal = torch.nonzero(simulation.metal.any(dim=-1).any(dim=-1)).ravel()
            if len(with_metal):
                numbers = [start + int(k) for k in with_metal]
                known = known_case(f"slices_{start:04d}", _of(simulation, with_metal), scan, numbers)
                write_known_case(known, cases) if layout is Layout.CASES else write_syndeeplesion(known, cases)

        inserted = insert(
            volume,
            implants,
            scan,
            slices=chosen,
            seed=seed,
            progress=lambda share: advance(share, ""),
            on_batch=keep,
        )
        about = {
            "implant": implant,
            "material": material or "usual",
            "protocol": scan.name,
            "seed": seed,
            "slices": loaded.volume.grid.slice_numbers.sorted((chosen.start, chosen.stop - 1)),
            "note": "Simulated metal. Not an original patient scan.",
        }
        name = f"{implant}, {about['material']}, {scan.name}"
        for folder, hu, number in (("study", inserted.hu, 1), ("truth", inserted.truth_hu, 2)):
            labels = Labels(
                patient_name="SIMULATED^METAL",
                patient_id="SIMULATED",
                study_description="marview simulate",
                series_description=(f"Simulated: {name}" if folder == "study" else "Ground truth without metal")[:64],
                series_number=number,
                comments=str(about["note"]),
                kvp=float(scan.tube_kv),
            )
            study_seed = f"marview-simulate-{output.resolve().name}-{name}-{seed}"
            write_ct_series(
                hu, inserted.grid, part / folder, labels, seed=f"{study_seed}-{folder}", study_seed=study_seed
            )
        write_nifti(part / "metal.nii.gz", inserted.metal, inserted.grid)
        write_json(part / "simulation.json", about)
    with_metal = int(inserted.metal.any(axis=(1, 2)).sum())
    if as_json:
        print(json.dumps({**about, "output": str(output), "slices_with_metal": with_metal}, indent=2))
        return
    print(
        f"{output}: study, truth, metal.nii.gz and cases; {with_metal} of {len(inserted.metal)} slices contain metal "
        f"({name})."
    )


def _of(simulation: "Simulation", slices: "Tensor") -> "Simulation":
    """Select slices of a simulated batch."""
    names = ("mu", "metal", "sinogram", "metal_free_sinogram", "trace")
    return dataclasses.replace(simulation, **{name: getattr(simulation, name)[slices] for name in names})
