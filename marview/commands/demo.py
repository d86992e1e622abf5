"""Make, once, a study with metal whose truth is known, and open it."""

from pathlib import Path

import platformdirs
from rich.progress import Progress

from marview.commands.window import open_window
from marview.dicom.atomic import check_place
from marview.dicom.make import Labels, write_ct_series
from marview.export import whole_folder, write_json, write_nifti
from marview.terminal import terminal

_EDITION = 2
"""Raised when the phantoms change, so that a study kept from an earlier edition is made again."""

_BYTES = 64 << 20
"""More than a study takes: 21 MB for each of its two series."""

_TITLES = {"hip": "Two hip prostheses", "spine": "Pedicle screws and rods", "dental": "Dental amalgam"}
_BODY_PARTS = {"hip": "PELVIS", "spine": "LSPINE", "dental": "JAW"}


def demo_study(kind: str, output: Path | None, *, has_window: bool) -> int:
    """Make the demo study of a kind where it is not there yet, and open it; returns the exit code.

    The folder gets `study` (the corrupted series, DICOM), `truth` (the same anatomy without metal, DICOM) and
    `metal.nii.gz` (the true metal mask).

    Raises:
        CannotWrite: the disk is full or read-only.
        UsageError: the folder holds something else.
    """
    folder = output or Path(platformdirs.user_data_dir("marview", appauthor=False)) / "demo" / f"{kind}-{_EDITION}"
    if not (folder / "demo.json").is_file():
        _make(kind, folder)
    study = folder / "study"
    print(f"{study}: {_TITLES[kind]}, simulated; the truth without metal is in {folder / 'truth'}.")
    return open_window([str(study)], picture=Path(f"marview-demo-{kind}.png")) if has_window else 0


def _make(kind: str, folder: Path) -> None:
    from marview.physics.demo_study import make_demo

    check_place(folder, bytes_needed=_BYTES)
    with Progress(console=terminal(is_error=True)) as bar:
        task = bar.add_task(f"Simulating the {kind} study", total=1.0)
        study = make_demo(kind, progress=lambda fraction: bar.update(task, completed=fraction))
    about = "Analytic anatomy, polychromatic simulation. Not a patient."
    with whole_folder(folder) as part:
        for name, hu, number in (("study", study.hu, 1), ("truth", study.truth_hu, 2)):
            labels = Labels(
                patient_name=f"DEMO^{kind.upper()}",
                patient_id=f"DEMO-{kind.upper()}",
                study_description=f"marview demo: {_TITLES[kind].lower()}",
                series_description=_TITLES[kind] if name == "study" else f"{_TITLES[kind]}: truth without metal",
                series_number=number,
                body_part=_BODY_PARTS[kind],
                comments=about,
                kvp=120.0,
            )
            seed = f"marview-demo-{_EDITION}-{kind}"
            write_ct_series(hu, study.grid, part / name, labels, seed=f"{seed}-{name}", study_seed=seed)
        write_nifti(part / "metal.nii.gz", study.metal, study.grid)
        write_json(part / "demo.json", {"kind": kind, "edition": _EDITION, "about": about})
