"""List the pieces of metal, with size, density and position, and switch them on or off."""

from dataclasses import dataclass

import numpy as np
from psygnal import Signal

from marview.session.background import Background
from marview.session.display import View
from marview.session.messages import Messages
from marview.session.metal import Metal
from marview.session.picture import Picture
from marview.session.segmenting import Source
from marview.volume.components import Component, Components, components
from marview.volume.patch import MaskPatch

MOST = 200
"""Largest number of pieces in the list."""


@dataclass(frozen=True, eq=False)
class Piece:
    """A piece of metal in the list.

    Attributes:
        component: size, density and position of the piece.
        voxels: voxels of the piece.
        is_on: whether the piece is part of the mask.
    """

    component: Component
    voxels: MaskPatch
    is_on: bool = True


class Pieces:
    """List of the separate pieces of metal in the mask, computed in the background.

    Event, sent on the window's thread: `changed()` when `listed` changes.

    Attributes:
        listed: pieces, largest first; pieces that were switched off stay in the list until metal is found again.
        smaller: number of smaller pieces that are not listed.
    """

    changed = Signal()

    def __init__(self, metal: Metal, view: View, background: Background, messages: Messages) -> None:
        self.listed: tuple[Piece, ...] = ()
        self.smaller = 0
        self._metal = metal
        self._view = view
        self._messages = messages
        self._listing = background.latest()
        metal.touched.connect(lambda _box: self._listing.drop())

    def list_anew(self) -> None:
        """Update the list.

        Call this only when an edit has ended, because listing the pieces of a large mask takes a while.
        """
        mask = self._metal.mask
        self._listing.drop()
        if self._listing.is_busy:
            return  # start again after the list in progress has been dropped
        if self._metal.is_painting:
            return
        if mask is None or mask.hu is None or not self._metal.is_present:
            self._take(((), 0))
            return
        array, hu, spacing_mm, span = mask.array, mask.hu, mask.spacing_mm, self._metal.span
        self._listing.run(
            lambda _is_stale: _split(components(array, hu, spacing_mm, span)),
            self._take,
            self._messages.error,
            self.list_anew,
        )

    def switch(self, piece: Piece, *, is_on: bool) -> None:
        """Add a piece to the mask or remove it, as one undo step."""
        mask = self._metal.mask
        if mask is None or piece not in self.listed or piece.is_on == is_on or not self._metal.begin_stroke():
            return
        self.listed = tuple(Piece(p.component, p.voxels, is_on) if p is piece else p for p in self.listed)
        voxels = piece.voxels
        flips = voxels.flips & (mask.array[voxels.box] != is_on)
        patch = MaskPatch.of_flips(flips, voxels.box)
        if patch is not None:
            self._metal.flip(patch)
        self._metal.end_stroke()

    def go_to(self, piece: Piece) -> None:
        """Move the crosshair to the densest voxel of a piece."""
        mask = self._metal.mask
        if mask is None:
            return
        z, y, x = piece.component.densest_zyx
        _, y_mm, x_mm = mask.spacing_mm
        picture = Picture(mask.array[z], (y_mm, x_mm))
        self._view.update(slice_index=z, cursor_mm=picture.point_at(y, x))

    def _take(self, found: tuple[tuple[Piece, ...], int]) -> None:
        pieces, self.smaller = found
        kept = self._off() if self._metal.recipe.source is Source.HAND else ()
        self.listed = tuple(sorted((*pieces, *kept), key=lambda piece: -piece.component.voxels))
        self.changed.emit()

    def _off(self) -> tuple[Piece, ...]:
        """Return the pieces that were switched off and are not part of the mask."""
        mask = self._metal.mask
        if mask is None:
            return ()
        return tuple(p for p in self.listed if not p.is_on and not mask.array[p.component.densest_zyx])


def _split(found: Components) -> tuple[tuple[Piece, ...], int]:
    """Return the largest pieces, and the number of smaller ones that are not listed."""
    pieces = []
    for component in found.pieces[:MOST]:
        assert found.box is not None
        part = tuple(slice(a.start - b.start, a.stop - b.start) for a, b in zip(component.box, found.box, strict=True))
        voxels = MaskPatch.of_flips(np.asarray(found.labels[part] == component.number), component.box)
        assert voxels is not None
        pieces.append(Piece(component, voxels))
    return tuple(pieces), max(0, len(found.pieces) - MOST)
