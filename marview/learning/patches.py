"""Random patches of images, and random blocks of neighbouring views."""

import torch
from torch import Tensor
from torch.nn.functional import pad

_CANDIDATES = 8
"""Number of random positions that are compared; the position with the largest error gives a hard patch."""


def patches(
    seen: Tensor,
    wanted: Tensor,
    edge: int,
    count: int,
    hard_share: float,
    quarter_turns: int = 3,
    *,
    mirrors: bool = True,
) -> tuple[Tensor, Tensor]:
    """Cut patches at random positions, and randomly rotate and mirror them.

    Args:
        seen: input of the network, `[slice, channel, y, x]`.
        wanted: ground truth, `[slice, y, x]`.
        edge: edge length of a patch in pixels.
        count: number of patches.
        hard_share: fraction of hard patches. For a hard patch, several random positions are compared, and
            the patch is cut where the last channel differs most from the ground truth.
        quarter_turns: maximum number of quarter turns applied to a patch.
        mirrors: whether each patch is mirrored with a probability of 0.5.

    Returns:
        Patches of the input, `[patch, channel, y, x]`, and of the ground truth, `[patch, y, x]`.
    """
    rows, columns = wanted.shape[-2:]
    height, width = min(edge, rows), min(edge, columns)
    mean = _box_means((seen[:, -1] - wanted).abs(), height, width)
    chosen = []
    for number in range(count):
        tries = _CANDIDATES if number < round(hard_share * count) else 1
        places = [[int(torch.randint(limit, ())) for limit in mean.shape] for _ in range(tries)]
        k, top, left = max(places, key=lambda place: float(mean[tuple(place)]))
        window = slice(top, top + height), slice(left, left + width)
        patch = torch.cat([seen[k, :, *window], wanted[k, None, *window]])
        turned = torch.rot90(patch, int(torch.randint(quarter_turns + 1, ())), (1, 2)) if height == width else patch
        chosen.append(turned.flip(2) if mirrors and torch.rand(()) < 0.5 else turned)
    planes = torch.stack(chosen)
    return planes[:, :-1], planes[:, -1]


def crops(planes: Tensor, edge: int) -> Tensor:
    """Crop each slice to a random square, and flip each square horizontally with a probability of 0.5.

    Args:
        planes: `[slice, channel, y, x]`; all channels of a slice are cropped to the same square.
        edge: edge length of the squares in pixels. If it is 0, or at least the size of the slices, the
            slices are returned unchanged.

    Returns:
        Squares, `[slice, channel, y, x]`, in the channels-last memory format.
    """
    rows, columns = planes.shape[-2:]
    if not edge or edge >= min(rows, columns):
        return planes.contiguous(memory_format=torch.channels_last)
    parts = []
    for one in planes:
        top, left = int(torch.randint(rows - edge + 1, ())), int(torch.randint(columns - edge + 1, ()))
        part = one[:, top : top + edge, left : left + edge]
        parts.append(part.flip(2) if torch.rand(()) < 0.5 else part)
    return torch.stack(parts).contiguous(memory_format=torch.channels_last)


def _box_means(image: Tensor, height: int, width: int) -> Tensor:
    """Return the means of all boxes of the same size in an image, by corner, `[slice, y, x]`, from cumulative sums."""
    sums = pad(image.double().cumsum(1).cumsum(2), (1, 0, 1, 0))
    bands = sums[:, height:] - sums[:, :-height]
    return ((bands[:, :, width:] - bands[:, :, :-width]) / (height * width)).float()


def blocks(planes: list[Tensor], views: int, count: int) -> tuple[list[Tensor], Tensor]:
    """Cut random blocks of neighbouring views; the last and first views count as neighbours.

    Args:
        planes: arrays of the same shape, `[slice, view, bin]`.
        views: number of views in a block.
        count: number of blocks.

    Returns:
        The blocks of each array, `[block, view, bin]`, and the slice index of every block.
    """
    slices, all_views = planes[0].shape[:2]
    chosen = torch.randint(slices, (count,)) if slices < count else torch.randperm(slices)[:count]
    first = torch.randint(all_views, (count, 1))
    place = (first + torch.arange(min(views, all_views))) % all_views
    return [plane[chosen[:, None], place] for plane in planes], chosen
