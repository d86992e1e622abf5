"""Our own case files: `NAME.npz`, what a method is given, and beside it `NAME.truth.npz`, what it should find."""

import zipfile
from functools import partial
from pathlib import Path

import numpy as np

from marview.errors import BadInput
from marview.evaluation.case import KnownCase, ListedCase, check_case
from marview.worker.case_files import load_case, save_case, write_npz

_TRUTH = ".truth.npz"


def is_case_folder(folder: Path) -> bool:
    """Whether a folder holds such files."""
    return next(folder.glob(f"*{_TRUTH}"), None) is not None


def list_case_files(folder: Path) -> list[ListedCase]:
    """The cases of a folder, by name."""
    names = sorted(path.name.removesuffix(_TRUTH) for path in folder.glob(f"*{_TRUTH}"))
    return [ListedCase(name, partial(read_known_case, folder, name)) for name in names]


def write_known_case(known: KnownCase, folder: Path) -> None:
    """Write a case's two files, truth_hu and metal_free_sinogram in the second; each is there whole or not at all."""
    save_case(known.case, folder / f"{known.name}.npz")
    truth = {"truth_hu": known.truth_hu.astype(np.float32)}
    if known.metal_free_sinogram is not None:
        truth["metal_free_sinogram"] = known.metal_free_sinogram.astype(np.float32)
    write_npz(folder / f"{known.name}{_TRUTH}", truth)


def read_known_case(folder: Path, name: str) -> KnownCase:
    """Read a case; the inverse of `write_known_case`.

    Raises:
        BadInput: one of its files is missing, no case file, or the case is unusable.
    """
    case = load_case(folder / f"{name}.npz")
    path = folder / f"{name}{_TRUTH}"
    try:
        with np.load(path, allow_pickle=False) as file:
            truth_hu = file["truth_hu"]
            free = file.get("metal_free_sinogram")
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as reason:
        raise BadInput(f"{path} cannot be read as the truth of a case: {reason}.") from reason
    return check_case(KnownCase(name, case, truth_hu, free))
