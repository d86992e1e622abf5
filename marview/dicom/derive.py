"""Write a derived CT series in which each slice is the source slice plus its correction."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.filereader import dcmread, read_dataset
from pydicom.tag import BaseTag
from pydicom.uid import generate_uid

from marview.dicom.atomic import whole_folder, write_flushed
from marview.dicom.cannot_write import CannotWrite
from marview.dicom.derived_attributes import Derivation, describe, refer
from marview.dicom.encode import decimal_text, set_pixels, stamp, to_bytes
from marview.dicom.header import DEFLATED, SliceHeader, inflate, opening, read_header
from marview.dicom.pixels import padding_mask, rescale, stored_values
from marview.dicom.quiet import OutOfMemory, note_caught, quiet
from marview.dicom.read import Cancelled, LoadedSeries
from marview.dicom.rescale import Rescale, common_rescale, remapped
from marview.dicom.source import Source
from marview.dicom.verbatim import identity_of, is_verbatim, keep_text
from marview.errors import BadInput
from marview.volume.correction import Planes


class Underivable(BadInput):
    """A derived series cannot be created from the source; the volume can be written in another format."""


@dataclass(frozen=True)
class DerivedSeries:
    """A derived series on disk.

    Attributes:
        has_own_rescale: whether each slice keeps the rescale slope and intercept of its source slice;
            otherwise all slices share one slope and intercept with a wider range.
    """

    folder: Path
    series_uid: str
    files: tuple[Path, ...]
    has_own_rescale: bool


def write_derived_series(
    loaded: LoadedSeries,
    correction_hu: Planes,
    derivation: Derivation,
    folder: Path | str,
    *,
    description: str = "",
    neighbours: int = 0,
    on_slice: Callable[[int], None] | None = None,
    is_cancelled: Callable[[], bool] | None = None,
) -> DerivedSeries:
    """Write source plus correction as a new CT series, and verify each file by reading it back.

    If no value in the series would be clipped, each slice keeps its source's slope, intercept and bits,
    so slices with a correction of 0 keep their stored values exactly. Otherwise, the whole series uses
    one rescale: signed 16-bit values with slope 1, or with the smallest slope that avoids clipping.
    Padding pixels remain padding. Slices missing from the source are also missing from the result.

    Args:
        loaded: DICOM source.
        correction_hu: correction to add to each slice of the source, float32 HU.
        derivation: information for the Derivation Description.
        folder: output folder, new or empty.
        description: series description, at most 64 characters; by default the method and the source's description.
        neighbours: number of neighbouring slices on each side that the method used.
        on_slice: called with the index z of each written slice.
        is_cancelled: called before each slice.

    Raises:
        BadInput: the source is not DICOM or has no UIDs, the correction is not finite, or a written file
            does not match the data when read back.
        CannotWrite: the disk is full or read-only. No partial files remain.
        UsageError: the folder is not empty.
        Cancelled: `is_cancelled` returned True.
    """
    folder = Path(folder)
    _refuse(loaded, correction_hu)
    headers = {z: header for z, header in enumerate(loaded.sources) if header is not None}
    try:
        wide = common_rescale(loaded, correction_hu, is_cancelled)
    except BadInput:
        for header in headers.values():
            source_dataset(header)  # raises if another file has taken its place
        raise
    size = derived_bytes(loaded)
    series_uid, frame_uid, (date, time) = generate_uid(prefix=None), generate_uid(prefix=None), stamp()
    files = []
    with quiet(), whole_folder(folder, bytes_needed=size) as part:
        for number, z in enumerate(headers, 1):
            if is_cancelled is not None and is_cancelled():
                raise Cancelled
            header = headers[z]
            dataset = source_dataset(header)
            identity = identity_of(dataset)
            stored, own = remapped(header, correction_hu[z], wide)
            describe(dataset, header, derivation, description, series_uid, (date, time))
            if not header.frame_of_reference_uid:
                dataset.FrameOfReferenceUID = frame_uid  # `check` has a finding about it
            near = [headers[k] for k in range(z - neighbours, z + neighbours + 1) if k != z and k in headers]
            refer(dataset, [header, *near], derivation, date + time, is_changed=bool(np.any(correction_hu[z])))
            _remap(dataset, header, own, has_own_rescale=wide is None)
            set_pixels(dataset, stored, bits_stored=own.bits_stored, is_signed=own.is_signed)
            path = part / f"slice_{number:05d}.dcm"
            write_flushed(path, to_bytes(dataset))
            _compare(path, header, stored, own, identity)
            files.append(folder / path.name)
            if on_slice is not None:
                on_slice(z)
    return DerivedSeries(folder, series_uid, tuple(files), wide is None)


def derived_bytes(loaded: LoadedSeries) -> int:
    """Return the estimated size of the derived series in bytes."""
    return sum(header.rows * header.columns * 2 + 16384 for header in loaded.sources if header is not None)


def refuse_underivable(loaded: LoadedSeries) -> None:
    """Check before a run whether the source can be written as a derived series.

    Raises:
        Underivable: the source is not DICOM or has no UIDs.
        BadInput: the source is not a volume.
    """
    if loaded.nifti is None and not loaded.report.is_volume:
        raise BadInput(loaded.report.reason)
    if reason := why_underivable(loaded.nifti, loaded.sources):
        raise Underivable(reason)


def why_underivable(nifti: Path | None, slices: Iterable[SliceHeader | None]) -> str:
    """Return why a DICOM series cannot be derived from a source, or an empty string if it can."""
    if nifti is not None:
        return (
            f"{nifti.name} is a NIfTI file without patient and study information, so marview cannot derive a DICOM "
            "series from it. Write the result as NIfTI."
        )
    for header in slices:
        if header is not None and header.frame:
            return (
                f"{header.source.name} is Enhanced CT, which marview cannot write as single slices. Write the result "
                "as NIfTI."
            )
        if header is not None and not (header.sop_uid and header.series_uid and header.study_uid):
            return (
                f"{header.name} does not have all three UIDs (study, series, SOP instance), so no DICOM "
                "series can refer to it. "
                "Write the result as NIfTI."
            )
    return ""


def _refuse(loaded: LoadedSeries, correction_hu: Planes) -> None:
    refuse_underivable(loaded)
    if correction_hu.shape != loaded.volume.hu.shape:
        raise ValueError(
            f"The correction has shape {correction_hu.shape}, but the volume has shape {loaded.volume.hu.shape}."
        )
    if not all(np.isfinite(correction_hu[z]).all() for z in range(len(loaded.volume.hu))):
        raise BadInput("The correction contains non-finite values, so nothing was written.")


def source_dataset(header: SliceHeader) -> Dataset:
    """Read all elements of a source file except its pixel data, without decoding their values.

    Raises:
        BadInput: the file no longer exists or has changed.
    """
    data = header.source.head(1 << 26)
    try:
        if header.transfer_syntax == DEFLATED:
            inflated = inflate(data, opening(data)[1], header.name)
            stream = BytesIO(inflated[: header.pixel_offset])
            dataset = read_dataset(stream, is_implicit_VR=False, is_little_endian=True, stop_when=_is_at_pixels)
        else:
            dataset = dcmread(BytesIO(data), stop_before_pixels=True, force=True)
    except Exception as why:  # noqa: BLE001 - pydicom raises many types on a damaged file
        note_caught(why, header.name)
        raise BadInput(f"{header.name} cannot be read again. Open the series again.") from None
    if str(dataset.get("SOPInstanceUID", "")) != header.sop_uid:
        raise BadInput(f"{header.name} has changed since it was opened. Open the series again.")
    keep_text(dataset)
    return dataset


def _is_at_pixels(tag: object, _vr: str | None, _length: int) -> bool:
    return int(tag) >= 0x7FE00008  # type: ignore[call-overload,no-any-return]


def _remap(dataset: Dataset, header: SliceHeader, wide: Rescale, *, has_own_rescale: bool) -> None:
    """Set the rescale of a slice, and remove its padding value if the slice contains no padding."""
    if not has_own_rescale:
        dataset.RescaleSlope = decimal_text(wide.slope)
        dataset.RescaleIntercept = decimal_text(wide.intercept)
    if not has_own_rescale or header.padding is None or padding_mask(stored_values(header), header) is None:
        for keyword in ("PixelPaddingValue", "PixelPaddingRangeLimit"):
            if keyword in dataset:
                delattr(dataset, keyword)
    if header.rescale_type != "HU_MOD":
        dataset.RescaleType = "HU"


def _compare(
    path: Path,
    source: SliceHeader,
    stored: NDArray[np.int64],
    wide: Rescale,
    identity: Mapping[BaseTag, RawDataElement],
) -> None:
    """Read a slice back and compare it with the intended values.

    Raises:
        CannotWrite: the values differ, or there is not enough memory to compare them.
    """
    file = Source(path, path.stat().st_size)
    try:
        written, data = read_header(file), file.all()
        read = stored_values(written)
    except OutOfMemory:
        raise CannotWrite(
            f"There is not enough memory to check {path.name} after it was written. No partial files remain; close "
            "other programs and try again."
        ) from None
    is_right = (
        np.array_equal(read, stored)
        and rescale(written) == (wide.slope, wide.intercept)
        and written.position_mm == source.position_mm
        and written.orientation == source.orientation
        and written.spacing_mm == source.spacing_mm
        and is_verbatim(data, opening(data)[1], identity)
    )
    if not is_right:
        raise CannotWrite(f"{path.name} was not written correctly. No partial files remain; try another disk.")
