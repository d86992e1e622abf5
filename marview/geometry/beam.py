"""Where the rays of a scan are: parallel, fan onto an arc, fan onto a flat detector.

Frame, the same for all three: the image centre is the isocentre, x runs with the columns, y with the rows (so y points
down on screen). At the angle beta the source stands at R(beta)(0, -D), the detector's middle at R(beta)(0, S - D), and
bins run along R(beta)(1, 0), with R(beta)(a, b) = (a cos beta - b sin beta, a sin beta + b cos beta).
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class _Beam:
    """What every beam has: evenly spaced views and bins.

    Attributes:
        views: number of views.
        bins: number of detector elements in a view.
        first_angle_rad: angle beta of view 0.
        arc_rad: what all views together turn through; negative for the other direction of rotation. View k is at
            first_angle_rad + k * arc_rad / views.
        bin_offset: shift of the detector along its bins: bin j sits at (j - (bins - 1) / 2 + bin_offset) pitches.
    """

    views: int
    bins: int
    first_angle_rad: float = 0.0
    arc_rad: float = 2 * math.pi
    bin_offset: float = 0.0

    def __post_init__(self) -> None:
        if self.views < 1 or self.bins < 1:
            raise ValueError(f"a beam needs at least one view and one bin, not {self.views} and {self.bins}")
        if not math.isfinite(self.arc_rad) or not 0 < abs(self.arc_rad) <= 2 * math.pi + 1e-9:
            raise ValueError(f"a beam turns through more than 0 and at most one full turn, not {self.arc_rad} rad")

    @property
    def angles_rad(self) -> NDArray[np.float64]:
        """Angle of every view, `[view]`."""
        return np.asarray(self.first_angle_rad + np.arange(self.views) * (self.arc_rad / self.views), dtype=np.float64)

    @property
    def bin_positions(self) -> NDArray[np.float64]:
        """Place of every bin's middle along the detector in pitches, `[bin]`."""
        return np.asarray(np.arange(self.bins) - (self.bins - 1) / 2 + self.bin_offset, dtype=np.float64)


@dataclass(frozen=True, kw_only=True)
class ParallelBeam(_Beam):
    """Parallel rays along R(beta)(0, 1).

    Attributes:
        bin_mm: distance of neighbouring rays.

    Example:
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
    """Fan beam onto a flat detector.

    Attributes:
        source_to_isocentre_mm: D.
        source_to_detector_mm: S.
        bin_mm: pitch on the detector.
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
    """Fan beam onto an arc centred on the source; bin j looks along the fan angle gamma = bin_rad * its position.

    Attributes:
        source_to_isocentre_mm: D.
        bin_rad: angular pitch.
    """

    source_to_isocentre_mm: float
    bin_rad: float

    def __post_init__(self) -> None:
        super().__post_init__()
        _positive(source_to_isocentre_mm=self.source_to_isocentre_mm, bin_rad=self.bin_rad)
        if float(np.abs(self.bin_positions).max()) * self.bin_rad >= math.pi / 2:
            raise ValueError("a fan opens less than half a turn")


Beam = ParallelBeam | FanBeamFlat | FanBeamArc


def _positive(**lengths: float) -> None:
    for name, value in lengths.items():
        if not (math.isfinite(value) and value > 0):
            raise ValueError(f"{name} must be a positive number, not {value}")
