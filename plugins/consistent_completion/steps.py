"""The joint steps, which change tissue and metal until the predicted scan agrees with the measured one."""

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
"""Upper limit of a pixel's share of metal: denser than the material's table, as alloys and casts may be."""

_LEAST_SLOPE = 0.1

_RELAXATION = 1.4
"""Factor on changes of the metal's share, because rays contain less information the more metal they cross."""

_TISSUE = 0.1
"""Standard deviation of the residual that tissue causes in the trace; the error of a ray is compared with it."""

_DENSE_MU = 4.0
"""Attenuation in 1/cm between titanium and steel."""

_MISFIT = 0.06
"""RMS residual in the trace after a step above which the assumed material of the metal is wrong."""

_LEAK = 0.03
"""Share of its photons that a bin gives to each neighbour."""

_HARDENING = 0.02
"""Standard error of a ray per unit of line integral that beam hardening removes from the metal: spectrum and alloy are
guesses."""


@dataclass(frozen=True, eq=False)
class Scan:
    """The measured data and their model.

    Attributes:
        model: model that predicts the scan.
        sinogram: measured line integrals, `[slice, view, bin]`.
        trace: metal trace, bool, `[slice, view, bin]`.
        metal: metal mask, bool, `[slice, y, x]`.
        metals: material of the metal, one per slice.
        variance: variance of each ray's noise, `[slice, view, bin]`.
    """

    model: ScanModel
    sinogram: Tensor
    trace: Tensor
    metal: Tensor
    metals: Sequence[Material]
    variance: Tensor

    def of_slice(self, number: int) -> "Scan":
        """Take one slice."""
        part = slice(number, number + 1)
        return Scan(
            self.model, self.sinogram[part], self.trace[part], self.metal[part], self.metals[part], self.variance[part]
        )

    @classmethod
    def of_slices(cls, slices: Sequence["Scan"]) -> "Scan":
        """Join slices that were separated; they share the model."""
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
        """Rays at the edge of the trace, bool; they pass only partly through metal, so no model predicts them well."""
        return edge_rays(self.trace)

    def mu_of_metal(self) -> Tensor:
        """Attenuation of full metal in 1/cm, `[slice, 1, 1]`."""
        return self.sinogram.new_tensor([metal.mu for metal in self.metals])[:, None, None]


@dataclass(frozen=True, eq=False)
class Estimate:
    """The current estimate of the slices.

    Attributes:
        tissue: image without metal, 1/cm, `[slice, y, x]`.
        share: share of each pixel that is metal, `[slice, y, x]`.
    """

    tissue: Tensor
    share: Tensor

    def of_slice(self, number: int) -> "Estimate":
        """Take one slice."""
        return Estimate(self.tissue[number : number + 1], self.share[number : number + 1])


@dataclass(frozen=True, eq=False)
class Remainder:
    """Measured minus predicted line integrals, and the lengths behind the prediction, `[slice, view, bin]`.

    Attributes:
        crossing: materials along the rays.
        left: the residual; uncertain rays of the trace are interpolated.
        interpolated: the residual outside the trace, interpolated across it.
        tissue: predicted line integrals of the tissue only.
        hardened: contribution of the metal to the predicted line integrals.
        path: line integral of the metal at the reference energy.
        doubt: standard deviation of the prediction's error.
        is_told: rays of the trace that are predicted well enough to be compared, bool.
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
    """Join slices that were separated."""
    columns = {each.name: [getattr(part, each.name) for part in slices] for each in fields(slices[0])}
    whole: dict[str, Any] = {
        name: joined(values) if isinstance(values[0], Crossing) else torch.cat(values)
        for name, values in columns.items()
    }
    return type(slices[0])(**whole)


def compare(scan: Scan, estimate: Estimate, crossing: Crossing | None = None) -> Remainder:
    """Predict the scan of an estimate and subtract it from the measured one.

    A residual outside the trace that is no larger than the noise counts as 0.

    Args:
        scan: measured data.
        estimate: tissue and metal.
        crossing: materials along the rays, if they were projected before.
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
    """Return the standard deviation of the model's error, `[slice, view, bin]`.

    The sum has the noise of the ray, beam hardening by metal, whose spectrum and alloy are guesses, and photons that
    leak from neighbouring bins or sides of a bin, which are many where metal ends.
    """
    around = torch.nn.functional.pad(predicted, (1, 1), mode="replicate")
    before, after = around[..., :-2], around[..., 2:]
    more = torch.exp((predicted - before).clamp(max=20)) + torch.exp((predicted - after).clamp(max=20)) - 2
    leak = torch.log1p(_LEAK * more.clamp(min=-0.9 / _LEAK))
    scattered = (torch.exp(predicted) * scan.model.scatter_share).clamp(max=1e3)
    seen = 1 + scattered  # the more scatter, the less a dark ray says about the metal
    return seen * (scan.variance + (_HARDENING * hardening).square() + leak.square()).sqrt()


def change_metal(scan: Scan, estimate: Estimate, remainder: Remainder) -> Estimate:
    """Attribute the residual in the trace to the metal only."""
    in_trace = torch.where(scan.trace, remainder.left, 0.0)
    return Estimate(estimate.tissue, _changed_share(scan, estimate, remainder, scan.model.projector.fbp(in_trace)))


def change_both(scan: Scan, estimate: Estimate, remainder: Remainder, of_tissue: Tensor) -> Estimate:
    """Attribute the residual to tissue and metal; its FBP separates pixels outside the mask from pixels inside it.

    Args:
        scan: what was measured.
        estimate: before the step.
        remainder: residual of the estimate.
        of_tissue: part of the residual in the trace that is due to tissue,
            `[slice, view, bin]`.
    """
    of_all = torch.where(scan.trace, of_tissue, remainder.left)
    change, change_of_all = scan.model.projector.fbp(torch.cat([of_all, remainder.left])).chunk(2)
    share = _changed_share(scan, estimate, remainder, change_of_all)
    return Estimate(without_metal(estimate.tissue + change, scan.metal), share)


def trusted(remainder: Remainder, is_trusted: Tensor) -> Tensor:
    """Attribute the residual to tissue where the rays are reliable, and interpolate it elsewhere.

    Args:
        remainder: residual of the estimate.
        is_trusted: slices whose rays through metal are used, bool, `[slice]`; the others are interpolated.
    """
    share = is_trusted[:, None, None] / (1 + (remainder.doubt / _TISSUE).square())
    return torch.lerp(remainder.interpolated, remainder.left, share)


def is_light(metal: Material) -> bool:
    """Return whether a metal is titanium or an alloy of it.

    Dense metal hardens the beam so much that a small error of spectrum, alloy or detector is larger than the residual
    of the tissue.
    """
    return metal.mu < _DENSE_MU


def is_explained(scan: Scan, remainder: Remainder) -> Tensor:
    """Return the slices whose residual in the trace is small, bool `[slice]`."""
    rays = scan.trace.sum(dim=(1, 2)).clamp(min=1)
    rms = ((remainder.left.square() * scan.trace).sum(dim=(1, 2)) / rays).sqrt()
    return rms < _MISFIT


def misfit(remainder: Remainder) -> Tensor:
    """Return the RMS residual in the trace, in standard deviations of its error, `[slice]`; 0 without metal."""
    rays = remainder.is_told.sum(dim=(1, 2)).clamp(min=1)
    return ((remainder.left / remainder.doubt).square() * remainder.is_told).sum(dim=(1, 2)).div(rays).sqrt()


def _changed_share(scan: Scan, estimate: Estimate, remainder: Remainder, change: Tensor) -> Tensor:
    """Update the share of metal with an image of the residual, 1/cm, inside the mask."""
    hardened, path = (each.sum(dim=(1, 2), keepdim=True) for each in (remainder.hardened, remainder.path))
    slope = (hardened / path.clamp(min=1e-6)).clamp(min=_LEAST_SLOPE)
    more = _RELAXATION * change / (slope * scan.mu_of_metal())
    return torch.where(scan.metal, (estimate.share + more).clamp(0, MOST_METAL), 0.0)
