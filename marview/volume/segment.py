"""Segment the metal in a series automatically."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marview.text import tr
from marview.volume.box import Box, box_above, box_of, grown, moved
from marview.volume.clipped_edge import with_clipped_edges
from marview.volume.edge_network import REACH_PX
from marview.volume.edges import FARTHEST_MM, least_hu
from marview.volume.long_metal import with_fitted_edges
from marview.volume.mask import NEIGHBOURS, drop_small
from marview.volume.rim import with_rims
from marview.volume.scale import Scale, scale_of
from marview.volume.sure import CERTAIN_HU, FEWEST_VOXELS, sure_pieces

_DENSE_HU = 1000
_ONE_METAL = 1.5
_GROWTH = 0.6
_GROWTH_MM = 1.5
_HOLLOW_MM = 5.0
_REACH_MM = _HOLLOW_MM * (1 + 1e-9)  # tolerance for rounded distances


@dataclass(frozen=True, eq=False)
class Segmentation:
    """Metal mask with details of the segmentation.

    Attributes:
        mask: bool, `[z, y, x]`, True on metal.
        threshold_hu: threshold in HU, found or given; NaN without metal.
        notes: notes for the user, for example about a clipped HU scale or the absence of metal.
        doubtful: voxels that may be metal, enamel or dense bone and are not part of the mask, bool,
            `[z, y, x]`; None if there are none.
    """

    mask: NDArray[np.bool_]
    threshold_hu: float
    notes: tuple[str, ...] = ()
    doubtful: NDArray[np.bool_] | None = None

    @property
    def origin(self) -> str:
        """Short description of how the mask was found."""
        return f"adaptive, grown from voxels above {self.threshold_hu:.0f} HU" if self.mask.any() else "adaptive"

    @property
    def possible(self) -> NDArray[np.bool_]:
        """Certain and doubtful metal, bool `[z, y, x]`; training excludes slices with either."""
        return self.mask if self.doubtful is None else self.doubtful


def adaptive(
    hu: NDArray[np.int16], spacing_mm: tuple[float, float, float], *, replace_edges: bool = True
) -> Segmentation:
    """Find the metal in a series; the mask is empty if there is none.

    All voxels denser than most bone are divided into two clusters of log HU. The threshold is midway between
    the cluster means. Voxels above the threshold are seeds, from which the mask grows to neighbours above
    0.6 times the threshold. Each voxel must also satisfy the rule in `edges`, which excludes blurred
    edges, streaks near fillings, and bone near screws.

    A piece must have at least three voxels and be denser than enamel and bone. If nothing in the series is
    that dense, voxels with the HU of enamel and bone are marked as doubtful, and the user decides.

    If the HU scale is clipped, the edges of the metal are replaced (`clipped_edge`). Otherwise, the shadow
    of dense metal reveals its faint rims (`rim`), and the edges of long light-metal pieces are fitted to the
    rays through them (`long_metal`).

    Args:
        hu: HU, `[z, y, x]`.
        spacing_mm: distance between voxels along (z, y, x).
        replace_edges: whether to replace the edges on a clipped scale; the program that trains the edge
            network needs the mask without this step.

    Examples:
        >>> hu = np.zeros((1, 32, 32), np.int16)
        >>> hu[0, 10:14, 10:14] = 8000
        >>> int(adaptive(hu, (3.0, 1.0, 1.0)).mask.sum())
        16
    """
    scale = scale_of(hu)
    mask = np.zeros(hu.shape, bool)
    if scale.highest_hu < CERTAIN_HU:
        none = tr("No metal was found: no voxel reaches {} HU.").format(CERTAIN_HU)
        return Segmentation(mask, float("nan"), (*scale.notes, none))
    threshold_hu = _between_two_means(hu)
    box = _box_around(hu, threshold_hu, spacing_mm)
    mask[box], is_sure = _in_box(hu[box], threshold_hu, spacing_mm, scale)
    if not mask.any():
        none = tr("No metal was found: the dense regions are too small.")
        return Segmentation(mask, threshold_hu, (*scale.notes, none))
    if scale.hides_peaks and replace_edges:
        _replace_edges(mask, hu, box, spacing_mm, scale.highest_hu)
    if not is_sure:
        doubt = _doubt(mask, hu, spacing_mm)
        return Segmentation(np.zeros(hu.shape, bool), threshold_hu, (*scale.notes, doubt), doubtful=mask)
    if scale.hides_peaks:
        return Segmentation(mask, threshold_hu, scale.notes)
    for z in np.flatnonzero(mask.any(axis=(1, 2))):
        whole = with_rims(mask[z], hu[z], spacing_mm[1:], scale, _GROWTH * threshold_hu)
        mask[z] = with_fitted_edges(whole, hu[z], spacing_mm[1:])
    return Segmentation(mask, threshold_hu, scale.notes)


def _replace_edges(
    mask: NDArray[np.bool_], hu: NDArray[np.int16], box: Box, spacing_mm: tuple[float, float, float], highest_hu: int
) -> None:
    """Replace the edges of the metal in a box, `[z, y, x]`, unless nothing would be left of it."""
    box = grown(box, [0, REACH_PX, REACH_PX], mask.shape)
    slices = zip(mask[box], hu[box], strict=True)
    edges = [with_clipped_edges(found, image, spacing_mm[1:], highest_hu) for found, image in slices]
    after = drop_small(np.stack(edges), FEWEST_VOXELS)
    if after.any():
        mask[box] = after


def _doubt(mask: NDArray[np.bool_], hu: NDArray[np.int16], spacing_mm: tuple[float, float, float]) -> str:
    volume_ml = np.count_nonzero(mask) * float(np.prod(spacing_mm)) / 1000
    return tr(
        "Possible metal: voxels with a total volume of {:.2f} ml have values of up to {} HU. Enamel, dense bone and "
        "thin metal can all be this dense, so marview does not mark these voxels as metal."
    ).format(volume_ml, int(hu[mask].max()))


def threshold(hu: NDArray[np.int16], threshold_hu: float) -> NDArray[np.bool_]:
    """Return the mask of voxels above a threshold, bool `[z, y, x]`."""
    return np.asarray(hu > threshold_hu)


def _between_two_means(hu: NDArray[np.int16]) -> float:
    """Return the threshold midway between two cluster means of log HU of dense voxels.

    If the means differ only by noise, both clusters are the same metal, and half of its HU is the threshold.
    """
    counts = np.zeros(np.iinfo(np.int16).max + 1, np.int64)
    for plane in hu:
        counts += np.bincount(plane[plane > _DENSE_HU], minlength=len(counts))
    values = np.flatnonzero(counts)
    weights, logs = counts[values].astype(np.float64), np.log(values)
    low, high = logs[0], logs[-1]
    for _ in range(100):
        if high - low < 1e-9:
            break
        upper = logs > (low + high) / 2
        means = [np.average(logs[part], weights=weights[part]) for part in (~upper, upper)]
        if np.allclose(means, (low, high), rtol=0, atol=1e-6):
            break
        low, high = means
    middle = float(np.exp((low + high) / 2))
    if high - low < np.log(_ONE_METAL):
        middle = min(middle, max(CERTAIN_HU, middle / 2))
    # Rounding in log and exp must not lift the threshold above the densest voxel.
    return float(min(middle, values[-1]))


def _box_around(hu: NDArray[np.int16], threshold_hu: float, spacing_mm: tuple[float, float, float]) -> Box:
    """Return the bounding box of components with at least one certain voxel, with a margin for their blur."""
    least = min(threshold_hu, CERTAIN_HU)
    dense = box_above(hu, least)
    assert dense is not None  # the caller has seen a certain voxel
    labels, _ = ndimage.label(hu[dense] >= least, NEIGHBOURS)
    certain = np.unique(labels[hu[dense] >= CERTAIN_HU])
    metal = box_of(np.isin(labels, certain[certain > 0]))
    assert metal is not None
    box = moved(metal, dense)
    sideways = [int(FARTHEST_MM / spacing) + 1 for spacing in spacing_mm[1:]]
    return grown(box, [1, *sideways], hu.shape)


def _in_box(
    hu: NDArray[np.int16], threshold_hu: float, spacing_mm: tuple[float, float, float], scale: Scale
) -> tuple[NDArray[np.bool_], bool]:
    """Return the metal, `[z, y, x]`, and whether it is certain; all possible metal if none is certain."""
    least = np.stack([least_hu(image, spacing_mm[1:], scale) for image in hu])
    seeds = (hu >= threshold_hu) & (hu >= least)
    labels, count = ndimage.label(seeds, NEIGHBOURS)
    peaks = np.asarray(ndimage.maximum(hu, labels, np.arange(1, count + 1)))
    sure = sure_pieces(hu, labels, count, scale)
    seeds = np.concatenate([[False], sure if sure.any() else peaks >= CERTAIN_HU])[labels]
    weak = (hu >= _GROWTH * threshold_hu) & (hu >= least)
    steps = max(1, round(_GROWTH_MM / min(spacing_mm[1:])))
    mask = ndimage.binary_dilation(seeds, ndimage.generate_binary_structure(3, 1), iterations=steps, mask=weak | seeds)
    for found, image in zip(mask, hu, strict=True):
        found |= _starved(found, image, threshold_hu, spacing_mm[1:])
    return drop_small(np.asarray(mask), FEWEST_VOXELS), bool(sure.any())


def _starved(
    found: NDArray[np.bool_], image: NDArray[np.int16], threshold_hu: float, spacing_mm: tuple[float, ...]
) -> NDArray[np.bool_]:
    """Return the dense pixels, `[y, x]`, of mostly dense holes in metal: photon starvation makes metal look hollow.

    The tissue inside a loop of wire or a crown is not metal, nor is the blur of its rim.
    """
    holes = ndimage.binary_fill_holes(_closed(found, spacing_mm)) & ~found
    labels, count = ndimage.label(holes)
    if not count:
        return np.zeros_like(found)
    medians = ndimage.median(image, labels, np.arange(1, count + 1))
    is_dense = np.concatenate([[False], np.asarray(medians) >= threshold_hu])
    return np.asarray(is_dense[labels] & (image >= threshold_hu))


def _closed(found: NDArray[np.bool_], spacing_mm: tuple[float, ...]) -> NDArray[np.bool_]:
    """Close gaps in a rim, `[y, x]`, into which no disc of `_HOLLOW_MM` fits.

    Distance transforms are fast for discs of any size and, unlike `binary_closing`, release Python's lock.
    """
    if not found.any():
        return found
    reach = [int(_HOLLOW_MM / spacing) + 1 for spacing in spacing_mm]
    framed = np.pad(found, [(steps, steps) for steps in reach])
    reached = ndimage.distance_transform_edt(~framed, spacing_mm) <= _REACH_MM
    closed = ndimage.distance_transform_edt(reached, spacing_mm) > _REACH_MM
    return np.asarray(closed[tuple(slice(steps, -steps) for steps in reach)])
