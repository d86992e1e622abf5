"""Read the labels of an NRRD file, as written by 3D Slicer and ITK."""

import bz2
import gzip
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from marview.dicom.nifti import LARGEST_VOXELS
from marview.dicom.quiet import note_caught
from marview.dicom.source import check_to_the_end, open_regular
from marview.errors import BadInput
from marview.geometry import Grid

_TO_LPS = {
    "left-posterior-superior": (1, 1, 1),
    "lps": (1, 1, 1),
    "right-anterior-superior": (-1, -1, 1),
    "ras": (-1, -1, 1),
    "left-anterior-superior": (1, -1, 1),
    "las": (1, -1, 1),
}
_TO_MM = {
    **dict.fromkeys(("", "mm", "millimeter", "millimeters", "millimetre", "millimetres"), 1.0),
    **dict.fromkeys(("um", "µm", "micron", "microns", "micrometer", "micrometers", "micrometre"), 0.001),
    **dict.fromkeys(("nm", "nanometer", "nanometers", "nanometre"), 1e-6),
    **dict.fromkeys(("cm", "centimeter", "centimeters", "centimetre", "centimetres"), 10.0),
    **dict.fromkeys(("m", "meter", "meters", "metre", "metres"), 1000.0),
    **dict.fromkeys(("in", "inch", "inches"), 25.4),
}
_ENCODINGS = frozenset({"raw", "gzip", "gz", "bzip2"})
_TYPES = {
    **dict.fromkeys(("signed char", "int8", "int8_t"), "i1"),
    **dict.fromkeys(("uchar", "unsigned char", "uint8", "uint8_t"), "u1"),
    **dict.fromkeys(("short", "short int", "signed short", "signed short int", "int16", "int16_t"), "i2"),
    **dict.fromkeys(("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"), "u2"),
    **dict.fromkeys(("int", "signed int", "int32", "int32_t"), "i4"),
    **dict.fromkeys(("uint", "unsigned int", "uint32", "uint32_t"), "u4"),
    **dict.fromkeys(("longlong", "long long", "long long int", "signed long long", "int64", "int64_t"), "i8"),
    **dict.fromkeys(("ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t"), "u8"),
    "float": "f4",
    "double": "f8",
}


def read_nrrd_labels(path: Path) -> tuple[NDArray[Any], Grid]:
    """Read the values of an NRRD file, in the file's axis order `[i, j, k]`, and their grid.

    Along a non-spatial axis, such as the axis along which 3D Slicer stores overlapping segments, the largest
    value is used.

    Raises:
        BadInput: the file cannot be read, does not give the positions of its voxels, or stores its values in another
            file.
    """
    import nrrd

    damaged = BadInput(
        f"{path.name} is not a readable NRRD file: it is damaged or of an unknown kind. Copy or export the file again."
    )
    try:
        with open_regular(path) as stream:
            header = nrrd.read_header(stream)
            values = _values(header, stream, path)
        return _in_space(values, header, path)
    except BadInput:
        raise
    except (OSError, EOFError, zlib.error) as why:
        reason = getattr(why, "strerror", None) or "it is truncated or damaged"
        raise BadInput(f"{path.name} cannot be read: {str(reason).lower()}.") from None
    except Exception as why:  # noqa: BLE001 - pynrrd raises many types on a damaged header
        note_caught(why, path.name)
        raise damaged from None


def _values(header: Mapping[str, Any], stream: BinaryIO, path: Path) -> NDArray[Any]:
    """Unpack at most the declared size, after checking that a volume can be that large."""
    if "data file" in header or "datafile" in header:
        raise BadInput(
            f"{path.name} stores its values in another file, which marview does not read. Save it as one file."
        )
    kind, encoding = str(header["type"]).lower(), str(header["encoding"]).lower()
    if kind not in _TYPES or encoding not in _ENCODINGS or any(header.get(f"{unit} skip") for unit in ("line", "byte")):
        raise BadInput(
            f"{path.name} contains {kind} values in the encoding {encoding}, which marview cannot read. Save its "
            "labels as integers, either raw or with gzip compression."
        )
    dtype = np.dtype(_TYPES[kind]).newbyteorder(">" if header.get("endian") == "big" else "<")
    shape = [int(size) for size in header["sizes"]]
    if not shape or min(shape) < 1 or np.prod(shape, dtype=np.float64) > LARGEST_VOXELS:
        raise BadInput(
            f"{path.name} declares {' x '.join(map(str, shape))} voxels; marview reads 1 to {LARGEST_VOXELS:,}."
        )
    listed = dtype.itemsize * int(np.prod(shape, dtype=np.int64))
    unpacked = _unpacked(stream, encoding)
    data = unpacked.read(listed)
    if len(data) < listed:
        raise BadInput(f"{path.name} is truncated: it contains {len(data)} of the {listed} bytes of its voxels.")
    if check_to_the_end(unpacked) >= shape[0] * dtype.itemsize:
        raise BadInput(f"{path.name} contains more values than its header declares, so the image layout is unknown.")
    return np.frombuffer(data, dtype).reshape(shape, order="F")


def _unpacked(stream: BinaryIO, encoding: str) -> BinaryIO | bz2.BZ2File | gzip.GzipFile:
    if encoding == "raw":
        return stream
    return bz2.open(stream) if encoding == "bzip2" else gzip.open(stream)


def _mm_of(header: Mapping[str, Any], path: Path) -> float:
    """Return the file's unit of length in mm.

    Raises:
        BadInput: the unit is not a unit of length, or differs between axes.
    """
    units = {str(unit).strip().strip('"').lower() for unit in header.get("space units", ())}
    scales = {_TO_MM.get(unit) for unit in units} or {1.0}
    scale = scales.pop()
    if scales or scale is None:
        raise BadInput(
            f"{path.name} gives lengths in {', '.join(sorted(units))}, which marview does not read. Save it in mm."
        )
    return scale


def _in_space(values: NDArray[Any], header: Mapping[str, Any], path: Path) -> tuple[NDArray[Any], Grid]:
    nowhere = BadInput(
        f"{path.name} does not state where its voxels are in the patient. Export it again with its position."
    )
    signs = _TO_LPS.get(str(header.get("space", "")).lower())
    directions = header.get("space directions")
    if signs is None or directions is None or "space origin" not in header:
        raise nowhere
    rows = np.array([[np.nan] * 3 if row is None else row for row in directions], dtype=np.float64)
    is_spatial = np.isfinite(rows).all(axis=1)
    origin = np.asarray(header["space origin"], dtype=np.float64)
    if rows.shape != (values.ndim, 3) or is_spatial.sum() != 3 or not np.isfinite(origin).all():
        raise nowhere
    for axis in np.flatnonzero(~is_spatial)[::-1]:
        values = values.max(axis=int(axis))
    affine = np.eye(4)
    affine[:3, :3] = rows[is_spatial].T
    affine[:3, 3] = origin
    affine[:3] *= _mm_of(header, path)
    try:
        return values, Grid((values.shape[0], values.shape[1], values.shape[2]), np.diag([*signs, 1.0]) @ affine)
    except ValueError:
        raise nowhere from None
