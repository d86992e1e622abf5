"""Play the slices in a loop."""

from PySide6.QtCore import QObject, QTimer

from marview.session.display import Display
from marview.session.session import Session

FRAMES_PER_S = 10


class Cine(QObject):
    """Player that steps through the slices during cine playback; opening another series stops it."""

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._view = session.view
        self._timer = QTimer(self)
        self._timer.setInterval(1000 // FRAMES_PER_S)
        self._timer.timeout.connect(self._step)
        session.view.changed.connect(self._follow)
        session.library.started.connect(self._stop)

    def _follow(self, display: Display, names: frozenset[str]) -> None:
        if "is_playing" in names:
            if display.is_playing:
                self._timer.start()
            else:
                self._timer.stop()

    def _stop(self, *_: object) -> None:
        self._view.update(is_playing=False)

    def _step(self) -> None:
        display = self._view.display
        is_last = display.slice_number >= display.slice_count
        self._view.go_to_number(1 if is_last else display.slice_number + 1)
