"""Create demo studies: simulated scans of a phantom with implants and known ground truth."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from marview.geometry import FanBeamArc, Grid
from marview.physics.anatomy.scenes import scene
from marview.physics.attenuation import mu_to_hu
from marview.physics.implants import rasterize
from marview.physics.protocols import Protocol
from marview.physics.simulation import simulate
from marview.physics.starvation import smooth_starved

_SLICES_AT_ONCE = 6
_METAL_SHARE = 0.5


@dataclass(frozen=True, eq=False)
class DemoStudy:
    """A simulated scan with metal, and its ground truth.

    Attributes:
        kind: hip, spine or dental.
        hu: reconstructed image with metal, int16 HU `[z, y, x]`, from -1024 to the upper end of the
            scanner's scale.
        truth_hu: the painted body without metal, int16 HU `[z, y, x]`.
        metal: bool `[z, y, x]`; True where a voxel is at least half metal.
        grid: grid of the voxels.
    """

    kind: str
    hu: NDArray[np.int16]
    truth_hu: NDArray[np.int16]
    metal: NDArray[np.bool_]
    grid: Grid


def make_demo(kind: str = "hip", progress: Callable[[float], None] | None = None, *, seed: int = 1) -> DemoStudy:
    """Create a demo study of 40 slices with 512 x 512 pixels; the same seed gives the same study.

    The body has its true size. The scan is simulated with 720 views of 736 bins, a 120 kV spectrum, noise,
    scatter, water correction and smoothing of photon-starved rays, so all artifacts result from the
    simulation. The HU scale of the hip and spine studies ends at 3071, as on 12-bit scanners. The dental
    study has an extended HU scale, because enamel comes close to 3071 HU.

    Args:
        kind: hip, spine or dental.
        progress: function called with the completed fraction, 0 to 1.
        seed: seed for the texture and the noise.

    Raises:
        UsageError: the kind is unknown.
    """
    chosen = scene(kind)
    report = progress or (lambda _: None)
    report(0.0)
    canvas = chosen.paint(seed)
    report(0.2)
    axes = (canvas.z.ravel(), canvas.y.ravel(), canvas.x.ravel())
    shares = rasterize(chosen.implants, axes)
    truth = np.clip(canvas.hu, -1024, chosen.highest_hu)
    scan = _protocol(kind, canvas.spacing_mm[2], chosen.photons)
    hu = np.empty(truth.shape, dtype=np.int16)
    for start in range(0, len(truth), _SLICES_AT_ONCE):
        part = slice(start, start + _SLICES_AT_ONCE)
        simulated = simulate(truth[part], {name: one[part] for name, one in shares.items()}, scan, seed=seed + start)
        image = simulated.projector.fbp(smooth_starved(simulated.sinogram), filter=chosen.filter)
        hu[part] = mu_to_hu(image).round().clamp(-1024, chosen.highest_hu).to(torch.int16).cpu().numpy()
        report(0.2 + 0.8 * min(1.0, (start + _SLICES_AT_ONCE) / len(truth)))
    metal = np.sum(list(shares.values()), axis=0) >= _METAL_SHARE
    grid = Grid.from_spacing(truth.shape, canvas.spacing_mm)
    return DemoStudy(kind, hu, truth.round().astype(np.int16), metal, grid)


def _protocol(kind: str, pixel_mm: float, photons: float) -> Protocol:
    beam = FanBeamArc(views=720, bins=736, source_to_isocentre_mm=570.0, bin_rad=0.0013, bin_offset=0.25)
    return Protocol(
        name=f"demo-{kind}",
        beam=beam,
        shape=(512, 512),
        pixel_mm=pixel_mm,
        photons=photons,
        source="the proportions of a clinical scanner",
    )
