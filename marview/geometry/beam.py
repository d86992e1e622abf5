"""Ray geometry of a scan: parallel beam, or fan beam with an arc or a flat detector.

All three share one coordinate frame: the image centre is the isocentre, x increases with the columns and
y with the rows, so y points down on the screen. R(beta) is the rotation by the view angle: R(beta)(a, b) is
(a cos beta - b sin beta, a sin beta + b cos beta). Bins run along R(beta)(1, 0). The source of a fan beam is at
R(beta)(0, -D) and the centre of its detector at R(beta)(0, S - D), where D is the distance from the source to
the isocentre and S the distance from the source to the detector.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class _Beam:
    """Common part of all beams: evenly spaced views and bins."""

    views: int
    bins: int
    first_angle_rad: float = 0.0
    arc_rad: float = 2 * math.pi
    bin_offset: float = 0.0

    def __post_init__(self) -> None:
        if self.views < 1 or self.bins < 1:
            raise ValueError(f"A beam needs at least one view and one bin, not {self.views} and {self.bins}.")
        if not math.isfinite(self.arc_rad) or not 0 < abs(self.arc_rad) <= 2 * math.pi + 1e-9:
            raise ValueError(
                f"The arc of a beam must be more than 0 and at most one full turn, not {self.arc_rad} rad."
            )

    @property
    def angles_rad(self) -> NDArray[np.float64]:
        """Angle of each view, `[view]`."""
        return np.asarray(self.first_angle_rad + np.arange(self.views) * (self.arc_rad / self.views), dtype=np.float64)

    @property
    def bin_positions(self) -> NDArray[np.float64]:
        """Position of each bin's centre along the detector in pitches, `[bin]`."""
        return np.asarray(np.arange(self.bins) - (self.bins - 1) / 2 + self.bin_offset, dtype=np.float64)


@dataclass(frozen=True, kw_only=True)
class ParallelBeam(_Beam):
    """Parallel-beam geometry: the rays at angle beta have the direction (-sin beta, cos beta) in (x, y).

    Attributes:
        views: number of views.
        bins: number of detector bins.
        first_angle_rad: angle beta of view 0, in rad.
        arc_rad: angle that all views cover together, in rad; negative for the opposite direction of rotation.
            View k has the angle first_angle_rad + k * arc_rad / views.
        bin_offset: shift of the detector along its bins, in bins. Bin j is at position
            j - (bins - 1) / 2 + bin_offset on the detector, in bins.
        bin_mm: distance between neighbouring rays, in mm.

    Examples:
        >>> float(ParallelBeam(views=180, bins=367, arc_rad=3.141592653589793, bin_mm=1.0).angles_rad[90])
        1.5707963267948966
    """

    arc_rad: float = math.pi
    bin_mm: float

    def __post_init__(self) -> None:
        super().__post_init__()
        _positive(bin_mm=self.bin_mm)


@dataclass(frozen=True, kw_only=True)
class FanBeamFlat(_Beam):
    """Fan beam with a flat detector.

    Attributes:
        views: number of views.
        bins: number of detector bins.
        first_angle_rad: angle beta of view 0, in rad.
        arc_rad: angle that all views cover together, in rad; negative for the opposite direction of rotation.
            View k has the angle first_angle_rad + k * arc_rad / views.
        bin_offset: shift of the detector along its bins, in bins. Bin j is at position
            j - (bins - 1) / 2 + bin_offset on the detector, in bins.
        source_to_isocentre_mm: distance from the source to the isocentre, in mm.
        source_to_detector_mm: distance from the source to the detector, in mm.
        bin_mm: distance between neighbouring bins on the detector, in mm.
    """

    source_to_isocentre_mm: float
    source_to_detector_mm: float
    bin_mm: float

    def __post_init__(self) -> None:
        super().__post_init__()
        _positive(
            source_to_isocentre_mm=self.source_to_isocentre_mm,
            source_to_detector_mm=self.source_to_detector_mm,
            bin_mm=self.bin_mm,
        )


@dataclass(frozen=True, kw_only=True)
class FanBeamArc(_Beam):
    """Fan beam with an arc detector centred on the source.

    Bin j is at the fan angle gamma = bin_rad * bin_positions[j].

    Attributes:
        views: number of views.
        bins: number of detector bins.
        first_angle_rad: angle beta of view 0, in rad.
        arc_rad: angle that all views cover together, in rad; negative for the opposite direction of rotation.
            View k has the angle first_angle_rad + k * arc_rad / views.
        bin_offset: shift of the detector along its bins, in bins. Bin j is at position
            j - (bins - 1) / 2 + bin_offset on the detector, in bins.
        source_to_isocentre_mm: distance from the source to the isocentre, in mm.
        bin_rad: angle between neighbouring bins, in rad.
    """

    source_to_isocentre_mm: float
    bin_rad: float

    def __post_init__(self) -> None:
        super().__post_init__()
        _positive(source_to_isocentre_mm=self.source_to_isocentre_mm, bin_rad=self.bin_rad)
        if float(np.abs(self.bin_positions).max()) * self.bin_rad >= math.pi / 2:
            raise ValueError("The fan angle must be less than 180 degrees.")


Beam = ParallelBeam | FanBeamFlat | FanBeamArc


def _positive(**lengths: float) -> None:
    for name, value in lengths.items():
        if not (math.isfinite(value) and value > 0):
            raise ValueError(f"{name} must be a positive number, not {value}.")
