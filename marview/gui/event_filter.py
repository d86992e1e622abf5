"""One event filter for the whole application, because Qt calls each filter for every event."""

from collections.abc import Callable, Mapping

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication

Handler = Callable[[QObject, QEvent], bool]
"""Function that handles an event of an object; it returns True to keep the event from the object."""


class EventFilter(QObject):
    """Filter that dispatches the events of all windows to handlers by event type."""

    def __init__(self, parent: QObject, handlers: Mapping[QEvent.Type, Handler]) -> None:
        super().__init__(parent)
        self._handlers = dict(handlers)
        application = QApplication.instance()
        if application is not None:
            application.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Handle an event before its widget does."""
        handle = self._handlers.get(event.type())
        return handle is not None and handle(watched, event)
