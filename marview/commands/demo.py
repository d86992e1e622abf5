"""Simulate a study with metal and known ground truth, and open it: the command `demo`."""

import enum
import json
from pathlib import Path
from typing import Annotated

import platformdirs
import typer

from marview.commands.options import AsJson
from marview.commands.progress import progress
from marview.commands.window import open_window
from marview.dicom.atomic import check_place
from marview.dicom.make import Labels, write_ct_series
from marview.export import whole_folder, write_json, write_nifti

_EDITION = 2
"""Version of the phantoms; increase it when the phantoms change, so that older studies are simulated again."""

_BYTES = 64 << 20
"""Free disk space in bytes that a study requires; each of its two series has 21 MB."""

_TITLES = {"hip": "Two hip prostheses", "spine": "Pedicle screws and rods", "dental": "Dental amalgam"}
_BODY_PARTS = {"hip": "PELVIS", "spine": "LSPINE", "dental": "JAW"}


class Kind(enum.StrEnum):
    """Implants in the demo study."""

    HIP = "hip"
    SPINE = "spine"
    DENTAL = "dental"


def demo(
    kind: Annotated[Kind, typer.Option(help="Implants in the study.")] = Kind.HIP,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Folder for the study. By default, marview uses a folder inside your data folder."
        ),
    ] = None,
    window: Annotated[bool, typer.Option("--window/--no-window", help="Open the study in the window.")] = True,
    as_json: AsJson = False,
) -> int:
    """Simulate a study with metal and known ground truth, and open it; later calls open the same study.

    The folder contains `study` (the series with artifacts, DICOM), `truth` (the same anatomy without metal, DICOM) and
    `metal.nii.gz` (the true metal mask).

    Raises:
        CannotWrite: the disk is full or read-only.
        UsageError: the folder contains other files.
    """
    folder = output or Path(platformdirs.user_data_dir("marview", appauthor=False)) / "demo" / f"{kind}-{_EDITION}"
    if not (folder / "demo.json").is_file():
        _make(kind.value, folder, is_quiet=as_json)
    study, truth, metal = folder / "study", folder / "truth", folder / "metal.nii.gz"
    if as_json:
        print(json.dumps({"kind": kind, "study": str(study), "truth": str(truth), "metal": str(metal)}, indent=2))
    else:
        print(f"{study}: {_TITLES[kind]}, simulated; the ground truth without metal is in {truth}.")
    return open_window([str(study)], picture=Path(f"marview-demo-{kind}.png")) if window else 0


def _make(kind: str, folder: Path, *, is_quiet: bool) -> None:
    check_place(folder, bytes_needed=_BYTES)
    from marview.physics.demo_study import make_demo  # after the check, because the import takes seconds

    with progress(f"simulating the {kind} study", is_quiet=is_quiet) as advance:
        study = make_demo(kind, progress=lambda fraction: advance(fraction, ""))
    about = "Analytic anatomy, polychromatic simulation. Not a patient."
    with whole_folder(folder) as part:
        for name, hu, number in (("study", study.hu, 1), ("truth", study.truth_hu, 2)):
            labels = Labels(
                patient_name=f"DEMO^{kind.upper()}",
                patient_id=f"DEMO-{kind.upper()}",
                study_description=f"marview demo: {_TITLES[kind].lower()}",
                series_description=_TITLES[kind] if name == "study" else f"{_TITLES[kind]}: ground truth without metal",
                series_number=number,
                body_part=_BODY_PARTS[kind],
                comments=about,
                kvp=120.0,
            )
            seed = f"marview-demo-{_EDITION}-{kind}"
            write_ct_series(hu, study.grid, part / name, labels, seed=f"{seed}-{name}", study_seed=seed)
        write_nifti(part / "metal.nii.gz", study.metal, study.grid)
        write_json(part / "demo.json", {"kind": kind, "edition": _EDITION, "about": about})
