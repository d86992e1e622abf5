"""Voxel positions of a volume in patient coordinates."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from marview.errors import UsageError
from marview.geometry.numbering import SliceNumbers


@dataclass(frozen=True, eq=False)
class Grid:
    """A regular grid of voxels.

    Attributes:
        shape: number of voxels along (z, y, x). Index z counts slices along the slice normal from the foot
            end, y counts rows and x counts columns.
        affine: matrix `(4, 4)` from index (z, y, x, 1) to patient LPS coordinates in mm.
        frame_of_reference_uid: UID of the DICOM frame of reference; empty if unknown.
    """

    shape: tuple[int, int, int]
    affine: NDArray[np.float64]
    frame_of_reference_uid: str = ""

    def __post_init__(self) -> None:
        affine = np.array(self.affine, dtype=np.float64)
        if affine.shape != (4, 4) or not np.isfinite(affine).all() or abs(np.linalg.det(affine)) < 1e-12:
            raise ValueError("The affine of a grid must be a finite, invertible 4 x 4 matrix.")
        if len(self.shape) != 3 or min(self.shape) < 1:
            raise ValueError(f"A grid needs at least one voxel along each axis (z, y, x), not {self.shape}.")
        affine.flags.writeable = False
        object.__setattr__(self, "affine", affine)
        object.__setattr__(self, "shape", tuple(int(n) for n in self.shape))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Grid) and self.shape == other.shape and np.array_equal(self.affine, other.affine)

    def __hash__(self) -> int:
        return hash((self.shape, self.affine.tobytes()))

    @classmethod
    def from_spacing(cls, shape: tuple[int, int, int], spacing_mm: tuple[float, float, float]) -> "Grid":
        """Create an axial grid with its first voxel at the origin.

        Args:
            shape: number of voxels along (z, y, x).
            spacing_mm: distance in mm between neighbouring voxels along (z, y, x).

        Raises:
            UsageError: a spacing is not a positive number.
        """
        if len(spacing_mm) != 3 or not all(mm > 0 and np.isfinite(mm) for mm in spacing_mm):
            raise UsageError(f"A spacing must be three positive lengths in mm (z, y, x), not {tuple(spacing_mm)}.")
        affine = np.zeros((4, 4))
        affine[2, 0], affine[1, 1], affine[0, 2] = spacing_mm
        affine[3, 3] = 1
        return cls(shape, affine)

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance in mm between neighbouring voxels along (z, y, x)."""
        lengths = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(lengths[0]), float(lengths[1]), float(lengths[2])

    @property
    def stack_mm(self) -> tuple[float, float, float]:
        """Spacing of slices (along their normal), rows and columns in mm, correct even for a sheared stack.

        The product of the three spacings is the voxel volume. Without shear, they equal `spacing_mm`.
        """
        _, y_mm, x_mm = self.spacing_mm
        return self.voxel_mm3 / (y_mm * x_mm), y_mm, x_mm

    @property
    def drift_mm(self) -> tuple[float, float]:
        """In-plane shift (y, x) from one slice to the next in mm; (0, 0) without shear."""
        along, down, right = self.affine[:3, :3].T
        _, y_mm, x_mm = self.spacing_mm
        drift = float(along @ down) / y_mm, float(along @ right) / x_mm
        return (0.0, 0.0) if np.hypot(*drift) < 1e-6 * np.linalg.norm(along) else drift

    @property
    def voxel_mm3(self) -> float:
        """Voxel volume in mm³, correct even for sheared stacks (tilted gantry)."""
        return float(abs(np.linalg.det(self.affine[:3, :3])))

    @property
    def slice_numbers(self) -> SliceNumbers:
        """Slice numbers, starting at the head end if z runs along the patient."""
        along = self.affine[:3, 0]
        is_head_last = int(np.abs(along).argmax()) == 2 and along[2] > 0
        return SliceNumbers(self.shape[0], bool(is_head_last))

    def to_patient(self, index_zyx: ArrayLike) -> NDArray[np.float64]:
        """Convert voxel indices (z, y, x), `[..., 3]`, to LPS coordinates in mm, `[..., 3]`."""
        index = np.asarray(index_zyx, dtype=np.float64)
        return np.asarray(index @ self.affine[:3, :3].T + self.affine[:3, 3])

    def to_index(self, lps_mm: ArrayLike) -> NDArray[np.float64]:
        """Convert LPS coordinates in mm, `[..., 3]`, to fractional voxel indices (z, y, x), `[..., 3]`."""
        offset = np.asarray(lps_mm, dtype=np.float64) - self.affine[:3, 3]
        return np.asarray(offset @ np.linalg.inv(self.affine[:3, :3]).T)
