"""The application without a window."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marview.dicom import LoadedSeries
from marview.mar.shared import SharedArray
from marview.session.background import Background, Post
from marview.session.display import SOFT_TISSUE, View
from marview.session.hu_window import HuWindow
from marview.session.library import Library
from marview.session.messages import Messages
from marview.session.picture import Picture
from marview.session.presets import preset_of_key
from marview.session.settings import Settings, body_part_of


class Session:
    """Holds the parts together: library, view, and what is open."""

    def __init__(self, post: Post, settings: Settings) -> None:
        self.settings = settings
        self.messages = Messages()
        self.background = Background(post)
        self.view = View()
        self._reading: list[SharedArray] = []
        self.library = Library(self.background, self.messages, self._allocate)
        self.library.started.connect(self._start)
        self.library.finished.connect(self._finish)

    def open(self, path: Path) -> None:
        """Open a folder, zip or file."""
        self.settings.opened(path)
        self.library.open(path)

    @property
    def loaded(self) -> LoadedSeries | None:
        """The series in view."""
        return self.library.loaded

    def original(self) -> Picture | None:
        """The slice in view as it was read."""
        loaded = self.loaded
        if loaded is None:
            return None
        spacing = loaded.volume.grid.spacing_mm
        return Picture(loaded.volume.hu[self.view.display.slice_index], spacing[1:])

    def set_preset(self, key: int) -> None:
        """Set the HU window of a number key; 0 is the file's own."""
        preset = preset_of_key(key)
        if preset is not None:
            self.set_window(preset.window)
        elif key == 0:
            self.set_window(self._own_window())

    def set_window(self, window: HuWindow) -> None:
        """Set the HU window and remember it for this body part."""
        self.view.update(window=window)

    def remember_window(self) -> None:
        """Keep the window in use for series of the same body part."""
        part = self._body_part()
        if part:
            window = self.view.display.window
            self.settings.windows[part] = (window.width_hu, window.level_hu)

    def close(self) -> None:
        """End what runs, and write what is to be remembered."""
        self.remember_window()
        self.settings.save()
        self.background.close()
        for shared in self._reading:
            shared.close()

    def _allocate(self, shape: tuple[int, int, int], dtype: np.dtype[Any]) -> NDArray[Any]:
        shared = SharedArray.create(shape, dtype)
        self._reading.append(shared)
        return shared.array

    def _start(self, loaded: LoadedSeries) -> None:
        count = loaded.volume.grid.shape[0]
        self.view.update(
            slice_index=count // 2,
            slice_count=count,
            window=self._first_window(),
            zoom=1.0,
            centre_mm=(0.0, 0.0),
            cursor_mm=None,
            pointed_mm=None,
            pointed_ray=None,
        )

    def _finish(self, loaded: LoadedSeries) -> None:
        kept = [shared for shared in self._reading if np.shares_memory(shared.array, loaded.volume.hu)]
        for shared in self._reading:
            if shared not in kept:
                shared.close()
        self._reading = kept

    def _own_window(self) -> HuWindow:
        loaded = self.loaded
        asked = None if loaded is None else loaded.window_at(self.view.display.slice_index)
        return SOFT_TISSUE if asked is None else HuWindow(*asked)

    def _first_window(self) -> HuWindow:
        remembered = self.settings.windows.get(self._body_part())
        return HuWindow(*remembered) if remembered else self._own_window()

    def _body_part(self) -> str:
        loaded = self.loaded
        header = next((one for one in loaded.sources if one is not None), None) if loaded else None
        return body_part_of(header.body_part) if header else ""
