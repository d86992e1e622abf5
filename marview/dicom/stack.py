"""Order slices by position along the slice normal, and fit a grid to them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marview.dicom.header import SliceHeader
from marview.dicom.report import Finding, Kind, Outcome, Stack
from marview.geometry import Grid
from marview.text import translatable

_SAME_PLACE_MM = 0.02
TILTED_DEGREES = 0.3
_MOST_EQUAL_GAPS = 3
"""Number of equal gaps in a row from which they count as a second spacing instead of missing slices."""
_MOST_WIDE = 0.4
"""Fraction of equally wide gaps from which they count as a second spacing, for example alternating 5 and 10 mm."""
_MOST_TILT_DEGREES = 31


def tolerance_mm(step_mm: float) -> float:
    """Return the tolerated deviation of slices from an even grid, in mm.

    The deviation is tolerated because files often contain positions rounded to 0.1 mm.
    """
    return min(0.06, 0.25 * step_mm) + 0.01 * step_mm


def same_place_mm(distances: NDArray[np.float64]) -> float:
    """Return the distance, in mm, below which two slices count as being at the same position.

    The distance is smaller for closely spaced slices.
    """
    steps = np.diff(np.sort(distances))
    steps = steps[steps > 1e-3]
    return min(_SAME_PLACE_MM, 0.3 * float(np.median(steps))) if steps.size else _SAME_PLACE_MM


def normal_of(header: SliceHeader) -> NDArray[np.float64]:
    """Return the slice normal in LPS, `[3]`, with its largest component pointing to L, P or S.

    The header must have an orientation.
    """
    orientation = np.asarray(header.orientation, dtype=np.float64)
    normal = np.cross(orientation[:3], orientation[3:])
    return np.asarray(normal if normal[np.argmax(np.abs(normal))] > 0 else -normal)


def distances_mm(slices: Sequence[SliceHeader]) -> NDArray[np.float64]:
    """Return the position of each slice along the normal of the first slice, `[slice]`, in mm."""
    return np.asarray([header.position_mm for header in slices], dtype=np.float64) @ normal_of(slices[0])


@dataclass(frozen=True, eq=False)
class _Lattice:
    index: NDArray[np.int64]
    first_mm: NDArray[np.float64]
    step_mm: NDArray[np.float64]
    off_mm: NDArray[np.float64]
    """A fitted even grid and the deviation of each slice from it."""


def arrange(slices: Sequence[SliceHeader]) -> tuple[Stack, list[Finding]]:
    """Order slices with the same orientation and different positions, and fit a grid to them.

    If a gap corresponds to a whole number of slices, the stack contains None for each missing slice. If
    the slices are not evenly spaced, the stack contains them in order, and a finding reports that they
    are not a volume.

    Args:
        slices: headers with position and orientation, in any order.
    """
    distance = distances_mm(slices)
    order = np.argsort(distance, kind="stable")
    slices, distance = [slices[at] for at in order], distance[order]
    if len(slices) == 1:
        grid = _grid(slices[0], 1, np.asarray(slices[0].position_mm), _nominal_step(slices[0]))
        return Stack(tuple(slices), grid), plane_findings(normal_of(slices[0]), None, slices[0].tilt_degrees)
    lattice = _fit(np.asarray([header.position_mm for header in slices], dtype=np.float64), distance)
    uneven = _uneven(slices, distance, lattice)
    if uneven is not None:
        grid = _grid(slices[0], len(slices), np.asarray(slices[0].position_mm), _nominal_step(slices[0]))
        return Stack(tuple(slices), grid), [uneven]
    count = int(lattice.index[-1]) + 1
    by_index: list[SliceHeader | None] = [None] * count
    for at, header in zip(lattice.index, slices, strict=True):
        by_index[at] = header
    grid = _grid(slices[0], count, lattice.first_mm, lattice.step_mm)
    findings = _gap_findings(slices, distance, lattice)
    findings += plane_findings(normal_of(slices[0]), lattice.step_mm, slices[0].tilt_degrees)
    return Stack(tuple(by_index), grid), findings


def loose(slices: Sequence[SliceHeader]) -> Stack:
    """Return a stack of slices that are not a volume, ordered by instance number.

    Only the pixel size of its grid is meaningful.
    """
    first = slices[0]
    shape = (len(slices), first.rows, first.columns)
    if first.orientation is not None and first.position_mm is not None:
        return Stack(tuple(slices), _grid(first, len(slices), np.asarray(first.position_mm), _nominal_step(first)))
    row_mm, column_mm = first.spacing_mm or (1.0, 1.0)
    return Stack(tuple(slices), Grid.from_spacing(shape, (1.0, row_mm, column_mm)))


def _nominal_step(header: SliceHeader) -> NDArray[np.float64]:
    """Return the slice distance of a single slice: its thickness, or 1 mm."""
    thickness = header.thickness_mm
    return normal_of(header) * (thickness if thickness is not None and 0 < thickness < 100 else 1.0)


def _fit(position: NDArray[np.float64], distance: NDArray[np.float64]) -> _Lattice:
    gaps = np.diff(distance)
    step = float(np.median(gaps[gaps < 1.5 * gaps.min()]))
    index = np.concatenate([[0], np.cumsum(np.maximum(np.rint(gaps / step), 1))]).astype(np.int64)
    centre = index - index.mean()
    step_mm = (centre @ position) / (centre @ centre)
    first_mm = position.mean(axis=0) - index.mean() * step_mm
    off_mm = np.linalg.norm(position - (first_mm + index[:, None] * step_mm), axis=1)
    return _Lattice(index, first_mm, step_mm, off_mm)


def _uneven(slices: Sequence[SliceHeader], distance: NDArray[np.float64], lattice: _Lattice) -> Finding | None:
    step = float(np.linalg.norm(lattice.step_mm))
    missing = int(lattice.index[-1]) + 1 - len(slices)
    gaps = np.diff(distance)
    is_even = lattice.off_mm.max() <= tolerance_mm(step) and missing <= max(2, len(slices) // 2)
    if is_even and _has_two_spacings(slices, lattice):
        at = int(np.argmax(np.diff(lattice.index)))
        return Finding(
            Kind.UNEVEN_SPACING,
            f"The slices have two spacings: {step:.2f} mm, and {gaps[at]:.2f} mm from {slices[at].name} to "
            f"{slices[at + 1].name}. You can view them one by one, but not measure or correct them.",
            Outcome.VIEWS,
        )
    if is_even:
        return None
    usual = float(np.median(gaps))
    worst = int(np.argmax(np.abs(gaps - usual)))
    if abs(gaps[worst] - usual) <= tolerance_mm(usual):
        worst = max(int(np.argmax(lattice.off_mm)) - 1, 0)
        return Finding(
            Kind.NOT_A_VOLUME,
            f"{slices[worst].name} and {slices[worst + 1].name} are shifted sideways relative to each other, so the "
            "slices are not evenly stacked. You can view them one by one, but not measure or correct them.",
            Outcome.VIEWS,
        )
    return Finding(
        Kind.UNEVEN_SPACING,
        f"Slices are unevenly spaced: {gaps[worst]:.2f} mm between {slices[worst].name} and {slices[worst + 1].name} "
        f"instead of the usual {usual:.2f} mm. You can view them one by one, but not measure or correct them.",
        Outcome.VIEWS,
    )


def _has_two_spacings(slices: Sequence[SliceHeader], lattice: _Lattice) -> bool:
    """Return whether wider gaps are a second spacing instead of missing slices.

    Evidence is the thickness of the slices next to a gap, or several equal gaps that are consecutive or alternate.
    """
    steps = np.diff(lattice.index)
    wide = np.flatnonzero(steps > 1)
    thickness = np.array([header.thickness_mm or 0.0 for header in slices])
    beside_narrow = [thickness[at] for at in np.flatnonzero(steps == 1)]
    usual = float(np.median(beside_narrow)) if beside_narrow else 0.0
    for at in wide:
        thicker = max(thickness[at], thickness[at + 1])
        if usual > 0 and thicker > 1.25 * usual:
            return True
    is_pattern = len(wide) >= max(_MOST_EQUAL_GAPS, _MOST_WIDE * len(steps)) and np.ptp(steps[wide]) == 0
    runs = np.split(steps, np.flatnonzero(np.diff(steps)) + 1)
    return is_pattern or any(run[0] > 1 and len(run) >= _MOST_EQUAL_GAPS for run in runs)


def _gap_findings(slices: Sequence[SliceHeader], distance: NDArray[np.float64], lattice: _Lattice) -> list[Finding]:
    step = float(np.median(np.diff(distance) / np.diff(lattice.index)))
    findings = []
    for at in np.flatnonzero(np.diff(lattice.index) > 1).tolist():
        first, last = int(lattice.index[at]), int(lattice.index[at + 1])
        number = last - first - 1
        what = translatable("A slice is missing") if number == 1 else translatable(f"{number} slices are missing")
        findings.append(
            Finding(
                Kind.MISSING_SLICE,
                f"{what} between {slices[at].name} and {slices[at + 1].name}: {step:.2f} mm expected, "
                f"{distance[at + 1] - distance[at]:.2f} mm found.",
                slices=tuple(range(first + 1, last)),
            )
        )
    return findings


def plane_findings(
    normal: NDArray[np.float64], step_mm: NDArray[np.float64] | None, tilt_degrees: float | None = None
) -> list[Finding]:
    """Return findings on tilted slices (a sheared stack) and reformatted slices (rays outside the slice plane).

    Args:
        normal: unit normal of the slices in LPS, `[3]`.
        step_mm: vector from one slice to the next in LPS, `[3]`, in mm; None for a single slice.
        tilt_degrees: gantry tilt declared in the file; None if not declared.
    """
    from_axis = float(np.degrees(np.arccos(min(abs(normal[2]), 1.0))))
    shear = 0.0
    if step_mm is not None:
        cosine = abs(float(normal @ step_mm)) / float(np.linalg.norm(step_mm))
        shear = float(np.degrees(np.arccos(min(cosine, 1.0))))
    tilt = abs(tilt_degrees or 0.0)
    if shear > TILTED_DEGREES or (from_axis > TILTED_DEGREES and abs(tilt - from_axis) < 1):
        return [
            Finding(
                Kind.GANTRY_TILT,
                f"The gantry was tilted by {max(shear, from_axis if step_mm is None else shear):.1f} degrees. The "
                "slices keep their tilted planes, and methods correct them in these planes.",
            )
        ]
    if from_axis > 1:
        unless = (
            translatable("unless the gantry was tilted, ")
            if step_mm is None and from_axis <= _MOST_TILT_DEGREES
            else ""
        )
        return [
            Finding(
                Kind.REFORMAT,
                f"The slices are tilted {from_axis:.0f} degrees from the axial plane: {unless}the rays did not run in "
                "the slice plane, so the fan-beam assumption of all methods fails and corrections are less reliable.",
            )
        ]
    return []


def _grid(header: SliceHeader, count: int, first_mm: NDArray[np.float64], step_mm: NDArray[np.float64]) -> Grid:
    orientation = np.asarray(header.orientation, dtype=np.float64)
    row_mm, column_mm = header.spacing_mm or (1.0, 1.0)
    affine = np.eye(4)
    affine[:3, 0] = step_mm
    affine[:3, 1] = orientation[3:] * row_mm
    affine[:3, 2] = orientation[:3] * column_mm
    affine[:3, 3] = first_mm
    return Grid((count, header.rows, header.columns), affine, header.frame_of_reference_uid)
