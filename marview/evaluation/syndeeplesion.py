"""Read and write the file layout of the public SynDeepLesion test set.

Each slice has a folder, which contains `gt.h5` (image, poly_CT, poly_sinogram) and, for each metal shape k, `k.h5`
(ma_CT, LI_CT, ma_sinogram, LI_sinogram, metal_trace). The shapes are in `testmask.npy`, `[x, y, shape]`, in the folder
of the slice or in a folder above it. Images are `[x, y]` in 1/cm, because axis 0 is the x axis of ODL, the library that
created the files; sinograms are `[view, bin]`, unitless line integrals.
"""

import math
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as PilImage

from marview.errors import DAMAGED_ARRAYS, BadInput
from marview.evaluation.case import KnownCase, ListedCase, check_case
from marview.methods.api import MarCase
from marview.physics import Protocol, protocol_names
from marview.physics import protocol as named_protocol
from marview.physics.attenuation import hu_to_mu, mu_to_hu
from marview.projection import Projector
from marview.slices.reason import in_words

_MASKS = "testmask.npy"
_ALIKE = 1.5
"""Largest ratio between the line integrals of a file and those of its image. Beam hardening and noise change them by a
few percent, a protocol with another pixel size by a factor of 2.67."""


def is_syndeeplesion(folder: Path) -> bool:
    """Return whether a folder has the SynDeepLesion layout."""
    return bool(_slice_folders(folder))


def _slice_folders(folder: Path) -> list[Path]:
    """List slice folders, including those with a missing file; reading one of those reports the missing file."""
    return sorted({path.parent for path in folder.rglob("*.h5") if path.stem == "gt" or path.stem.isdecimal()})


def list_syndeeplesion(folder: Path, protocol: Protocol) -> list[ListedCase]:
    """List the slices in a folder, sorted by name, each as a case with all its metal shapes.

    Args:
        folder: folder with `**/gt.h5` and `**/k.h5`.
        protocol: protocol of the files; `syndeeplesion-640` for the public files.
    """
    listed = []
    for slice_folder in _slice_folders(folder):
        name = slice_folder.relative_to(folder).as_posix().replace("/", "_")
        name = folder.name if name == "." else name
        files = [*sorted(slice_folder.glob("*.h5")), *_mask_files(slice_folder, folder)[:1]]
        listed.append(ListedCase(name, partial(read_slice, slice_folder, folder, name, protocol), tuple(files)))
    return listed


def read_slice(slice_folder: Path, top: Path, name: str, protocol: Protocol) -> KnownCase:
    """Read a slice folder as one case, with one slice per metal shape.

    The slice numbers are the shape numbers in the folder.

    Args:
        slice_folder: folder with `gt.h5` and `k.h5`.
        top: folder that contains all slices; the masks are searched from the slice's folder up to its parent.
        name: name of the case.
        protocol: protocol of the files.

    Raises:
        BadInput: a file or data set is missing or has the wrong shape, or the case cannot be used.
    """
    numbers = sorted(int(path.stem) for path in slice_folder.glob("*.h5") if path.stem.isdecimal())
    if not numbers:
        raise BadInput(f"Case {name}: there is no file 0.h5 with a metal shape in {slice_folder}.")
    masks = _read_masks(slice_folder, top, protocol.shape)
    if numbers[-1] >= len(masks):
        raise BadInput(f"Case {name}: there is a file {numbers[-1]}.h5 but only {len(masks)} shapes in {_MASKS}.")
    rays = (protocol.beam.views, protocol.beam.bins)
    with_metal = [
        _read_h5(slice_folder / f"{k}.h5", ma_CT=protocol.shape[::-1], ma_sinogram=rays, metal_trace=rays)
        for k in numbers
    ]
    without = _read_without_metal(slice_folder / "gt.h5", protocol)
    count = len(numbers)
    case = MarCase(
        hu=mu_to_hu(_tensor([each["ma_CT"].T for each in with_metal])).clamp(min=-1000),
        metal=torch.from_numpy(masks[numbers]),
        pixel_mm=protocol.pixel_mm,
        beam=protocol.beam,
        slice_indices=numbers,
        measured_sinogram=_tensor([each["ma_sinogram"] for each in with_metal]),
        measured_trace=torch.from_numpy(np.stack([each["metal_trace"] > 0 for each in with_metal])),
    )
    truth = np.maximum(mu_to_hu(without["image"].T.astype(np.float32)), -1000)
    known = KnownCase(
        name,
        case,
        truth_hu=np.repeat(truth[None], count, axis=0),
        metal_free_sinogram=without["poly_sinogram"][None].astype(np.float32),
    )
    return check_case(known)


def protocol_of_syndeeplesion(folder: Path) -> Protocol | None:
    """Return the named protocol that the first readable slice matches; None if there is no match."""
    for slice_folder in _slice_folders(folder):
        for protocol in map(named_protocol, protocol_names()):
            with suppress(BadInput):
                ratio = _ratio(_read_layout(slice_folder / "gt.h5", protocol), protocol)
                if 1 / _ALIKE <= ratio <= _ALIKE:  # False for NaN, which identifies no protocol
                    return protocol
    return None


def write_syndeeplesion(known: KnownCase, folder: Path) -> list[Path]:
    """Write a case in the SynDeepLesion layout for other programs; the inverse of `read_slice`.

    Slices with the same ground truth become shapes 0, 1, ... of one folder `NAME`; a new ground truth
    starts a new folder. The masks are written to a file that the slice folders share, or into a slice's
    own folder if they differ from the shared masks. The masks are on the image grid, so the PIL
    resizing step in programs that read this layout has no effect.

    Args:
        known: case with a measured and a metal-free sinogram.
        folder: folder to write to; created if it is missing.

    Returns:
        The slice folders that were written.

    Raises:
        BadInput: the case does not contain both sinograms.
    """
    if known.case.measured_sinogram is None or known.metal_free_sinogram is None:
        raise BadInput(
            f"The SynDeepLesion layout needs a measured and a metal-free sinogram, but case {known.name} does not "
            "contain both."
        )
    parts = _parts(known.truth_hu)
    written = []
    for number, part in enumerate(parts):
        slice_folder = folder / (known.name if len(parts) == 1 else f"{known.name}_{number:03d}")
        slice_folder.mkdir(parents=True, exist_ok=True)
        _write_masks(known.metal[part], folder, slice_folder)
        _write_part(known, part, slice_folder)
        written.append(slice_folder)
    return written


def _parts(truth_hu: NDArray[np.float32]) -> list[slice]:
    starts = [0] + [k for k in range(1, len(truth_hu)) if not np.array_equal(truth_hu[k], truth_hu[k - 1])]
    return [slice(start, end) for start, end in zip(starts, [*starts[1:], len(truth_hu)], strict=True)]


def _write_part(known: KnownCase, part: slice, slice_folder: Path) -> None:
    free = known.slice(part.start).metal_free_sinogram
    assert free is not None
    _write_h5(
        slice_folder / "gt.h5",
        image=hu_to_mu(known.truth_hu[part.start]).T,
        poly_CT=known.case.projector.fbp(free[0]).numpy().T,
        poly_sinogram=free[0],
    )
    for number, k in enumerate(range(part.start, part.stop)):
        one = known.slice(k).case
        _write_h5(
            slice_folder / f"{number}.h5",
            ma_CT=one.mu[0].numpy().T,
            LI_CT=one.li_mu[0].numpy().T,
            ma_sinogram=one.sinogram[0].numpy(),
            LI_sinogram=one.li_sinogram[0].numpy(),
            metal_trace=one.trace[0].numpy().astype(np.uint8),
        )


def _mask_files(slice_folder: Path, top: Path) -> list[Path]:
    """List possible mask files, in order of priority: in the slice's folder, in its parent, and next to all slices."""
    folders = [slice_folder, *(folder for folder in slice_folder.parents if folder.is_relative_to(top)), top.parent]
    return [folder / _MASKS for folder in folders if (folder / _MASKS).is_file()]


def _read_masks(slice_folder: Path, top: Path, shape: tuple[int, int]) -> NDArray[np.bool_]:
    path = next(iter(_mask_files(slice_folder, top)), None)
    if path is None:
        raise BadInput(
            f"There is no {_MASKS} in {slice_folder} or the folders above it, so the metal shapes are unknown."
        )
    try:
        stored = np.load(path, allow_pickle=False)
    except DAMAGED_ARRAYS as reason:
        why = in_words(reason, "it is not an array file")
        raise BadInput(f"{path} cannot be read as an array of masks: {why}.") from reason
    if stored.ndim != 3 or stored.dtype.kind not in "bui":
        raise BadInput(f"{path} contains {stored.dtype} of shape {stored.shape}, not masks [x, y, shape].")
    size = (shape[0], shape[1])  # PIL's (width, height) of an array [x, y]
    planes = (PilImage.fromarray(plane.astype(np.uint8)) for plane in np.moveaxis(stored, 2, 0))
    return np.stack([np.asarray(plane.resize(size, PilImage.Resampling.BILINEAR)).T > 0 for plane in planes])


def _write_masks(metal: NDArray[np.bool_], folder: Path, slice_folder: Path) -> None:
    stored = np.ascontiguousarray(np.moveaxis(metal, 0, 2).swapaxes(0, 1)).astype(np.uint8)
    beside = folder / _MASKS
    if not beside.exists():
        np.save(beside, stored)
    elif not np.array_equal(np.load(beside, allow_pickle=False), stored):
        np.save(slice_folder / _MASKS, stored)


def _read_h5(path: Path, **shapes: tuple[int, int]) -> dict[str, NDArray[Any]]:
    try:
        with h5py.File(path) as file:
            for name, shape in shapes.items():  # a damaged header may list more than fits into memory
                if file[name].shape != shape:
                    raise BadInput(f"{path}: {name} is {file[name].shape}, but the protocol requires {shape}.")
            return {name: np.asarray(file[name]) for name in shapes}
    except BadInput:
        raise
    except FileNotFoundError as reason:
        raise BadInput(f"{path} is missing.") from reason
    except KeyError as reason:
        raise BadInput(f"{path} does not contain all of the data sets {', '.join(shapes)}.") from reason
    except Exception as reason:
        raise BadInput(
            f"{path} cannot be read as HDF5: {in_words(reason, 'it is damaged or not an HDF5 file')}."
        ) from reason


def _read_without_metal(path: Path, protocol: Protocol) -> dict[str, NDArray[Any]]:
    """Read image and sinogram of a slice; refuse a sinogram of another protocol, because these files name no scan."""
    without = _read_layout(path, protocol)
    ratio = _ratio(without, protocol)
    if ratio > _ALIKE or ratio < 1 / _ALIKE:  # False for NaN, which is reported later
        raise BadInput(
            f"{path}: the sinogram is {ratio:.2g} times the projection of the image with {protocol.name}, so it was "
            "simulated with another protocol. Select that protocol with --protocol."
        )
    return without


def _read_layout(path: Path, protocol: Protocol) -> dict[str, NDArray[Any]]:
    return _read_h5(path, image=protocol.shape[::-1], poly_sinogram=(protocol.beam.views, protocol.beam.bins))


def _ratio(without: dict[str, NDArray[Any]], protocol: Protocol) -> float:
    """Divide the sum of the sinogram by the sum of the image's projection; NaN if the image is empty."""
    projector = Projector(protocol.beam, shape=protocol.shape, pixel_mm=protocol.pixel_mm)
    expected = float(projector.forward(_tensor([without["image"].T.clip(min=0)])).sum())
    return float(without["poly_sinogram"].sum()) / expected if expected > 0 else math.nan


def _write_h5(path: Path, **arrays: NDArray[Any]) -> None:
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            kept = array if array.dtype == np.uint8 else array.astype(np.float32)
            file.create_dataset(name, data=kept, compression="gzip", compression_opts=1)


def _tensor(arrays: Sequence[NDArray[Any]]) -> torch.Tensor:
    return torch.from_numpy(np.stack(arrays).astype(np.float32))
