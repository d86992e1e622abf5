"""The image, sinogram and metal of a single slice."""

from dataclasses import dataclass

from torch import Tensor

from marview.projection import Projector


@dataclass(frozen=True, eq=False)
class Shown:
    """Image, sinogram and metal of a single slice.

    Attributes:
        projector: projector between image and sinogram.
        mu: uncorrected image, 1/cm, `[1, y, x]`.
        mask: metal mask, bool, `[1, y, x]`.
        sinogram: sinogram with metal, line integrals, `[1, view, bin]`.
        trace: metal trace, bool, `[1, view, bin]`.
        metal: line integrals of the metal, from `hardening_fit.metal_sinogram`.
    """

    projector: Projector
    mu: Tensor
    mask: Tensor
    sinogram: Tensor
    trace: Tensor
    metal: Tensor

    def reconstruct(self, completed: Tensor) -> Tensor:
        """Reconstruct the image of a completed sinogram, 1/cm, `[1, y, x]`.

        The result is `mu` plus the FBP of the difference between the completed and original sinograms.
        """
        return self.mu + self.projector.fbp(completed - self.sinogram)
