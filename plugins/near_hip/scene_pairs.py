"""Pairs of slices of many people, with metal drawn into them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from marview.learning.scenes import Scene
from marview.physics.attenuation import hu_to_mu

from .patient import LitPairs, SmallScan, alike


@dataclass(frozen=True, eq=False)
class ScenePairs:
    """Pairs of slices of many people by number; tissue is as bright as water in each.

    Attributes:
        scan: scan of the pairs.
        draw: the slices of a number and their metal.
        device: the pairs lie there.
    """

    scan: SmallScan
    draw: Callable[[int], Scene]
    device: torch.device

    def __call__(self, number: int) -> LitPairs:
        """The batch of a number.

        Raises:
            BadInput: the slices hold no tissue to put metal into.
        """
        scene = self.draw(number)
        mu = self.scan.image(hu_to_mu(alike(torch.from_numpy(scene.hu)))).clamp(min=0).to(self.device)
        metal = np.any([share > 0 for share in scene.metal.values()], axis=0)
        masks = self.scan.mask(torch.from_numpy(metal)).to(self.device)
        return LitPairs.of(self.scan.projector, mu, self.scan.projector.forward(mu), masks)
