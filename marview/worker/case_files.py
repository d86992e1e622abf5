"""Read and write cases and results as .npz files, for benchmarks."""

import dataclasses
import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from marview.errors import DAMAGED_ARRAYS, BadInput
from marview.geometry import Beam, FanBeamArc, FanBeamFlat, ParallelBeam
from marview.methods.api import MarCase
from marview.worker.neighbours import Neighbours

_BEAMS: dict[str, type[Beam]] = {beam.__name__: beam for beam in (ParallelBeam, FanBeamArc, FanBeamFlat)}


def save_case(case: MarCase, path: Path) -> None:
    """Write a case to a file.

    The file contains hu, metal, pixel_mm, beam (JSON), slice_indices and, if the case has them, measured_sinogram and
    measured_trace. An incomplete file never appears under this name.
    """
    arrays: dict[str, Any] = {
        "hu": _numpy(case.hu, np.float32),
        "metal": _numpy(case.metal, np.bool_),
        "pixel_mm": np.float64(case.pixel_mm),
        "beam": np.array(json.dumps(beam_as_json(case.beam))),
        "slice_indices": np.asarray(case.slice_indices, dtype=np.int64),
    }
    if case.measured_sinogram is not None:
        arrays["measured_sinogram"] = _numpy(case.measured_sinogram, np.float32)
    if case.measured_trace is not None:
        arrays["measured_trace"] = _numpy(case.measured_trace, np.bool_)
    write_npz(path, arrays)


def load_case(path: Path) -> MarCase:
    """Read a case from a file.

    Raises:
        BadInput: the file cannot be read or does not contain a case.
    """
    with _arrays_of(path, "is not a case file of marview") as file:
        hu, metal = torch.from_numpy(file["hu"]), torch.from_numpy(file["metal"])
        case = MarCase(
            hu=hu,
            metal=metal,
            pixel_mm=float(file["pixel_mm"]),
            beam=beam_from_json(json.loads(str(file["beam"]))),
            slice_indices=[int(k) for k in file["slice_indices"]] or list(range(len(hu))),
            measured_sinogram=torch.from_numpy(file["measured_sinogram"]) if "measured_sinogram" in file else None,
            measured_trace=torch.from_numpy(file["measured_trace"]) if "measured_trace" in file else None,
        )
    if hu.ndim != 3 or hu.shape != metal.shape or hu.dtype != torch.float32 or metal.dtype != torch.bool:
        raise BadInput(
            f"{path} is not a valid case: hu must be float32 and metal bool, with the same shape [slice, y, x]. Write "
            "the file again."
        )
    return case


def save_neighbours(neighbours: Neighbours, path: Path) -> None:
    """Write the neighbouring slices of a case to a file, as arrays clean_hu and metal."""
    arrays = {
        "clean_hu": _numpy(neighbours.clean_hu, np.float32),
        "metal": _numpy(neighbours.metal, np.bool_),
    }
    write_npz(path, arrays)


def load_neighbours(path: Path) -> Neighbours:
    """Read a file that `save_neighbours` wrote.

    Raises:
        BadInput: the file cannot be read or does not contain neighbouring slices.
    """
    with _arrays_of(path, "does not contain the neighbouring slices of a case") as file:
        return Neighbours(torch.from_numpy(file["clean_hu"]), torch.from_numpy(file["metal"]))


def beam_as_json(beam: Beam) -> dict[str, Any]:
    """Convert a beam to JSON: its kind and its fields."""
    return {"kind": type(beam).__name__, **dataclasses.asdict(beam)}


def beam_from_json(values: dict[str, Any]) -> Beam:
    """Convert JSON from `beam_as_json` to a beam.

    Raises:
        KeyError, TypeError, ValueError: the values do not describe a beam.

    Examples:
        >>> beam = ParallelBeam(views=4, bins=5, bin_mm=1.0)
        >>> beam_from_json(beam_as_json(beam)) == beam
        True
    """
    fields = dict(values)
    return _BEAMS[fields.pop("kind")](**fields)


def write_npz(path: Path, arrays: dict[str, Any]) -> None:
    """Write arrays to an .npz file; an incomplete file never appears under this name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        with unfinished.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def _arrays_of(path: Path, what_is_wrong: str) -> Iterator[Any]:
    """Open the arrays of a file by name; convert any error while reading to a message that contains `what_is_wrong`."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            yield file
    except (*DAMAGED_ARRAYS, KeyError, TypeError) as error:
        raise BadInput(f"{path} {what_is_wrong}, or it is damaged. Write it again.") from error


def _numpy(tensor: Tensor, dtype: type) -> NDArray[Any]:
    return tensor.detach().cpu().numpy().astype(dtype, copy=False)
