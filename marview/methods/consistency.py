"""The consistency loop, which refines an image until its simulated scan agrees with the measured sinogram."""

from collections.abc import Callable

import torch
from torch import Tensor

from marview.methods.api import MarCase
from marview.physics import material, protocol_of, spectrum
from marview.physics.attenuation import MU_WATER
from marview.physics.scan_model import ScanModel
from marview.projection import fill_linear

ITERATIONS = 3
"""Default number of iterations. Further iterations gain less than 0.2 dB."""

USUAL_KV = 120
"""Default tube voltage, for scans without a named protocol."""

HIGHEST_IN_METAL = 0.3
"""Upper limit of the image inside the metal mask, 1/cm, so that the unknown values there cause no streaks."""


def consistency_loop(
    model: ScanModel,
    sinogram: Tensor,
    trace: Tensor,
    image: Tensor,
    metal: Tensor,
    *,
    iterations: int = ITERATIONS,
    pause: Callable[[int], None] = lambda _: None,
) -> Tensor:
    """Reduce the beam hardening, blur and shading that remain after a single FBP.

    Each iteration simulates the scan of the image, interpolates the residual across the trace and adds the
    FBP of the residual to the image. Iteration stops for a slice once the residual is no larger than the
    noise (Morozov's discrepancy principle), because further iterations would only fit noise.

    Args:
        model: model that simulates the scan of an image.
        sinogram: measured line integrals, `[slice, view, bin]`.
        trace: metal trace, bool, `[slice, view, bin]`.
        image: initial image, for instance the FBP of a completed sinogram, 1/cm, `[slice, y, x]`.
        metal: metal mask, bool, `[slice, y, x]`.
        iterations: maximum number of iterations.
        pause: function called with the number of each iteration before it starts, so that a run can be
            cancelled.

    Returns:
        Refined image without metal, 1/cm, `[slice, y, x]`.
    """
    current = image.clone()
    noise = model.noise_variance(sinogram)
    is_open = torch.ones(len(image), dtype=torch.bool, device=image.device)
    for iteration in range(iterations):
        pause(iteration)
        chosen = is_open.nonzero().flatten()
        left = sinogram[chosen] - model.tissue(current[chosen])
        is_open[chosen] = ~is_noise(left, noise[chosen], trace[chosen])
        kept = is_open[chosen]
        if not bool(kept.any()):
            break
        chosen, left = chosen[kept], left[kept]
        change = model.projector.fbp(fill_linear(left, trace[chosen]))
        current[chosen] = without_metal(current[chosen] + change, metal[chosen])
    return current


def looped(case: MarCase, image: Tensor, iterations: int, pause: Callable[[int], None] = lambda _: None) -> Tensor:
    """Refine a method's image with the consistency loop; without a measured sinogram, the image stays unchanged.

    Args:
        case: slices to correct.
        image: image corrected by the method, 1/cm, `[slice, y, x]`.
        iterations: maximum number of iterations; 0 leaves the image unchanged.
        pause: as for `consistency_loop`.
    """
    if case.measured_sinogram is None or not iterations:
        return image
    start = torch.where(case.metal, MU_WATER, image)
    return consistency_loop(
        model_of(case), case.sinogram, case.trace, start, case.metal, iterations=iterations, pause=pause
    )


def model_of(case: MarCase, tube_kv: int | None = None, filtration_mm: float = 0.0) -> ScanModel:
    """Create the model that simulates the scan of a case.

    Args:
        case: slices to correct.
        tube_kv: tube voltage in kV; None for the voltage of the case's protocol, or 120 if there is no
            protocol.
        filtration_mm: thickness of additional copper filtration in mm.
    """
    known = protocol_of(case.beam, case.pixel_mm)
    usual = known.tube_kv if known is not None else USUAL_KV
    tube = spectrum(tube_kv or usual)
    return ScanModel(case.projector, tube.behind(material("cu"), filtration_mm) if filtration_mm else tube)


def is_noise(remainder: Tensor, variance: Tensor, trace: Tensor) -> Tensor:
    """Return whether the residual outside the trace is no larger than the noise, bool `[slice]`.

    Args:
        remainder: measured minus simulated line integrals, `[slice, view, bin]`.
        variance: variance of the noise in the line integrals, `[slice, view, bin]`; zero if unknown.
        trace: metal trace, bool, `[slice, view, bin]`.
    """
    outside = ~trace
    return (remainder.square() * outside).sum(dim=(1, 2)) <= (variance * outside).sum(dim=(1, 2))


def without_metal(image: Tensor, metal: Tensor) -> Tensor:
    """Clip the metal pixels of an image `[slice, y, x]` in 1/cm to the range from 0 to `HIGHEST_IN_METAL`."""
    return torch.where(metal, image.clamp(0, HIGHEST_IN_METAL), image)
