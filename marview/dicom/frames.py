"""Find the slices of Enhanced CT, which stores a whole series as frames of one file (PS3.3, A.38)."""

import struct
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from typing import Any

from pydicom import dcmread
from pydicom.dataset import Dataset

from marview.dicom.codec import NATIVE
from marview.dicom.header import DEFLATED, SliceHeader
from marview.dicom.quiet import note_caught
from marview.dicom.values import file_window, finite_numbers, seconds_of, unit_axes
from marview.errors import BadInput

ENHANCED_CT = frozenset({"1.2.840.10008.5.1.4.1.1.2.1", "1.2.840.10008.5.1.4.1.1.2.2"})
"""Enhanced CT Image Storage and Legacy Converted Enhanced CT Image Storage."""

_ITEM, _DELIMITER = 0xE000FFFE, 0xE0DDFFFE


def has_frames(header: SliceHeader) -> bool:
    """Return whether a file is Enhanced CT with frames that can be read separately."""
    return header.sop_class in ENHANCED_CT and header.pixel_offset is not None and header.transfer_syntax != DEFLATED


def frames_of(header: SliceHeader) -> list[SliceHeader]:
    """Return one header per frame, with its own position, rescale and part of the pixel data.

    Args:
        header: header of the whole file.

    Raises:
        BadInput: the file does not specify the positions of its frames, or some frames are missing.
    """
    parts = list(_parts(header))
    try:
        data = header.source.head(header.pixel_offset or 0)
        dataset = dcmread(BytesIO(data), stop_before_pixels=True, force=True)
        shared = next(iter(dataset.get("SharedFunctionalGroupsSequence") or ()), Dataset())
        groups = list(dataset.get("PerFrameFunctionalGroupsSequence") or ())
        if len(groups) != header.frames:
            known = f"{len(groups)} of {header.frames} frames"
            raise BadInput(f"{header.source.name} is damaged: it contains positions for {known}.")
        header = replace(header, concatenation=_concatenation(dataset))
        return [
            _frame(header, number, (group, shared), part)
            for number, (group, part) in enumerate(zip(groups, parts, strict=True), 1)
        ]
    except BadInput:
        raise
    except Exception as why:  # noqa: BLE001 - pydicom raises many types on a damaged file
        note_caught(why, header.source.name)
        raise BadInput(f"{header.source.name} is damaged: the description of its frames cannot be read.") from None


def _concatenation(dataset: Dataset) -> tuple[str, int, int] | None:
    """Return UID, number and total of the files of an object (PS3.3, C.7.6.16.2.2.4); None if it is one file."""
    uid, number = dataset.get("ConcatenationUID"), dataset.get("InConcatenationNumber")
    return (str(uid), int(number), int(dataset.get("InConcatenationTotalNumber") or 0)) if uid and number else None


def _parts(header: SliceHeader) -> Iterator[tuple[int, int]]:
    """Yield start and length in bytes of the pixels of each frame."""
    offset, listed = header.pixel_offset or 0, header.frames
    if header.transfer_syntax in NATIVE:
        size = header.rows * header.columns * header.samples * header.bits_allocated // 8
        if size < 1 or listed * size > header.source.size - offset:
            raise BadInput(
                f"{header.source.name} is truncated: it is too short for the {listed} frames that its header lists."
            )
        yield from ((offset + number * size, size) for number in range(listed))
        return
    data = header.source.all()
    starts, end = _frame_items(data, offset, listed)
    if len(starts) != listed:
        raise BadInput(f"{header.source.name} is truncated: it contains {len(starts)} of its {listed} frames.")
    yield from ((start, after - start) for start, after in zip(starts, [*starts[1:], end], strict=True))


def _frame_items(data: bytes, offset: int, listed: int) -> tuple[list[int], int]:
    """Return the start of each compressed frame's first item, and the end of the last one (PS3.5, A.4)."""
    items: list[int] = []
    table: list[int] = []
    at = offset
    while at + 8 <= len(data):
        tag, length = struct.unpack_from("<II", data, at)
        if tag != _ITEM or at + 8 + length > len(data):
            break
        if at == offset:
            table = [int(value) for (value,) in struct.iter_unpack("<I", data[at + 8 : at + 8 + length // 4 * 4])]
        else:
            items.append(at)
        at += 8 + length
    if len(items) != listed and items and len(table) == listed:
        first = items[0]
        items = [first + value for value in table if first + value in set(items)]
    return items, at


def _frame(header: SliceHeader, number: int, groups: tuple[Dataset, Dataset], part: tuple[int, int]) -> SliceHeader:
    def value(group: str, keyword: str) -> Any:
        for functional in groups:
            item = next(iter(functional.get(f"{group}Sequence") or ()), None)
            found = None if item is None else item.get(keyword)
            if found is not None and found != "":
                return found
        return None

    def numbers(group: str, keyword: str, count: int) -> tuple[float, ...] | None:
        return finite_numbers(value(group, keyword), count)

    def number_of(group: str, keyword: str) -> float | None:
        found = numbers(group, keyword, 1)
        return found[0] if found else None

    position, spacing = numbers("PlanePosition", "ImagePositionPatient", 3), numbers("PixelMeasures", "PixelSpacing", 2)
    width, level = number_of("FrameVOILUT", "WindowWidth"), number_of("FrameVOILUT", "WindowCenter")
    kinds = value("CTImageFrameType", "FrameType")
    phase = {
        "temporal": value("FrameContent", "TemporalPositionIndex"),
        "cardiac_phase": value("CardiacSynchronization", "NominalPercentageOfCardiacPhase"),
        "kernel": value("CTReconstruction", "ConvolutionKernel"),
        "tube_voltage": value("CTXRayDetails", "KVP"),
        "acquisition": value("FrameContent", "FrameAcquisitionNumber"),
    }
    acquired = str(value("FrameContent", "FrameAcquisitionDateTime") or "")
    settings = {
        "tube_current": value("CTExposure", "XRayTubeCurrentInmA"),
        "exposure": value("CTExposure", "ExposureInmAs"),
        "filter": value("CTXRayDetails", "FilterType"),
        "field_of_view": value("CTReconstruction", "ReconstructionDiameter"),
    }
    return replace(
        header,
        frame=number,
        frames=1,
        instance=number,
        pixel_offset=part[0],
        pixel_length=part[1],
        position_mm=None if position is None else (position[0], position[1], position[2]),
        orientation=unit_axes(numbers("PlaneOrientation", "ImageOrientationPatient", 6) or ()),
        spacing_mm=(spacing[0], spacing[1]) if spacing is not None and min(spacing) > 0 else None,
        thickness_mm=number_of("PixelMeasures", "SliceThickness"),
        slope=number_of("PixelValueTransformation", "RescaleSlope"),
        intercept=number_of("PixelValueTransformation", "RescaleIntercept"),
        rescale_type=str(value("PixelValueTransformation", "RescaleType") or "").upper(),
        window=file_window(width, level),
        image_type=tuple(str(kind).upper() for kind in kinds) if kinds else header.image_type,
        tilt_degrees=number_of("CTAcquisitionDetails", "GantryDetectorTilt"),
        phase=tuple((name, str(phase.get(name) or "")) for name, _ in header.phase),
        settings=tuple((name, str(settings.get(name) or shared)) for name, shared in header.settings),
        acquired_s=seconds_of(acquired[:8], acquired[8:]),
    )
