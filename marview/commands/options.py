"""Arguments and options that several commands share, with the same name, meaning and help text."""

import enum
from pathlib import Path
from typing import Annotated

import typer

from marview.mar.discovery import discover


class Device(enum.StrEnum):
    """Device on which a method runs."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


class Format(enum.StrEnum):
    """File format of the corrected slices."""

    DICOM = "dicom"
    NIFTI = "nifti"
    PNG = "png"


def method_names() -> list[str]:
    """Return the identifiers of the methods that can run, for shell completion."""
    return sorted(listing.id for listing in discover() if listing.is_usable)


def learned_methods() -> list[str]:
    """Return the identifiers of the learned methods, trained or not, for shell completion."""
    return sorted(each.id for each in discover() if each.manifest is not None and each.manifest.needs_weights)


Input = Annotated[Path, typer.Argument(metavar="STUDY", help="A folder, zip, DICOM file or NIfTI file.")]
Series = Annotated[
    str, typer.Option("--series", metavar="UID", help="UID of the series to use if STUDY contains several.")
]
NewFolder = Annotated[Path, typer.Option("--output", metavar="DIR", help="A new or empty folder for the results.")]
JobFolder = Annotated[
    Path, typer.Option("--output", metavar="DIR", help="Folder for the results, the job table and the summaries.")
]
Method = Annotated[
    str,
    typer.Option(
        "--method",
        metavar="ID",
        help="Method to use. `marview methods` lists all methods.",
        autocompletion=method_names,
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="Parameter of the method, as listed by `marview methods ID`. Can be repeated.",
    ),
]
Slices = Annotated[
    str, typer.Option(metavar="A-B", help="Use only these slices, numbered as in the window: 12-20, 12- or 12.")
]
RunDevice = Annotated[Device, typer.Option("--device", help="Device on which the method runs.")]
SavedFormat = Annotated[Format, typer.Option("--format", help="File format of the corrected slices.")]
AcrossGaps = Annotated[
    bool, typer.Option("--across-gaps", help="Correct the slices that are present if others are missing.")
]
Restore = Annotated[
    bool,
    typer.Option(
        "--restore/--no-restore",
        help="Estimate the HU of dark streaks that are clipped in the file, before the method runs.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print a JSON record instead of sentences.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Print what would be done, without running or writing anything.")
]

# How to find the metal: the same options for every command that needs a metal mask.
Threshold = Annotated[
    float | None, typer.Option("--threshold", metavar="HU", help="Treat voxels above this HU as metal.")
]
KMeans = Annotated[
    int | None,
    typer.Option(
        "--kmeans",
        metavar="K",
        help="Divide the voxels into K classes by their HU (k-means), and treat the densest class as metal.",
    ),
]
MaskFile = Annotated[
    Path | None, typer.Option("--mask", metavar="FILE", help="Metal mask from a DICOM SEG, NIfTI or NRRD file.")
]
Margin = Annotated[float, typer.Option("--margin", metavar="MM", help="Grow (+) or shrink (-) the metal mask.")]

Workers = Annotated[
    int,
    typer.Option(
        "--workers",
        metavar="N",
        min=0,
        help="Number of studies to correct at the same time; 0 for as many as the cores and memory of this machine "
        "allow.",
    ),
]
