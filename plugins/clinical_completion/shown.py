"""The data of a slice for the rounds."""

from dataclasses import dataclass
from functools import cached_property

from torch import Tensor
from torch.nn.functional import max_pool2d

from marview.physics import material
from marview.projection import Projector

ALLOY = "ti6al4v"
_BESIDE_PX = (3, 30)


@dataclass(frozen=True, eq=False)
class Shown:
    """Data of a slice.

    Attributes:
        projector: projector between image and sinogram.
        mu: uncorrected image, 1/cm, `[1, y, x]`.
        mask: metal mask, bool, `[1, y, x]`.
        sinogram: sinogram with metal, line integrals, `[1, view, bin]`.
        trace: metal trace, bool, `[1, view, bin]`.
        metal: line integrals of the metal, from `trace_signal.metal_sinogram`.
    """

    projector: Projector
    mu: Tensor
    mask: Tensor
    sinogram: Tensor
    trace: Tensor
    metal: Tensor

    def reconstruct(self, completed: Tensor) -> Tensor:
        """Return the image plus the FBP of the change that completion made to the sinogram, 1/cm, `[1, y, x]`."""
        return self.mu + self.projector.fbp(completed - self.sinogram)

    @cached_property
    def titanium(self) -> Tensor:
        """Line integrals of a titanium mask at 70 keV, `[1, view, bin]`."""
        return self.projector.forward(self.mask.float() * material(ALLOY).mu)

    @cached_property
    def beside(self) -> Tensor:
        """Pixels close to metal, bool, `[1, y, x]`."""
        near, far = (_within(self.mask, reach) for reach in _BESIDE_PX)
        return far & ~near


def _within(mask: Tensor, reach: int) -> Tensor:
    """Grow a mask to the square around each pixel, bool, `[1, y, x]`."""
    rows = max_pool2d(mask.float(), (2 * reach + 1, 1), stride=1, padding=(reach, 0))
    return max_pool2d(rows, (1, 2 * reach + 1), stride=1, padding=(0, reach)) > 0
