"""Convert measurements to JSON values and back."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from marview.geometry import Grid
from marview.session.measured_plane import MeasuredPlane
from marview.session.measurement import Kind, Measure
from marview.volume.across import Section, Slab


def record_of(measure: Measure) -> dict[str, Any]:
    """Convert a measurement to JSON values."""
    return {
        "number": measure.number,
        "kind": measure.kind.value,
        "slice_index": measure.slice_index,
        "points": [list(point) for point in measure.points],
        "plane": None if measure.plane is None else _of_plane(measure.plane),
    }


def measure_of(record: Mapping[str, Any], grid: Grid) -> Measure:
    """Convert JSON values to a measurement on the grid of its series.

    Raises:
        ValueError, KeyError, TypeError, OverflowError: the record is damaged.
    """
    plane = record["plane"]
    measure = Measure(
        number=int(record["number"]),
        kind=Kind(record["kind"]),
        slice_index=int(record["slice_index"]),
        points=tuple((float(x), float(y)) for x, y in record["points"]),
        plane=None if plane is None else _plane(plane, grid),
    )
    if not np.isfinite(measure.points).all():
        raise ValueError("a point is not a number")
    return measure


def _of_plane(plane: MeasuredPlane) -> dict[str, Any]:
    section = plane.section
    return {
        "centre_lps_mm": section.centre_lps_mm.tolist(),
        "right": section.right.tolist(),
        "down": section.down.tolist(),
        "axis": section.axis,
        "index": section.index,
        "pixel_mm": list(section.pixel_mm),
        "shape": list(section.shape),
        "slab": plane.slab.value,
        "slab_mm": plane.slab_mm,
    }


def _plane(record: Mapping[str, Any], grid: Grid) -> MeasuredPlane:
    down_mm, right_mm = record["pixel_mm"]
    rows, columns = record["shape"]
    section = Section(
        grid=grid,
        centre_lps_mm=np.array(record["centre_lps_mm"], np.float64),
        right=np.array(record["right"], np.float64),
        down=np.array(record["down"], np.float64),
        axis=None if record["axis"] is None else int(record["axis"]),
        index=int(record["index"]),
        pixel_mm=(float(down_mm), float(right_mm)),
        shape=(int(rows), int(columns)),
    )
    numbers = [*section.centre_lps_mm, *section.right, *section.down, *section.pixel_mm, float(record["slab_mm"])]
    if not np.isfinite(numbers).all() or min(section.pixel_mm) <= 0 or min(section.shape) < 1:
        raise ValueError("a plane is not described by numbers")
    return MeasuredPlane(section, Slab(record["slab"]), float(record["slab_mm"]))
