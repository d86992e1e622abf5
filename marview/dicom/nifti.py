"""Read a NIfTI file as a series: HU on an LPS grid, with slices ordered from the foot end."""

import gzip
import math
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from marview.dicom.pixels import HIGHEST_HU, LOWEST_HU, PADDING_HU
from marview.dicom.plausible import ONLY_VIEWED, size_findings, values_findings
from marview.dicom.quiet import note_caught, quiet
from marview.dicom.read import Allocate, LoadedSeries, allocate_hu, middle_outward
from marview.dicom.report import Finding, Kind, Outcome, SeriesReport, Stack
from marview.dicom.series import Series
from marview.dicom.source import check_to_the_end, open_regular
from marview.dicom.stack import plane_findings
from marview.errors import BadInput
from marview.geometry.grid import Grid
from marview.geometry.orientation import RAS_TO_LPS, Layout, layout_of
from marview.originals import note_file
from marview.text import count, translatable
from marview.volume import Volume

LARGEST_VOXELS = 2_000_000_000
_MOST_DEFLATION = 1032
_MOST_SKEW = 0.01
"""Largest cosine between rows and columns, as in DICOM; methods project square slices."""
_MOST_VOXELS_APART, _MOST_RATIO = 0.5, 0.01
"""Largest distance between a voxel's positions in qform and sform, and largest relative difference in voxel size."""


_TO_MM = {"unknown": 1.0, "mm": 1.0, "meter": 1000.0, "micron": 0.001}
"""Units of length in a NIfTI header; mm if the header names none."""


def open_nifti(path: Path) -> tuple[nib.Nifti1Image, Layout]:
    """Open a NIfTI image without reading its voxels; return it with its layout in mm.

    Raises:
        BadInput: the file is not a readable NIfTI volume.
    """
    try:
        note_file(path)
        with quiet():
            image = _load(path)
        if not isinstance(image, nib.Nifti1Image):
            raise BadInput(f"{path.name} is not a NIfTI file.")
        shape = tuple(int(n) for n in image.shape)
        while len(shape) > 3 and shape[-1] == 1:
            shape = shape[:-1]
        if len(shape) == 2:
            shape = (*shape, 1)
        if len(shape) != 3:
            raise BadInput(f"{path.name} has {len(shape)} dimensions; a volume has 3.")
        if min(shape) < 1 or np.prod(shape, dtype=np.float64) > LARGEST_VOXELS:
            raise BadInput(
                f"{path.name} declares {' x '.join(map(str, shape))} voxels; marview reads 1 to {LARGEST_VOXELS:,}."
            )
        stored = np.dtype(image.get_data_dtype())  # type: ignore[no-untyped-call]
        if stored.kind not in "iuf":
            raise BadInput(f"{path.name} contains {stored} values, which cannot be HU.")
        _refuse_bomb(path, stored.itemsize * np.prod(shape, dtype=np.float64))
        return image, layout_of((shape[0], shape[1], shape[2]), affine_mm(image, path))
    except BadInput:
        raise
    except ValueError:
        raise _without_affine(path) from None
    except Exception as why:  # noqa: BLE001 - nibabel raises many types on a damaged header
        note_caught(why, path.name)
        reason = (
            getattr(why, "strerror", None)
            or "it is damaged. Copy the file from its source again, or convert the series again"
        )
        raise BadInput(f"{path.name} cannot be read: {reason[0].lower()}{reason[1:]}.") from None


def _load(path: Path) -> Any:
    """Load a file; its content, not its name, decides whether it is compressed."""
    is_packed = _is_gzip(path)
    with gzip.open(path) if is_packed else open_regular(path) as stream:
        kind = nib.Nifti2Image if stream.read(4) in {b"\x1c\x02\0\0", b"\0\0\x02\x1c"} else nib.Nifti1Image
    if is_packed:
        with gzip.open(path) as stream:
            return kind.from_stream(stream)
    if path.name.lower().endswith(".gz"):
        return kind.from_stream(BytesIO(path.read_bytes()))
    return kind.from_filename(os.fspath(path))


def _is_gzip(path: Path) -> bool:
    with open_regular(path) as stream:
        return stream.read(2) == b"\x1f\x8b"


def affine_mm(image: nib.Nifti1Image, path: Path) -> NDArray[np.float64]:
    """Return the affine of a file, `(4, 4)`: index (i, j, k, 1) -> RAS in mm, converted from the file's unit.

    Raises:
        BadInput: NIfTI does not define the file's unit of length, or the affine is not finite.
    """
    try:
        unit = str(image.header.get_xyzt_units()[0])  # type: ignore[no-untyped-call]
    except KeyError:
        raise BadInput(f"{path.name} has a unit of length that NIfTI does not define. Save it in mm.") from None
    if unit not in _TO_MM:
        raise BadInput(f"{path.name} gives lengths in {unit}, which is not a unit of length. Save it in mm.")
    scale, affine = _TO_MM[unit], np.asarray(image.affine, dtype=np.float64)
    if not np.isfinite(affine).all():
        raise _without_affine(path)
    return np.diag([scale, scale, scale, 1.0]) @ affine


def _without_affine(path: Path) -> BadInput:
    return BadInput(f"{path.name} has no usable affine, so the position of its voxels is unknown.")


def _refuse_bomb(path: Path, listed_bytes: float) -> None:
    size = path.stat().st_size
    if listed_bytes > size * (_MOST_DEFLATION if _is_gzip(path) else 1):
        raise BadInput(f"{path.name} is truncated: its {size} bytes are too few for the voxels that its header lists.")


def check_nifti(path: Path) -> SeriesReport:
    """Check a NIfTI file using only its header."""
    try:
        image, layout = open_nifti(path)
    except BadInput as why:
        return SeriesReport((Finding(Kind.DAMAGED, str(why), Outcome.REFUSES),), None)
    step_mm, column, row = layout.grid.affine[:3, :3].T
    normal = np.cross(row, column)
    findings = _slope_findings(image, path) + _place_findings(image, path) + size_findings(layout.grid, path.name)
    skew = float(row @ column) / float(np.linalg.norm(row) * np.linalg.norm(column))
    if abs(skew) > _MOST_SKEW:
        sentence = translatable(f"The rows and columns of {path.name} are not at right angles. {ONLY_VIEWED}")
        findings.append(Finding(Kind.NOT_A_VOLUME, sentence, Outcome.VIEWS))
    findings += plane_findings(normal / np.linalg.norm(normal), step_mm)
    return SeriesReport(tuple(findings), Stack((), layout.grid))


def _slope_findings(image: nib.Nifti1Image, path: Path) -> list[Finding]:
    """Return a finding on a slope that nibabel ignores, or that inverts the values; NaN and 0 mean no slope."""
    with gzip.open(path) if _is_gzip(path) else open_regular(path) as stream:
        # nibabel clears the slope in the header of an image that it opens
        slope = float(type(image.header).from_fileobj(stream, check=False)["scl_slope"])  # type: ignore[no-untyped-call]
    if np.isinf(slope):
        sentence = translatable(
            f"The slope of {path.name} is infinite, so marview ignored slope and intercept. The values may not be HU."
        )
        return [Finding(Kind.BAD_RESCALE, sentence)]
    if slope < 0:
        sentence = translatable(
            f"The slope of {path.name} is negative, so the values may be inverted. Check that air is -1000 HU."
        )
        return [Finding(Kind.NOT_HU, sentence)]
    return []


def _place_findings(image: nib.Nifti1Image, path: Path) -> list[Finding]:
    """Return a finding if a file gives no position, or two positions that differ by half a voxel or more."""
    header: Any = image.header
    by_sform, by_qform = header.get_sform(coded=True)[0], None
    with suppress(Exception):  # nibabel raises many types on an impossible rotation, which the sform overrides
        by_qform = header.get_qform(coded=True)[0]
    if by_sform is None and by_qform is None:
        sentence = translatable(
            f"{path.name} does not state its position in the patient (neither qform nor sform), so left and right "
            "may be swapped."
        )
        return [Finding(Kind.NO_POSITION, sentence)]
    if by_sform is None:
        return []
    sizes_mm = np.linalg.norm(by_sform[:3, :3], axis=0)
    zooms_mm = np.asarray(header.get_zooms()[:3], dtype=np.float64)
    off_mm = 0.0
    if by_qform is not None:
        corners = np.array(np.meshgrid(*((0, size - 1) for size in (*image.shape, 1, 1)[:3]), [1])).reshape(4, -1)
        off_mm = float(np.linalg.norm((by_qform - by_sform)[:3] @ corners, axis=0).max())
    has_one_size = np.allclose(zooms_mm, sizes_mm[: len(zooms_mm)], rtol=_MOST_RATIO)
    if has_one_size and off_mm <= _MOST_VOXELS_APART * sizes_mm.min():
        return []
    sentence = translatable(
        f"The qform and sform of {path.name} disagree on its position or voxel size. marview used the sform. Check "
        "a known length in the image."
    )
    return [Finding(Kind.NO_POSITION, sentence)]


def read_nifti(
    series: Series,
    *,
    allocate: Allocate | None = None,
    on_start: Callable[[LoadedSeries], None] | None = None,
    on_slice: Callable[[int], None] | None = None,
) -> LoadedSeries:
    """Read a NIfTI file, as `read` does for a series; NaN becomes `PADDING_HU`, and values beyond int16 are clipped.

    Raises:
        BadInput: the file cannot be read.
    """
    path = series.nifti
    if path is None:
        raise ValueError("not a NIfTI series")
    image, layout = open_nifti(path)
    hu = allocate_hu(layout.grid.shape, allocate)
    hu.fill(PADDING_HU)
    report = check_nifti(path)
    loaded = LoadedSeries(series, Volume(hu, layout.grid), (None,) * layout.grid.shape[0], report, nifti=path)
    if on_start is not None:
        on_start(loaded)
    values = layout.to_zyx(_voxels(image, path))
    lacking, clipped, are_whole = [], [], True
    for z in middle_outward(len(values)):
        plane = values[z]
        if plane.dtype.kind == "f":
            is_lacking = np.isnan(plane)
            if is_lacking.any():
                lacking.append(z)
            whole = np.where(is_lacking, PADDING_HU, np.rint(plane))
            are_whole = are_whole and bool((is_lacking | (whole == plane)).all())
            plane = whole
        if plane.min() < LOWEST_HU or plane.max() > HIGHEST_HU:
            clipped.append(z)
            plane = np.clip(plane, max(LOWEST_HU, _lowest(plane)), min(HIGHEST_HU, _highest(plane)))
        hu[z] = plane
        if on_slice is not None:
            on_slice(z)
    findings = (
        *report.findings,
        *_value_findings(path, lacking, clipped),
        *values_findings(hu, path.name, is_padded=bool(lacking), are_labels=are_whole),
    )
    return replace(loaded, report=SeriesReport(findings, report.stack))


def _value_findings(path: Path, lacking: list[int], clipped: list[int]) -> list[Finding]:
    findings = []
    if lacking:
        sentence = translatable(
            f"{count(len(lacking), 'slice')} of {path.name} {_hold(lacking)} voxels without a value (NaN), which "
            "marview treats as air."
        )
        findings.append(Finding(Kind.NO_NUMBER, sentence, slices=tuple(sorted(lacking))))
    if clipped:
        sentence = translatable(
            f"{count(len(clipped), 'slice')} of {path.name} {_hold(clipped)} values outside -32768 to 32767 HU, "
            "which are clipped to this range for display, correction and export."
        )
        findings.append(Finding(Kind.CLIPPED, sentence, slices=tuple(sorted(clipped))))
    return findings


def _hold(slices: list[int]) -> str:
    return translatable("contains") if len(slices) == 1 else translatable("contain")


def _lowest(values: NDArray[Any]) -> float:
    return -np.inf if values.dtype.kind == "f" else int(np.iinfo(values.dtype).min)


def _highest(values: NDArray[Any]) -> float:
    return np.inf if values.dtype.kind == "f" else int(np.iinfo(values.dtype).max)


def read_nifti_labels(path: Path) -> tuple[NDArray[Any], Grid]:
    """Read the values of a NIfTI file, in the file's axis order `[i, j, k]`, and their grid.

    Raises:
        BadInput: the file cannot be read.
    """
    image, _ = open_nifti(path)
    values = _voxels(image, path)
    return values, Grid((values.shape[0], values.shape[1], values.shape[2]), RAS_TO_LPS @ affine_mm(image, path))


def _voxels(image: nib.Nifti1Image, path: Path) -> NDArray[Any]:
    stored: Any = image.dataobj
    proxy: Any = nib.arrayproxy.ArrayProxy
    try:
        if _is_gzip(path):
            with gzip.open(path) as stream:
                layout = (stored.shape, stored.dtype, stored.offset, stored.slope, stored.inter)
                values = np.asanyarray(proxy(stream, layout, mmap=False))
                rest = check_to_the_end(stream)
        else:
            values = np.asanyarray(stored)
            with open_regular(path) as stream:
                stream.seek(stored.offset + stored.dtype.itemsize * math.prod(stored.shape))
                rest = check_to_the_end(stream)
    except Exception as why:  # noqa: BLE001 - nibabel, zlib and bz2 raise many types
        note_caught(why, path.name)
        raise BadInput(f"{path.name} is truncated or damaged.") from None
    if rest >= stored.shape[0] * stored.dtype.itemsize:
        raise BadInput(f"{path.name} contains more values than its header declares, so the image layout is unknown.")
    return np.asarray(values.reshape((*values.shape, 1, 1)[:3]))
