"""Sinograms of one slice, loaded on first use from a result or, before any run, from a projection."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marview.session.display import SinogramPicture
from marview.session.result import Result
from marview.session.sinograms import SliceSinogram

OUTPUTS = {
    SinogramPicture.ORIGINAL: "sinogram",
    SinogramPicture.FILLED: "li_sinogram",
    SinogramPicture.CORRECTED: "corrected_sinogram",
}
"""Names of the pictures in the messages of the worker."""

_TRACE, _CONSISTENCY = "trace", "consistency"


class SinogramPictures:
    """Sinograms of a slice, loaded on first use.

    Attributes:
        available: types of sinograms that can be shown, including the difference if there is a filled or
            corrected sinogram.
        source: identifier of the origin of the sinograms, the same for identical sinograms; None if there
            are no sinograms.
        projected: projection made before any run; None for sinograms from a result.

    Args:
        source: identifier of the origin of the sinograms, the same for identical sinograms; None if there
            are no sinograms.
        available: types of sinograms that can be loaded.
        load: function that returns the array with a given name (as in the worker's messages), or None if
            there is none.
        projected: projection made before any run; None for sinograms from a result.
    """

    def __init__(
        self,
        source: tuple[object, ...] | None,
        available: frozenset[SinogramPicture],
        load: Callable[[str], NDArray[Any] | None],
        projected: SliceSinogram | None = None,
    ) -> None:
        is_changed = available & {SinogramPicture.FILLED, SinogramPicture.CORRECTED}
        self.source = source
        self.available = available | {SinogramPicture.DIFFERENCE} if is_changed else available
        self.projected = projected
        self._load = load
        self._read: dict[SinogramPicture, NDArray[np.float32] | None] = {}

    def picture(self, kind: SinogramPicture) -> NDArray[np.float32] | None:
        """Return one type of sinogram, `[view, bin]`; None if it is not available."""
        if kind not in self.available:
            return None
        if kind not in self._read:
            self._read[kind] = self._change() if kind is SinogramPicture.DIFFERENCE else self._loaded(OUTPUTS[kind])
        return self._read[kind]

    @cached_property
    def trace(self) -> NDArray[np.bool_] | None:
        """Return the metal trace of the slice, bool `[view, bin]`; None if there is none."""
        trace = self._load(_TRACE)
        return None if trace is None else np.asarray(trace, dtype=bool)

    @cached_property
    def consistency(self) -> NDArray[np.float32] | None:
        """Return the reprojected result minus the sinogram, for rays outside the trace, `[view, bin]`.

        None if unknown.
        """
        return self._loaded(_CONSISTENCY)

    def _loaded(self, name: str) -> NDArray[np.float32] | None:
        values = self._load(name)
        return None if values is None else np.asarray(values, dtype=np.float32)

    def _change(self) -> NDArray[np.float32] | None:
        is_corrected = SinogramPicture.CORRECTED in self.available
        after = self.picture(SinogramPicture.CORRECTED if is_corrected else SinogramPicture.FILLED)
        before = self.picture(SinogramPicture.ORIGINAL)
        return None if after is None or before is None else after - before


NO_PICTURES = SinogramPictures(None, frozenset(), lambda _name: None)


def pictures_of(
    slice_index: int, result: Result | None, projected: SliceSinogram | None, before: SinogramPictures
) -> SinogramPictures:
    """Return the sinograms of a slice, from a result if possible, otherwise from a projection.

    If nothing has changed, return `before`.
    """
    made = NO_PICTURES
    if result is not None and (OUTPUTS[SinogramPicture.ORIGINAL], slice_index) in result.outputs:
        made = _of_result(result, slice_index)
    elif projected is not None and projected.slice_index == slice_index:
        made = _of_projection(projected)
    return before if made.source == before.source else made


def _of_result(result: Result, slice_index: int) -> SinogramPictures:
    names = frozenset(name for name, z in result.outputs if z == slice_index)
    kinds = frozenset(kind for kind, name in OUTPUTS.items() if name in names)
    return SinogramPictures((result, slice_index, names), kinds, lambda name: result.output(name, slice_index))


def _of_projection(made: SliceSinogram) -> SinogramPictures:
    arrays: dict[str, NDArray[Any]] = {
        OUTPUTS[SinogramPicture.ORIGINAL]: made.sinogram,
        OUTPUTS[SinogramPicture.FILLED]: made.filled,
        _TRACE: made.trace,
    }
    kinds = frozenset({SinogramPicture.ORIGINAL, SinogramPicture.FILLED})
    return SinogramPictures((made,), kinds, arrays.get, made)
