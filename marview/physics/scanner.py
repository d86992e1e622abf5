"""Scanner details that simple simulations omit: ray width, detector blur, filtration and metal edges."""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from marview.geometry import Beam, FanBeamArc
from marview.physics.materials import material
from marview.physics.spectrum import Spectrum
from marview.projection import Projector

_BLUR_REACH_BINS = 3


@dataclass(frozen=True, kw_only=True, eq=False)
class Scanner:
    """Details of a simulated scanner; the defaults match the published simulators.

    A method that models the scan must not be tested with a simulator that uses the same model (the
    inverse crime), so benchmarks vary these details.

    Attributes:
        fineness: number of rays per bin; their photon counts are averaged. Each pixel is also divided
            into this number of parts along each axis.
        blur_bins: standard deviation of the detector blur in bins; photon counts are blurred, not line
            integrals.
        edge_share: factor that reduces the line integrals of metal for rays at the edge of the trace,
            because metal covers only part of their width. Not used if there are several rays per bin.
        filtration_mm: thickness of additional copper filtration in mm.
    """

    fineness: int = 1
    blur_bins: float = 0.0
    edge_share: float = 0.25
    filtration_mm: float = 0.0

    def filtered(self, spectrum: Spectrum) -> Spectrum:
        """Apply the additional filtration to a spectrum."""
        return spectrum.behind(material("cu"), self.filtration_mm) if self.filtration_mm else spectrum

    def enlarged(self, image: Tensor) -> Tensor:
        """Divide each pixel of an image, `[slice, y, x]`, into smaller pixels of the same value."""
        if self.fineness == 1:
            return image
        return image.repeat_interleave(self.fineness, dim=-2).repeat_interleave(self.fineness, dim=-1)

    def fine(self, projector: Projector) -> Projector:
        """Return the projector with each pixel and bin divided into `fineness` parts along each axis."""
        parts = self.fineness
        if parts == 1:
            return projector
        rows, columns = projector.shape
        return Projector(
            _divided(projector.beam, parts), shape=(rows * parts, columns * parts), pixel_mm=projector.pixel_mm / parts
        )

    def seen(self, line_integrals: Tensor) -> Tensor:
        """Average the photon counts of the rays in each bin, and apply the detector blur.

        The line integrals are `[..., view, fine bin]` before and `[..., view, bin]` after this step.
        """
        if self.fineness == 1 and not self.blur_bins:
            return line_integrals
        photons = self._by_bin(torch.exp(-line_integrals)).mean(dim=-1)
        if self.blur_bins:
            places = torch.arange(-_BLUR_REACH_BINS, _BLUR_REACH_BINS + 1, device=photons.device)
            kernel = torch.exp(-((places / self.blur_bins) ** 2) / 2).to(photons.dtype)
            rows = torch.nn.functional.pad(photons.flatten(0, -2)[:, None], (_BLUR_REACH_BINS,) * 2, mode="replicate")
            blurred = torch.nn.functional.conv1d(rows, (kernel / kernel.sum())[None, None])
            photons = blurred.reshape(photons.shape)
        return -torch.log(photons)

    def any_ray(self, trace: Tensor) -> Tensor:
        """Return whether each bin contains a ray of the trace, bool `[..., view, bin]`.

        `trace` is a bool array `[..., view, fine bin]`.
        """
        return self._by_bin(trace).any(dim=-1)

    def _by_bin(self, rays: Tensor) -> Tensor:
        return rays.reshape(*rays.shape[:-1], -1, self.fineness)


def _divided(beam: Beam, parts: int) -> Beam:
    finer: dict[str, Any] = {"bins": beam.bins * parts, "bin_offset": beam.bin_offset * parts}
    if isinstance(beam, FanBeamArc):
        return replace(beam, **finer, bin_rad=beam.bin_rad / parts)
    return replace(beam, **finer, bin_mm=beam.bin_mm / parts)


MISMATCHED = Scanner(fineness=2, blur_bins=0.4, filtration_mm=0.1)
"""Scanner with rays, detector and spectrum that no method in marview models; its beam is 5 keV harder."""
