"""Convert slices of a series to the cases that methods receive, for training loops outside `marview train`."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from marview.methods.api import MarCase
from marview.volume import Volume
from marview.worker.front_end import FrontEnd
from marview.worker.resampling import SliceFrame


def cases(
    volume: Volume,
    metal: NDArray[np.bool_],
    *,
    slices: Sequence[int] = (),
    restore_cut_off: bool = True,
    device: str = "cpu",
) -> Iterator[MarCase]:
    """Yield one case per slice on the processing grid of 416 x 416 pixels, exactly as methods receive it in a run.

    Args:
        volume: HU `[z, y, x]`, such as `marview.read(path).volume`.
        metal: metal mask, bool `[z, y, x]`.
        slices: z indices; empty for all slices with metal.
        restore_cut_off: whether to estimate dark streaks that are clipped in the file, as in a run; False for images
            without metal that serve as ground truth.
        device: device of the tensors, "cpu" or "cuda".
    """
    front = FrontEnd(SliceFrame(volume.grid.shape[1:], volume.grid.spacing_mm[1:]), torch.device(device))
    for z in slices or np.flatnonzero(metal.any(axis=(1, 2))).tolist():
        hu, mask = volume.hu[z : z + 1], metal[z : z + 1]
        case = front.case(hu, mask, [z])
        yield front.restored(case, hu, mask)[0] if restore_cut_off else case
