"""Movies of a pane: scrolling through the slices, or alternating between original and result."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtGui import QImage, QPixmap

from marview.export.movie import write_movie
from marview.session.display import Comparison
from marview.session.messages import Severity
from marview.session.session import Session
from marview.text import tr

MOST_PX = 640
"""Longest edge of a movie in pixels."""

SCROLL_MS, FLICKER_MS = 100, 500


class MovieMaker(QObject):
    """Recorder for movies of a pane.

    The recorder renders one frame per event, so that the window stays responsive, and writes the movie in a
    background thread.

    Args:
        picture: function that returns a screenshot of the pane.
    """

    def __init__(self, session: Session, picture: Callable[[], QPixmap], parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._picture = picture
        self._frames: list[NDArray[np.uint8]] = []
        self._steps: list[Callable[[], None]] = []
        self._restore: Callable[[], object] = lambda: None
        self._path, self._frame_ms = Path(), SCROLL_MS
        self._timer = QTimer(self)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._step)
        session.library.started.connect(self._give_up)
        session.library.emptied.connect(self._give_up)

    @property
    def is_busy(self) -> bool:
        """Return whether frames are being rendered."""
        return self._timer.isActive()

    def scroll(self, path: Path) -> None:
        """Write a movie that scrolls through the slices from the first to the last."""
        view = self._session.view
        here = view.display.slice_index
        numbers = range(1, view.display.slice_count + 1)
        steps = [partial(view.go_to_number, number) for number in numbers]
        self._begin(path, SCROLL_MS, steps, lambda: view.go_to(here))

    def flicker(self, path: Path) -> None:
        """Write a movie that alternates between the original and the corrected slice."""
        view = self._session.view
        before = view.display.comparison
        steps = [partial(view.update, is_original_held=is_held) for is_held in (True, False)]
        view.update(comparison=Comparison.NONE)
        restore = lambda: view.update(is_original_held=False, comparison=before)  # noqa: E731 - kept for later
        self._begin(path, FLICKER_MS, steps, restore)

    def _begin(
        self, path: Path, frame_ms: int, steps: Sequence[Callable[[], None]], restore: Callable[[], object]
    ) -> None:
        if self.is_busy:
            return
        self._path, self._frame_ms = path, frame_ms
        self._frames, self._steps, self._restore = [], list(steps), restore
        self._session.library.busy.emit(tr("Rendering the frames of the movie …"))
        self._timer.start()

    def _step(self) -> None:
        if self._steps:
            self._steps.pop(0)()
            frame = _frame(self._picture())
            if not self._frames or frame.shape == self._frames[0].shape:  # drop frames after the window was resized
                self._frames.append(frame)
            return
        self._timer.stop()
        self._restore()
        frames, path, frame_ms = self._frames, self._path, self._frame_ms
        self._frames = []
        self._session.background.run(lambda: write_movie(path, frames, frame_ms), self._done, self._failed)

    def _done(self, path: Path) -> None:
        self._session.library.busy.emit("")
        self._session.messages.say(Severity.SUCCESS, tr("The movie was written to {}.").format(path.name))

    def _failed(self, sentence: str) -> None:
        self._session.library.busy.emit("")
        self._session.messages.error(sentence)

    def _give_up(self, *_: object) -> None:
        if self.is_busy:
            self._timer.stop()
            self._frames, self._steps = [], []
            self._failed(tr("The movie was not written, because another series was opened."))


def _frame(picture: QPixmap) -> NDArray[np.uint8]:
    """Return a picture as RGB, uint8 `[y, x, 3]`, scaled down to the size of a movie."""
    if max(picture.width(), picture.height()) > MOST_PX:
        keep, smooth = Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
        picture = picture.scaled(MOST_PX, MOST_PX, keep, smooth)
    return rgb_of(picture)


def rgb_of(picture: QPixmap) -> NDArray[np.uint8]:
    """Convert a screenshot to an RGB array, uint8 `[y, x, 3]`."""
    image = picture.toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()
