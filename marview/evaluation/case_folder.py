"""Read and write case files: a method's input in `NAME.npz`, the ground truth in `NAME.truth.npz`."""

from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np

from marview.dicom.source import open_regular
from marview.errors import DAMAGED_ARRAYS, BadInput
from marview.evaluation.case import KnownCase, ListedCase, check_case
from marview.methods.api import MarCase
from marview.physics import Protocol, protocol_of
from marview.worker.case_files import load_case, save_case, write_npz

_TRUTH = ".truth.npz"


def is_case_folder(folder: Path) -> bool:
    """Return whether a folder contains case files."""
    return next(folder.glob(f"*{_TRUTH}"), None) is not None


def list_case_files(folder: Path, protocol: Protocol) -> list[ListedCase]:
    """List the cases in a folder, sorted by name; reading a case of another protocol raises `BadInput`."""
    return [
        ListedCase(
            name, partial(_read_scanned, folder, name, protocol), (folder / f"{name}.npz", folder / f"{name}{_TRUTH}")
        )
        for name in _names(folder)
    ]


def protocol_of_case_files(folder: Path) -> Protocol | None:
    """Return the named protocol that the first readable case matches; None if there is no match."""
    for name in _names(folder):
        with suppress(BadInput):
            return _protocol_of(load_case(folder / f"{name}.npz"))
    return None


def _names(folder: Path) -> list[str]:
    """List case names, including cases with only one of the two files, which are reported when read."""
    return sorted({path.name.removesuffix(_TRUTH).removesuffix(".npz") for path in folder.glob("*.npz")})


def _protocol_of(case: MarCase) -> Protocol | None:
    return protocol_of(case.beam, case.pixel_mm)


def _read_scanned(folder: Path, name: str, protocol: Protocol) -> KnownCase:
    known = read_known_case(folder, name)
    if not protocol.is_scan_of(known.case.beam, known.case.pixel_mm):
        own = _protocol_of(known.case)
        advice = f"Use --protocol {own.name}" if own else "No named protocol matches, so regenerate the case"
        raise BadInput(
            f"Case {name} was scanned with a beam geometry or pixel size that differs from {protocol.name}. {advice}."
        )
    return known


def write_known_case(known: KnownCase, folder: Path) -> None:
    """Write a case and its ground truth as two `.npz` files; no incomplete file remains if writing fails."""
    save_case(known.case, folder / f"{known.name}.npz")
    truth = {"truth_hu": known.truth_hu.astype(np.float32)}
    if known.metal_free_sinogram is not None:
        truth["metal_free_sinogram"] = known.metal_free_sinogram.astype(np.float32)
    write_npz(folder / f"{known.name}{_TRUTH}", truth)


def read_known_case(folder: Path, name: str) -> KnownCase:
    """Read a case; the inverse of `write_known_case`.

    Raises:
        BadInput: a file is missing or damaged, or the case cannot be used.
    """
    given, path = folder / f"{name}.npz", folder / f"{name}{_TRUTH}"
    for missing in (each for each in (given, path) if not each.is_file()):
        raise BadInput(f"Case {name}: {missing} is missing. Regenerate the case, or remove its other file.")
    case = load_case(given)
    try:
        with open_regular(path) as stream, np.load(stream, allow_pickle=False) as file:
            truth_hu = file["truth_hu"]
            free = file.get("metal_free_sinogram")
    except (*DAMAGED_ARRAYS, KeyError) as reason:
        raise BadInput(f"Case {name}: {path} is damaged or contains no ground truth. Regenerate the case.") from reason
    return check_case(KnownCase(name, case, truth_hu, free))
