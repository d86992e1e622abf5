"""Put metal into a clean series and scan it: the corrupted series, the true one, the metal, and cases."""

import dataclasses
from pathlib import Path

import torch
from rich.progress import Progress

from marview.commands.slices import parse_slices
from marview.dicom import open_series
from marview.dicom.atomic import check_place
from marview.dicom.make import Labels, write_ct_series
from marview.errors import BadInput
from marview.evaluation.case_folder import write_known_case
from marview.evaluation.simulated import known_case
from marview.evaluation.syndeeplesion import write_syndeeplesion
from marview.export import whole_folder, write_json, write_nifti
from marview.physics import USUAL_PROTOCOL, Simulation, protocol
from marview.physics.implants import place
from marview.physics.insert import insert
from marview.terminal import terminal


def simulate_series(
    path: Path,
    output: Path,
    *,
    implant: str,
    material: str | None = None,
    protocol_name: str = USUAL_PROTOCOL,
    slices: str = "",
    seed: int = 0,
    layout: str = "cases",
    series_uid: str = "",
) -> None:
    """Write the scan of a clean series with an implant in it.

    The folder gets `study` (with artifacts) and `truth` (without metal) as DICOM series, `metal.nii.gz`, and `cases`:
    the slices with metal and their sinograms, as our case files or in the public SynDeepLesion layout.

    The implant is placed in the whole series, whatever `slices` are scanned.

    Raises:
        UsageError: an unknown implant, material or protocol, or a folder that holds something.
        BadInput: the series cannot be read, or holds no place for the implant, or no metal reaches the slices.
        CannotWrite: the disk is full or read-only.
    """
    scan = protocol(protocol_name)
    check_place(output)
    loaded = open_series(path, series_uid)
    check_place(output, bytes_needed=2 * loaded.volume.hu.nbytes)
    if not loaded.report.is_volume:
        raise BadInput(f"{path} cannot be scanned: {loaded.report.reason}")
    chosen = parse_slices(slices, loaded.volume.grid.slice_numbers)
    volume = loaded.volume
    implants = place(implant, volume.hu, volume.grid.spacing_mm, material=material, seed=seed)
    console = terminal(is_error=True)
    with whole_folder(output) as part, Progress(console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(f"scanning with {scan.name}", total=1.0)
        cases = part / "cases"
        cases.mkdir()

        def keep(start: int, simulation: Simulation) -> None:
            with_metal = torch.nonzero(simulation.metal.any(dim=-1).any(dim=-1)).ravel()
            if len(with_metal):
                numbers = [start + int(k) for k in with_metal]
                known = known_case(f"slices_{start:04d}", _of(simulation, with_metal), scan, numbers)
                write_known_case(known, cases) if layout == "cases" else write_syndeeplesion(known, cases)

        inserted = insert(
            volume,
            implants,
            scan,
            slices=chosen,
            seed=seed,
            progress=lambda share: bar.update(task, completed=share),
            on_batch=keep,
        )
        about = {
            "implant": implant,
            "material": material or "usual",
            "protocol": scan.name,
            "seed": seed,
            "slices": loaded.volume.grid.slice_numbers.sorted((chosen.start, chosen.stop - 1)),
            "note": "Simulated metal. Not a patient as scanned.",
        }
        name = f"{implant}, {about['material']}, {scan.name}"
        for folder, hu, number in (("study", inserted.hu, 1), ("truth", inserted.truth_hu, 2)):
            labels = Labels(
                patient_name="SIMULATED^METAL",
                patient_id="SIMULATED",
                study_description="marview simulate",
                series_description=(f"Simulated: {name}" if folder == "study" else "Truth without metal")[:64],
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
    print(
        f"{output}: study, truth, metal.nii.gz and cases; {with_metal} of {len(inserted.metal)} slices hold metal "
        f"({name})."
    )


def _of(simulation: Simulation, slices: torch.Tensor) -> Simulation:
    """Some slices of a simulated batch."""
    names = ("mu", "metal", "sinogram", "metal_free_sinogram", "trace")
    return dataclasses.replace(simulation, **{name: getattr(simulation, name)[slices] for name in names})
