"""Differentiable forward projection and filtered backprojection of slices."""

import numbers
import operator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from marview.errors import UsageError
from marview.geometry import Beam, FanBeamArc, ParallelBeam
from marview.projection import cpu, cuda, tensors
from marview.projection.ramp import FILTERS
from marview.projection.rays import check_source_outside, origins_and_directions
from marview.projection.trace import mark

Array = Tensor | NDArray[Any]


@dataclass(frozen=True)
class Projector:
    """Forward projection, its transpose and filtered backprojection for one beam and image grid.

    Images are `[slice, y, x]` (or `[y, x]`) in 1/cm. Sinograms are `[slice, view, bin]` (or `[view, bin]`)
    and unitless: a disc of 0.2/cm with a diameter of 10 cm has a central line integral of 2.0. Results have
    the same device and type as the input (float32 or float64; other types become float32) and support
    gradients. NumPy arrays are accepted, but results are tensors.

    Attributes:
        beam: geometry of the rays.
        shape: rows and columns of the image; its centre is the isocentre.
        pixel_mm: edge of a square pixel in mm.
        half_storage: whether a GPU stores images and sinograms in 16 bits between steps, which is faster
            but has errors of about 1e-3.

    Raises:
        UsageError: the source would pass through the image, a size is not a positive number, or an
            argument has the wrong type.

    Examples:
        >>> from marview.geometry import ParallelBeam
        >>> projector = Projector(ParallelBeam(views=4, bins=9, bin_mm=10.0), shape=(8, 8), pixel_mm=10.0)
        >>> float(projector.forward(np.ones((8, 8), np.float32))[0, 4])
        8.0
    """

    beam: Beam
    shape: tuple[int, int] = (416, 416)
    pixel_mm: float = field(kw_only=True)
    half_storage: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        beam: object = self.beam
        if not isinstance(beam, Beam):
            raise UsageError(
                "beam must be a ParallelBeam, a FanBeamFlat or a FanBeamArc, such as "
                f"marview.protocol('adn-256').beam, not {type(beam).__name__}."
            )
        object.__setattr__(self, "shape", _rows_and_columns(self.shape))
        pixel_mm: object = self.pixel_mm  # users may pass `Grid.spacing_mm`, which is a tuple
        if not isinstance(pixel_mm, numbers.Real):
            raise UsageError(f"pixel_mm must be a single number, in mm, not {pixel_mm}, because pixels are square.")
        if min(self.shape) < 1 or not self.pixel_mm > 0:
            raise UsageError(f"An image needs pixels of positive size, not {self.shape} pixels of {self.pixel_mm} mm.")
        check_source_outside(self.beam, self.shape, self.pixel_mm)

    def forward(self, mu: Array) -> Tensor:
        """Compute line integrals by Joseph's method.

        Args:
            mu: image in 1/cm, `[slice, y, x]`.

        Returns:
            Line integrals, unitless, `[slice, view, bin]`.
        """
        return self._apply("forward", "adjoint", mu, self.shape)

    def adjoint(self, sinogram: Array) -> Tensor:
        """Apply the exact transpose of `forward` to a sinogram.

        Args:
            sinogram: `[slice, view, bin]`.

        Returns:
            For each pixel, the sum of the sinogram's values with the weights of `forward`, which are lengths in
            cm, `[slice, y, x]`. For a unitless sinogram, the unit is cm.
        """
        return self._apply("adjoint", "forward", sinogram, (self.beam.views, self.beam.bins))

    def fbp(self, sinogram: Array, filter: str = "ram-lak") -> Tensor:  # noqa: A002 - the field's own word
        """Reconstruct an image by filtered backprojection.

        Args:
            sinogram: line integrals, unitless, `[slice, view, bin]`.
            filter: ram-lak, shepp-logan, cosine, hamming or hann.

        Returns:
            The image in 1/cm, `[slice, y, x]`.

        Raises:
            UsageError: the filter is unknown, or the views do not cover every line through the field of view.
        """
        if filter not in FILTERS:
            raise UsageError(f"There is no filter {filter!r}. Choose one of {', '.join(FILTERS)}.")
        return self._apply("fbp", "fbp_adjoint", sinogram, (self.beam.views, self.beam.bins), filter)

    def trace(self, mask: Array) -> Tensor:
        """Compute the metal trace, bool `[slice, view, bin]`, of a mask `[slice, y, x]`: the rays that cross metal.

        Every pixel above 0 counts as metal, so metal fractions are accepted too.
        """
        marked = _tensor(mask) > 0
        if tuple(marked.shape[-2:]) != self.shape or marked.ndim not in {2, 3}:
            raise UsageError(
                f"This projector takes a mask [slice, y, x] of {self.shape[0]} x {self.shape[1]}, not "
                f"{tuple(marked.shape)}."
            )
        if marked.device.type != "cpu":
            with torch.no_grad():
                return self.forward(marked.float()) > 0
        batch = marked if marked.ndim == 3 else marked[None]
        result = torch.from_numpy(mark(self.beam, self.shape, self.pixel_mm, batch.numpy()))
        return result if marked.ndim == 3 else result[0]

    def sinusoid(self, point_xy_mm: ArrayLike) -> NDArray[np.float64]:
        """Return the fractional bin of a point in each view, `[view]`; NaN outside the detector."""
        x, y = np.asarray(point_xy_mm, float)
        beam = self.beam
        cosine, sine = np.cos(beam.angles_rad), np.sin(beam.angles_rad)
        along, depth = x * cosine + y * sine, -x * sine + y * cosine
        if isinstance(beam, ParallelBeam):
            position = along / beam.bin_mm
        else:
            tangent = along / (beam.source_to_isocentre_mm + depth)
            if isinstance(beam, FanBeamArc):
                position = np.arctan(tangent) / beam.bin_rad
            else:
                position = tangent * beam.source_to_detector_mm / beam.bin_mm
        position = position + (beam.bins - 1) / 2 - beam.bin_offset
        return np.where((position >= -0.5) & (position <= beam.bins - 0.5), position, np.nan)

    def ray(self, view: int, bin: float) -> NDArray[np.float64]:  # noqa: A002 - the field's own word
        """Return the points where a ray enters and leaves the image, `[end, (x, y)]`.

        The points are in mm from the centre of the image. They are NaN if the ray misses the image.
        """
        one = origins_and_directions(self.beam)
        whole = int(np.clip(np.floor(bin), 0, max(self.beam.bins - 2, 0)))
        after = min(whole + 1, self.beam.bins - 1)
        origin, direction = ((1 + whole - bin) * a[view, whole] + (bin - whole) * a[view, after] for a in one)
        half = np.array([self.shape[1], self.shape[0]]) * self.pixel_mm / 2
        with np.errstate(divide="ignore", invalid="ignore"):
            ends = np.stack([(-half - origin) / direction, (half - origin) / direction])
        enter, leave = np.nanmax(ends.min(axis=0)), np.nanmin(ends.max(axis=0))
        if enter >= leave:
            return np.full((2, 2), np.nan)
        return np.stack([origin + enter * direction, origin + leave * direction])

    def _apply(self, name: str, transpose: str, array: Array, inner: tuple[int, int], *extra: str) -> Tensor:
        given = _tensor(array)
        if given.shape[-2:] != inner or given.ndim not in {2, 3}:
            what = "an image [slice, y, x]" if inner == self.shape else "a sinogram [slice, view, bin]"
            raise UsageError(f"This projector takes {what} of {inner[0]} x {inner[1]}, not {tuple(given.shape)}.")
        if given.dtype not in {torch.float32, torch.float64}:
            if given.is_complex():
                raise UsageError("A projector takes real numbers, not complex ones.")
            given = given.float()
        batch = given if given.ndim == 3 else given[None]
        operators = _operators(self, given)
        result: Tensor = apply(batch, operators, name, transpose, extra)
        return result if given.ndim == 3 else result[0]


def _rows_and_columns(shape: Any) -> tuple[int, int]:
    """Return the shape of an image as a tuple, which may be given as a list."""
    try:
        rows, columns = map(operator.index, shape)
    except (TypeError, ValueError):
        raise UsageError(f"shape must be the numbers of rows and columns, such as (256, 256), not {shape!r}.") from None
    return rows, columns


def _operators(projector: Projector, like: Tensor) -> cpu.Operators | cuda.Operators | tensors.Operators:
    where = (projector.beam, projector.shape, projector.pixel_mm)
    if like.device.type == "cpu":
        return cpu.Operators(*where)
    if like.device.type == "cuda" and like.dtype == torch.float32 and cuda.is_available():
        launch = cuda.cupy_launch(like.device, half_storage=projector.half_storage)
        return cuda.Operators(*where, launch, projector.half_storage)
    return tensors.Operators(*where)


class _Linear(torch.autograd.Function):
    """Linear operator for autograd, whose gradient is computed by its transpose."""

    @staticmethod
    def forward(context: Any, array: Tensor, operators: Any, name: str, transpose: str, extra: Any) -> Tensor:
        context.plan = (operators, transpose, name, extra)
        result: Tensor = getattr(operators, name)(array.detach(), *extra)
        return result

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Any:
        return apply(gradient, *context.plan), None, None, None, None


apply: Any = _Linear.apply


def _tensor(array: Array) -> Tensor:
    if isinstance(array, Tensor):
        return array
    return torch.from_numpy(np.require(array, requirements=["C", "W"]))  # PyTorch warns about read-only arrays
