"""Joint steps, which adjust tissue and metal until the simulated scan agrees with the measured scan."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import torch
from torch import Tensor

from marview.methods.consistency import is_noise, without_metal
from marview.physics import Material
from marview.physics.scan_model import Crossing, ScanModel
from marview.physics.simulation import edge_rays
from marview.projection import fill_linear

MOST_METAL = 1.2
"""Upper limit of the metal fraction of a pixel; it exceeds 1 because alloys may be denser than the material in the
table."""

_LEAST_SLOPE = 0.1

_RELAXATION = 1.4
"""Factor on changes of the metal fraction, because rays contain less information the more metal they cross."""

_TISSUE = 0.1
"""Standard deviation, in line integrals, of the residual that tissue causes in the trace. Rays with larger errors are
not used."""

_DENSE_MU = 4.0
"""Attenuation in 1/cm between titanium and steel."""

_MISFIT = 0.06
"""RMS residual in the trace after a step above which the assumed material of the metal is wrong."""

_LEAK = 0.03
"""Fraction of a bin's photons that are lost to each neighbouring bin."""

_HARDENING = 0.02
"""Standard error of a ray per unit of line integral that beam hardening removes; spectrum and alloy are only
assumed."""


@dataclass(frozen=True, eq=False)
class Scan:
    """Measured data and scan model.

    Attributes:
        model: model that simulates the scan.
        sinogram: measured line integrals, `[slice, view, bin]`.
        trace: metal trace, bool, `[slice, view, bin]`.
        metal: metal mask, bool, `[slice, y, x]`.
        metals: metal of each slice.
        variance: noise variance of each ray, `[slice, view, bin]`.
    """

    model: ScanModel
    sinogram: Tensor
    trace: Tensor
    metal: Tensor
    metals: Sequence[Material]
    variance: Tensor

    def of_slice(self, number: int) -> "Scan":
        """Return the scan of a single slice."""
        part = slice(number, number + 1)
        return Scan(
            self.model, self.sinogram[part], self.trace[part], self.metal[part], self.metals[part], self.variance[part]
        )

    @classmethod
    def of_slices(cls, slices: Sequence["Scan"]) -> "Scan":
        """Combine the scans of separate slices that share a model."""
        return cls(
            slices[0].model,
            torch.cat([each.sinogram for each in slices]),
            torch.cat([each.trace for each in slices]),
            torch.cat([each.metal for each in slices]),
            [metal for each in slices for metal in each.metals],
            torch.cat([each.variance for each in slices]),
        )

    @property
    def edge(self) -> Tensor:
        """Rays at the edge of the trace, bool; they pass only partly through metal and cannot be modelled well."""
        return edge_rays(self.trace)

    def mu_of_metal(self) -> Tensor:
        """Return the attenuation of pure metal in 1/cm, `[slice, 1, 1]`."""
        return self.sinogram.new_tensor([metal.mu for metal in self.metals])[:, None, None]


@dataclass(frozen=True, eq=False)
class Estimate:
    """Current estimate of tissue and metal.

    Attributes:
        tissue: image without metal, 1/cm, `[slice, y, x]`.
        share: metal fraction of each pixel, `[slice, y, x]`.
    """

    tissue: Tensor
    share: Tensor

    def of_slice(self, number: int) -> "Estimate":
        """Return the estimate for a single slice."""
        return Estimate(self.tissue[number : number + 1], self.share[number : number + 1])


@dataclass(frozen=True, eq=False)
class Remainder:
    """Residual between a measured and a simulated scan, and its components, `[slice, view, bin]`.

    Attributes:
        crossing: line integrals of the materials.
        left: measured minus simulated line integrals, interpolated on unreliable rays of the trace.
        interpolated: residual outside the trace, interpolated across the trace.
        tissue: simulated line integrals of the tissue alone.
        hardened: contribution of the metal to the simulated line integrals.
        path: line integrals of the metal at the reference energy.
        doubt: standard deviation of the error in the simulated line integrals.
        is_told: rays of the trace that the model simulates accurately enough for a comparison, bool.
    """

    crossing: Crossing
    left: Tensor
    interpolated: Tensor
    tissue: Tensor
    hardened: Tensor
    path: Tensor
    doubt: Tensor
    is_told: Tensor


Part = TypeVar("Part", Estimate, Remainder, Crossing)


def joined(slices: Sequence[Part]) -> Part:
    """Combine the data of separate slices."""
    columns = {each.name: [getattr(part, each.name) for part in slices] for each in fields(slices[0])}
    whole: dict[str, Any] = {
        name: joined(values) if isinstance(values[0], Crossing) else torch.cat(values)
        for name, values in columns.items()
    }
    return type(slices[0])(**whole)


def compare(scan: Scan, estimate: Estimate, crossing: Crossing | None = None) -> Remainder:
    """Simulate the scan of an estimate and subtract it from the measured scan.

    Outside the trace, a slice's residual is set to 0 if it is no larger than the noise.

    Args:
        scan: measured data.
        estimate: tissue and metal.
        crossing: line integrals of the materials, if they have already been computed.
    """
    model = scan.model
    crossing = crossing or model.crossing(estimate.tissue, estimate.share)
    tissue = model.read(model.through_tissue(torch.stack([crossing.water, crossing.bone])))
    predicted = model.with_metal(crossing, scan.metals, scan.trace)
    path = crossing.share * scan.mu_of_metal()
    doubt = _doubt(scan, predicted, path - (predicted - tissue))
    left = scan.sinogram - predicted
    is_quiet = is_noise(left, scan.variance, scan.trace)[:, None, None]
    left = left.masked_fill(is_quiet & ~scan.trace, 0)
    is_told = scan.trace & ~scan.edge & (doubt <= _TISSUE)
    return Remainder(
        crossing=crossing,
        left=fill_linear(left, scan.trace & ~is_told),
        interpolated=fill_linear(left, scan.trace),
        tissue=tissue,
        hardened=predicted - tissue,
        path=path,
        doubt=doubt,
        is_told=is_told,
    )


def _doubt(scan: Scan, predicted: Tensor, hardening: Tensor) -> Tensor:
    """Return the standard deviation, `[slice, view, bin]`, of the model's error.

    The error has three causes: the noise of the ray; beam hardening by metal, whose spectrum and alloy are only
    assumed; and photons from neighbouring bins, which matter most at the edges of metal.
    """
    around = torch.nn.functional.pad(predicted, (1, 1), mode="replicate")
    before, after = around[..., :-2], around[..., 2:]
    more = torch.exp((predicted - before).clamp(max=20)) + torch.exp((predicted - after).clamp(max=20)) - 2
    leak = torch.log1p(_LEAK * more.clamp(min=-0.9 / _LEAK))
    scattered = (torch.exp(predicted) * scan.model.scatter_share).clamp(max=1e3)
    seen = 1 + scattered  # with more scatter, dark rays contain less information on the metal
    return seen * (scan.variance + (_HARDENING * hardening).square() + leak.square()).sqrt()


def change_metal(scan: Scan, estimate: Estimate, remainder: Remainder) -> Estimate:
    """Update only the metal, so that it explains the residual in the trace."""
    in_trace = torch.where(scan.trace, remainder.left, 0.0)
    return Estimate(estimate.tissue, _changed_share(scan, estimate, remainder, scan.model.projector.fbp(in_trace)))


def change_both(scan: Scan, estimate: Estimate, remainder: Remainder, of_tissue: Tensor) -> Estimate:
    """Update the tissue outside the mask and the metal inside it with the FBP of the residual.

    Args:
        scan: measured data and scan model.
        estimate: tissue and metal before the step.
        remainder: residual of the estimate.
        of_tissue: part of the residual in the trace that is caused by tissue, `[slice, view, bin]`.
    """
    of_all = torch.where(scan.trace, of_tissue, remainder.left)
    change, change_of_all = scan.model.projector.fbp(torch.cat([of_all, remainder.left])).chunk(2)
    share = _changed_share(scan, estimate, remainder, change_of_all)
    return Estimate(without_metal(estimate.tissue + change, scan.metal), share)


def trusted(remainder: Remainder, is_trusted: Tensor) -> Tensor:
    """Return the part of the residual that is attributed to tissue.

    On reliable rays, it is the measured residual; elsewhere, the residual is interpolated.

    Args:
        remainder: residual of the estimate.
        is_trusted: whether a slice's rays through metal are used, bool, `[slice]`; otherwise they are
            interpolated.
    """
    share = is_trusted[:, None, None] / (1 + (remainder.doubt / _TISSUE).square())
    return torch.lerp(remainder.interpolated, remainder.left, share)


def is_light(metal: Material) -> bool:
    """Return whether a metal is titanium or a titanium alloy.

    Rays through titanium also show the tissue that they cross. Denser metal hardens the beam so much that
    small errors in the assumed spectrum, alloy or detector hide this tissue.
    """
    return metal.mu < _DENSE_MU


def is_explained(scan: Scan, remainder: Remainder) -> Tensor:
    """Return whether the residual in the trace of each slice is small, bool `[slice]`."""
    rays = scan.trace.sum(dim=(1, 2)).clamp(min=1)
    rms = ((remainder.left.square() * scan.trace).sum(dim=(1, 2)) / rays).sqrt()
    return rms < _MISFIT


def misfit(remainder: Remainder) -> Tensor:
    """Return the RMS residual in the trace in units of its expected standard deviation, `[slice]`.

    The result is 0 for slices without metal.
    """
    rays = remainder.is_told.sum(dim=(1, 2)).clamp(min=1)
    return ((remainder.left / remainder.doubt).square() * remainder.is_told).sum(dim=(1, 2)).div(rays).sqrt()


def _changed_share(scan: Scan, estimate: Estimate, remainder: Remainder, change: Tensor) -> Tensor:
    """Update the metal fractions inside the mask with an image of the residual, 1/cm."""
    hardened, path = (each.sum(dim=(1, 2), keepdim=True) for each in (remainder.hardened, remainder.path))
    slope = (hardened / path.clamp(min=1e-6)).clamp(min=_LEAST_SLOPE)
    more = _RELAXATION * change / (slope * scan.mu_of_metal())
    return torch.where(scan.metal, (estimate.share + more).clamp(0, MOST_METAL), 0.0)
