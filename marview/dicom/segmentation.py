"""Write the metal mask as DICOM SEG with highdicom, and read DICOM SEG from any vendor."""

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from marview import __version__
from marview.dicom.codec import NATIVE
from marview.dicom.derive import source_dataset
from marview.dicom.encode import MAKER, later_number, short_text
from marview.dicom.header import DEFLATED, inflate, opening, read_header
from marview.dicom.nifti import LARGEST_VOXELS
from marview.dicom.quiet import note_caught, quiet
from marview.dicom.read import LoadedSeries
from marview.dicom.referring import bare, refuse_unreferable
from marview.dicom.source import Source
from marview.dicom.values import finite_numbers
from marview.dicom.verbatim import identity_of, write_with_identity
from marview.errors import BadInput
from marview.geometry import Grid

_SEG_CLASSES = {"1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"}
_SAME_PLANE_MM = 0.01
_MOST_EXPANSION = 1032


@dataclass(frozen=True, eq=False)
class Segments:
    """The contents of a SEG object.

    Attributes:
        mask: union of all segments, bool `[z, y, x]`.
        grid: grid of the mask.
        labels: labels of the segments.
    """

    mask: NDArray[np.bool_]
    grid: Grid
    labels: tuple[str, ...]


def refuse_unsegmentable(series: LoadedSeries) -> None:
    """Check that a SEG object can refer to a series.

    Raises:
        BadInput: the series is not DICOM, or has no UIDs or frame of reference.
    """
    refuse_unreferable(series, "a DICOM SEG", "Write the mask as NIfTI (NAME.nii.gz) or NRRD (NAME.nrrd).")


def write_segmentation(
    path: Path | str, mask: NDArray[np.bool_], series: LoadedSeries, *, origin: str = "", is_automatic: bool = False
) -> Path:
    """Write the mask as a binary, single-segment DICOM SEG that refers to the slices of its series.

    Args:
        path: output file, NAME.dcm.
        mask: bool `[z, y, x]` on the grid of the series.
        series: DICOM source.
        origin: description of how the metal was found.
        is_automatic: whether the mask was created without manual editing.

    Raises:
        BadInput: the series is not DICOM or has no UIDs, or the mask is empty.
        CannotWrite: the disk is full or read-only.
    """
    path = Path(path)
    refuse_unsegmentable(series)
    if not mask.any():
        raise BadInput("The mask is empty, so there is no metal to write.")
    import highdicom
    from pydicom.sr.codedict import codes

    with quiet():
        present = [(z, header) for z, header in enumerate(series.sources) if header is not None]
        first = present[0][1]
        sources = [source_dataset(header) for _, header in present]
        identity = identity_of(sources[0])
        kinds = highdicom.seg.SegmentAlgorithmTypeValues
        algorithm = highdicom.AlgorithmIdentificationSequence(
            name=short_text(origin or "marview", 64),
            family=codes.cid7162.HistogramAnalysis,
            version=__version__,
            source=MAKER,
        )
        metal = highdicom.seg.SegmentDescription(
            segment_number=1,
            segment_label="Metal",
            segmented_property_category=codes.SCT.PhysicalObject,
            segmented_property_type=highdicom.sr.CodedConcept("40388003", "SCT", "Implant"),
            algorithm_type=kinds.AUTOMATIC if is_automatic else kinds.SEMIAUTOMATIC,
            algorithm_identification=algorithm,
            tracking_uid=generate_uid(prefix=None),
            tracking_id="Metal",
        )
        segmentation = highdicom.seg.Segmentation(
            source_images=[bare(source, header) for source, (_, header) in zip(sources, present, strict=True)],
            pixel_array=mask[[z for z, _ in present]].astype(np.uint8),
            segmentation_type=highdicom.seg.SegmentationTypeValues.BINARY,
            segment_descriptions=[metal],
            series_instance_uid=generate_uid(prefix=None),
            series_number=max(later_number(first.series_number, 2000), 1),
            sop_instance_uid=generate_uid(prefix=None),
            instance_number=1,
            manufacturer=MAKER,
            manufacturer_model_name=MAKER,
            software_versions=__version__,
            device_serial_number="0",
            content_description="Metal mask",
            content_label="METAL",
            series_description=short_text(f"Metal mask of {first.series_description or 'series'}", 64),
        )
        write_with_identity(segmentation, path, identity)
    return path


def read_segmentation(path: Path, series: LoadedSeries) -> Segments:
    """Read all segments of a DICOM SEG as one mask; fractional values of at least one half count as metal.

    Raises:
        BadInput: the file is not a SEG object, is damaged, or belongs to a different patient from the series.
    """
    source = Source(path, path.stat().st_size)
    data = source.all()
    with quiet():
        try:
            syntax, begin, _ = opening(data)
            if syntax == DEFLATED:
                inflate(data, begin, path.name)  # refuses a file that would unpack to too much data
            dataset = dcmread(BytesIO(data), force=True)
            if str(dataset.get("SOPClassUID", "")) not in _SEG_CLASSES:
                raise BadInput(f"{path.name} is DICOM but not a segmentation (SEG), so it contains no mask.")
            _refuse_other_patient(source, series)
            return _segments(dataset, path, syntax, series.volume.grid)
        except BadInput:
            raise
        except Exception as why:  # noqa: BLE001 - pydicom raises many types on a damaged file
            note_caught(why, path.name)
            raise BadInput(f"{path.name} is a damaged or incomplete DICOM segmentation.") from None


def _refuse_other_patient(source: Source, series: LoadedSeries) -> None:
    """Refuse another patient's mask; both identifiers are read by the same function, regardless of character set."""
    theirs = read_header(source).patient_id
    if theirs and series.patient_id and theirs != series.patient_id:
        raise BadInput(f"{source.name} and the series belong to different patients. Choose a mask of this series.")


def _segments(dataset: Dataset, path: Path, syntax: str, series_grid: Grid) -> Segments:
    background = _background(dataset)
    frames = _frames(dataset, path, syntax, background)
    functional = list(dataset.PerFrameFunctionalGroupsSequence)
    shared = dataset.SharedFunctionalGroupsSequence[0] if "SharedFunctionalGroupsSequence" in dataset else Dataset()
    if len(functional) != len(frames):
        raise BadInput(f"{path.name} is a damaged DICOM segmentation: it does not state where its frames are.")
    measures, across = _of(functional[0], shared, "PixelMeasures"), _across(functional[0], shared)
    row_mm, column_mm = _pixel_mm(measures)
    for one in functional[1:]:
        pixel_mm = _pixel_mm(_of(one, shared, "PixelMeasures"))
        if not np.allclose(_across(one, shared), across, atol=1e-3) or not np.allclose(pixel_mm, (row_mm, column_mm)):
            raise BadInput(
                f"{path.name} marks slices with different orientations or pixel sizes, so it is not a volume."
            )
    positions = np.array([_numbers(_of(one, shared, "PlanePosition").ImagePositionPatient, 3) for one in functional])
    index, first_mm, step_mm = _lattice(positions, np.cross(*across), measures, series_grid)
    off_mm = np.linalg.norm(first_mm + index[:, None] * step_mm - positions, axis=1).max()
    if off_mm > 0.1 * min(row_mm, column_mm) + 0.1 * float(np.linalg.norm(step_mm)):
        raise BadInput(f"{path.name} marks slices at uneven distances, so it is not a volume.")
    mask = np.zeros((int(index.max()) + 1, *frames.shape[1:]), bool)
    for frame, z in zip(frames, index, strict=True):
        mask[z] |= frame
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1], affine[:3, 2] = step_mm, across[1] * row_mm, across[0] * column_mm
    affine[:3, 3] = first_mm
    grid = Grid((mask.shape[0], mask.shape[1], mask.shape[2]), affine, str(dataset.get("FrameOfReferenceUID", "")))
    segments = [one for one in dataset.get("SegmentSequence", []) if one.get("SegmentNumber") != background]
    labels = tuple(str(one.get("SegmentLabel", "")) for one in segments)
    return Segments(mask, grid, labels)


def _background(dataset: Dataset) -> int:
    """Return the value of pixels outside all segments: the padding value of a label map, otherwise 0 (C.8.20)."""
    value = dataset.get("PixelPaddingValue") if _kind_of(dataset) == "LABELMAP" else None
    return 0 if value is None else int(value)


def _kind_of(dataset: Dataset) -> str:
    return str(dataset.get("SegmentationType") or "").strip().upper()


def _frames(dataset: Dataset, path: Path, syntax: str, background: int) -> NDArray[np.bool_]:
    """Return the frames, `[frame, y, x]`, after checking that the file contains them."""
    number, bits = int(dataset.get("NumberOfFrames", 1) or 1), int(dataset.BitsAllocated)
    pixels = number * int(dataset.Rows) * int(dataset.Columns)
    if number < 1 or pixels < 1 or pixels > LARGEST_VOXELS:
        raise BadInput(
            f"{path.name} declares {number} frames of {dataset.Rows} x {dataset.Columns} voxels; marview reads 1 to "
            f"{LARGEST_VOXELS:,} voxels."
        )
    most = len(dataset.PixelData) * (8 if syntax in NATIVE else 8 * _MOST_EXPANSION)
    if most < pixels * bits:
        raise BadInput(f"{path.name} is truncated: it does not contain all of its {number} frames.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        values: NDArray[Any] = dataset.pixel_array.reshape(number, int(dataset.Rows), int(dataset.Columns))
    values = values.astype(f"u{values.dtype.itemsize}", copy=False)  # SEG has no signed values
    kind = _kind_of(dataset)
    if kind == "FRACTIONAL" or (not kind and "MaximumFractionalValue" in dataset):
        return np.asarray(values >= (_most_fractional(dataset, values, path) + 1) // 2)
    return np.asarray(values != background)


def _most_fractional(dataset: Dataset, values: NDArray[Any], path: Path) -> int:
    """Return the value that stands for the fraction 1.

    Raises:
        BadInput: the file does not state it, or its pixels contradict it.
    """
    most, highest = int(dataset.get("MaximumFractionalValue") or 0), int(values.max(initial=0))
    if most < 1:
        why = "stores fractions without a valid Maximum Fractional Value"
    elif not highest <= most < 1 << int(dataset.BitsAllocated):
        why = (
            f"gives {most} as its Maximum Fractional Value, but its pixels have {dataset.BitsAllocated} bits and "
            f"reach {highest}"
        )
    else:
        return most
    raise BadInput(
        f"{path.name} {why}, so which pixels are metal is unknown. Export the mask as binary SEG, NIfTI or NRRD."
    )


def _across(frame: Dataset, shared: Dataset) -> NDArray[np.float64]:
    """Return the directions along a row and a column of a frame in LPS, `[2, 3]`."""
    values = _numbers(_of(frame, shared, "PlaneOrientation").ImageOrientationPatient, 6)
    return np.array(values).reshape(2, 3)


def _numbers(value: Any, count: int) -> tuple[float, ...]:
    """Return the numbers of an element.

    Raises:
        ValueError: a number is missing or not finite; the caller then refuses the file.
    """
    numbers = finite_numbers(value, count)
    if numbers is None:
        raise ValueError(f"not {count} numbers")
    return numbers


def _pixel_mm(measures: Dataset) -> tuple[float, float]:
    row_mm, column_mm = _numbers(measures.PixelSpacing, 2)
    return row_mm, column_mm


def _lattice(
    positions: NDArray[np.float64], normal: NDArray[np.float64], measures: Dataset, series_grid: Grid
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the slice index of each frame, the first position and the slice step, `[3]` in LPS mm.

    The step need not be parallel to the normal: slices of a tilted gantry are sheared against each other.

    Args:
        positions: position of the first pixel of each frame, `[frame, 3]` in LPS mm.
        normal: normal of the frames.
        measures: pixel measures with the declared spacing.
        series_grid: grid of the series; frames on its slices use its step.
    """
    on_series = series_grid.to_index(positions)
    nearest = np.rint(on_series[:, 0])
    if np.abs(on_series[:, 0] - nearest).max() < 0.1 and np.abs(on_series[:, 1:]).max() < 0.1:
        first = series_grid.to_patient((nearest.min(), 0, 0))
        return (nearest - nearest.min()).astype(np.int64), first, np.asarray(series_grid.affine[:3, 0])
    places = positions @ normal
    apart_mm = _step(places, measures)
    index = np.rint((places - places.min()) / apart_mm).astype(np.int64)
    first = positions[int(places.argmin())]
    if index.max() == 0:
        return index, first, np.asarray(normal * apart_mm)
    centre = index - index.mean()
    step = (centre @ positions) / (centre @ centre)
    return index, np.asarray(positions.mean(axis=0) - index.mean() * step), np.asarray(step)


def _of(frame: Dataset, shared: Dataset, group: str) -> Dataset:
    """Return a functional group of a frame, or the group shared by all frames."""
    found: Iterable[Dataset] = frame.get(f"{group}Sequence") or shared.get(f"{group}Sequence") or ()
    return next(iter(found))


def _step(places: NDArray[np.float64], measures: Dataset) -> float:
    """Return the slice distance: the declared one if the frames agree with it, otherwise their smallest distance."""
    apart = np.diff(np.unique(np.round(places / _SAME_PLANE_MM).astype(np.int64))) * _SAME_PLANE_MM
    smallest = float(apart.min()) if len(apart) else 0.0
    for keyword in ("SpacingBetweenSlices", "SliceThickness"):
        stated = abs(float(measures.get(keyword) or 0))
        if stated and (not smallest or abs(apart / stated - np.rint(apart / stated)).max() < 0.05):
            return stated
    return smallest or 1.0
