"""The series that the window shows: its slices, the current slice and the HU window."""

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marview.dicom import LoadedSeries
from marview.mar import SharedArray
from marview.session.background import Background
from marview.session.display import SOFT_TISSUE, Display, View
from marview.session.library import Library
from marview.session.picture import Picture
from marview.session.presets import preset_of_key
from marview.session.settings import Settings, body_part_of
from marview.volume.extent import body_extent_mm
from marview.volume.window import HuWindow


class OpenSeries:
    """HU of the series in view and of other series that are still used by runs.

    Attributes:
        hu: HU of the series in view, int16 `[z, y, x]`; None until the series has been read completely.
        unlooked: index of the slice shown when the series was opened; None after metal has been found.
    """

    def __init__(self, settings: Settings, view: View, background: Background) -> None:
        self.hu: SharedArray | None = None
        self.unlooked: int | None = None
        self._library: Library | None = None
        self._settings = settings
        self._view = view
        self._background = background
        self._allocated: list[SharedArray] = []
        self._mask_room: SharedArray | None = None
        self._held: Counter[SharedArray] = Counter()
        view.changed.connect(self._remember_window)

    def follow(self, library: Library) -> None:
        """Show the series that `library` reads.

        The library reads the series into memory allocated by `allocate`.
        """
        self._library = library

    @property
    def loaded(self) -> LoadedSeries | None:
        """Return the series in view; None if there is none."""
        return None if self._library is None else self._library.loaded

    # -- memory

    def allocate(self, shape: tuple[int, int, int], dtype: np.dtype[Any]) -> NDArray[Any]:
        """Allocate shared memory for the HU of a series, and for its mask.

        Call this on the thread that reads the series, because allocating memory for a large series takes half a
        second.

        Raises:
            MarviewError: there is not enough memory.
        """
        shared = SharedArray.create(shape, dtype)
        self._mask_room = SharedArray.create(shape, np.bool_)
        self._allocated.append(shared)
        return shared.array

    def room_for_mask(self, shape: tuple[int, ...]) -> SharedArray | None:
        """Return the memory that `allocate` reserved for a mask.

        The memory is handed over only once. On later calls, or if the shape differs, the result is None.
        """
        room, self._mask_room = self._mask_room, None
        return room if room is not None and room.array.shape == shape else None

    def hold(self, hu: SharedArray) -> None:
        """Keep an HU array in memory until `release` is called, even if another series is opened."""
        self._held[hu] += 1

    def release(self, hu: SharedArray) -> None:
        """Release an HU array, and free its memory unless the array is in view or still held."""
        self._held[hu] -= 1
        if self._held[hu] <= 0:
            del self._held[hu]
            if hu is not self.hu and hu in self._allocated:
                self._allocated.remove(hu)
                self._background.let_go(hu.close)

    def close(self) -> None:
        """Release all memory."""
        for shared in self._allocated:
            shared.close()

    # -- opening

    def start(self, loaded: LoadedSeries, slice_index: int | None) -> None:
        """Show a series while it is being read.

        Args:
            loaded: the series; its volume is read in the background.
            slice_index: slice to show; None for the middle slice until metal is found.
        """
        self.hu = None
        grid = loaded.volume.grid
        count, (depth, height, width) = (
            grid.shape[0],
            (n * mm for n, mm in zip(grid.shape, grid.spacing_mm, strict=True)),
        )
        here = count // 2 if slice_index is None else min(slice_index, count - 1)
        self._view.update(
            slice_index=here,
            slice_count=count,
            numbers=grid.slice_numbers,
            extent_mm=(depth, height, width),
            window=self._first_window(here),
            zoom=1.0,
            centre_mm=(0.0, 0.0),
            cursor_mm=None,
            pointed_mm=None,
            pointed_ray=None,
        )
        self.unlooked = here if slice_index is None and loaded.report.is_volume else None

    def finish(self, loaded: LoadedSeries) -> None:
        """Use the HU of a series that has been read completely, fit the body into the panes, and free unused memory."""
        self.hu = next((one for one in self._allocated if np.shares_memory(one.array, loaded.volume.hu)), None)
        in_use = [shared for shared in self._allocated if shared is self.hu or shared in self._held]
        for shared in self._allocated:
            if shared not in in_use:
                self._background.let_go(shared.close)
        self._allocated = in_use
        if loaded.report.is_volume:
            self._view.update(extent_mm=body_extent_mm(loaded.volume))

    def empty(self) -> None:
        """Clear the display when no series is in view."""
        self.hu = None
        self._view.update(slice_index=0, slice_count=0, cursor_mm=None, pointed_mm=None, pointed_ray=None)

    # -- the slice in view

    def original(self) -> Picture | None:
        """Return the original slice in view; None if no series is open or another one is being opened."""
        loaded, display = self.loaded, self._view.display
        if loaded is None or display.slice_index >= len(loaded.volume.hu):
            return None
        return Picture(loaded.volume.hu[display.slice_index], loaded.volume.grid.spacing_mm[1:])

    def voxel_under_cursor(self) -> tuple[int, int, int] | None:
        """Return the voxel (z, y, x) under the mouse, or else under the crosshair; None if there is none."""
        display, original = self._view.display, self.original()
        point = display.pointed_mm or display.cursor_mm
        index = None if original is None or point is None else original.index_at(*point)
        return None if index is None else (display.slice_index, *index)

    # -- the HU window

    def set_preset(self, key: int) -> None:
        """Apply the HU window assigned to a number key; 0 applies the window stored in the file."""
        preset = preset_of_key(key)
        if preset is not None:
            self._view.update(window=preset.window)
        elif key == 0:
            self._view.update(window=self._own_window(self._view.display.slice_index))

    def _remember_window(self, display: Display, names: frozenset[str]) -> None:
        part = self._body_part()
        if part and "window" in names:
            self._settings.windows[part] = (display.window.width_hu, display.window.level_hu)

    def _own_window(self, slice_index: int) -> HuWindow:
        loaded = self.loaded
        asked = None if loaded is None else loaded.window_at(slice_index)
        return SOFT_TISSUE if asked is None else HuWindow(*asked)

    def _first_window(self, slice_index: int) -> HuWindow:
        remembered = self._settings.windows.get(self._body_part())
        return HuWindow(*remembered) if remembered else self._own_window(slice_index)

    def _body_part(self) -> str:
        loaded = self.loaded
        header = next((one for one in loaded.sources if one is not None), None) if loaded else None
        return body_part_of(header.body_part) if header else ""
