"""Volumes, metal masks, and what is read off them.

Only what needs no scipy is imported here, so that the first window opens at once; the rest lies in the modules: `segment`
(adaptive, threshold), `kmeans`, `growing`, `components`, `mask` (grow, fill, smooth), `on_grid`, `brush`, `metal_mask`
(editing with undo), `measure`, `reslice`.
"""

from marview.volume.provenance import Provenance
from marview.volume.volume import Volume
from marview.volume.window import HuWindow

__all__ = ["HuWindow", "Provenance", "Volume"]
