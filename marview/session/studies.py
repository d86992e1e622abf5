"""Search the index and the watched folders for studies that are not open."""

import logging
import threading
from functools import partial
from pathlib import Path

from psygnal import Signal

from marview.batch.watching import Inbox
from marview.errors import MarviewError
from marview.session.background import Background, IsStale
from marview.session.entries import Entry, look
from marview.session.library import Library
from marview.session.messages import Messages, Severity
from marview.session.settings import Settings
from marview.session.study_index import KnownSeries, StudyIndex
from marview.text import tr
from marview.threads import NoThread, start_thread

LOOK_S = 5.0
QUIET_S = 5.0
_log = logging.getLogger(__name__)


class Studies:
    """Object that searches the index for earlier series and monitors the watched folders.

    New studies in watched folders are added to the list.

    Event, sent on the window's thread: `changed()` when `found` or the watched folders change.

    Attributes:
        found: series in the index that match the search, except those that are open.
        text: search text.

    Args:
        index: index of series; None to store nothing.
        look_s: interval between checks of the watched folders in seconds.
        quiet_s: seconds without changes after which a new study counts as complete.
    """

    changed = Signal()

    def __init__(
        self,
        library: Library,
        background: Background,
        messages: Messages,
        settings: Settings,
        index: StudyIndex | None,
        *,
        look_s: float = LOOK_S,
        quiet_s: float = QUIET_S,
    ) -> None:
        self.found: tuple[KnownSeries, ...] = ()
        self.text = ""
        self._library = library
        self._background = background
        self._messages = messages
        self._settings = settings
        self._index = index
        self._look_s, self._quiet_s = look_s, quiet_s
        self._searching = background.latest()
        self._stop = threading.Event()
        self._inboxes: dict[str, Inbox] = {}
        self._watcher: threading.Thread | None = None
        library.scanned.connect(self._remember)
        library.listed.connect(self._search_again)
        for folder in settings.watched:
            self._watch(Path(folder))
        if index is not None and index.trouble:
            self._report(index.trouble)
        if index is not None and index.is_fresh and settings.recent:
            self.rebuild()
        else:
            self._search_again()

    # -- the index

    def _report(self, trouble: str) -> None:
        """Show a warning as soon as the window listens for messages, which is after this object is created."""

        def say(_: None) -> None:
            self._messages.say(Severity.WARNING, trouble)

        self._background.run(lambda: None, say, _log.warning)

    def search(self, text: str) -> None:
        """Find the series whose headers contain every word of a text."""
        self.text = text
        self._search_again()

    def open(self, known: KnownSeries) -> None:
        """Open a series from the index; remove it from the index if its files no longer exist."""
        if known.path.exists():
            self._library.open(known.path, key=known.key)
            return
        self.forget(known)
        sentence = tr("{} no longer exists and was removed from the list of earlier studies.")
        self._messages.error(sentence.format(known.path))

    def forget(self, known: KnownSeries) -> None:
        """Remove a series from the index; its files are unchanged."""
        if self._index is not None:
            self._index.forget(known.key)
            self._search_again()

    def clear(self) -> None:
        """Clear the index; the study files are unchanged."""
        if self._index is not None:
            self._index.clear()
            sentence = tr("The list of earlier studies was cleared. The study files are unchanged.")
            self._messages.say(Severity.SUCCESS, sentence)
            self._search_again()

    def rebuild(self) -> None:
        """Read the headers of all known studies again; remove studies that no longer exist from the index."""
        index, recent = self._index, [Path(path) for path in self._settings.recent]
        if index is None:
            return

        def work() -> None:
            index.rebuild([path for path in recent if path.exists()], _look)

        self._background.run(work, lambda _: self._search_again(), self._messages.error)

    def _remember(self, path: Path, entries: tuple[Entry, ...]) -> None:
        index = self._index
        if index is not None:
            work = index.remember
            self._background.run(lambda: work(path, entries), lambda _: self._search_again(), _log.warning)

    def _search_again(self) -> None:
        index, text = self._index, self.text
        if index is None:
            return

        def work(_is_stale: IsStale) -> list[KnownSeries]:
            return index.find(text)

        self._searching.run(work, self._take, _log.warning)

    def _take(self, found: list[KnownSeries]) -> None:
        listed = {entry.key for entry in self._library.entries}
        self.found = tuple(one for one in found if one.key not in listed)
        self.changed.emit()

    # -- watched folders

    @property
    def watched(self) -> tuple[str, ...]:
        """Return the watched folders."""
        return tuple(self._settings.watched)

    def watch(self, folder: Path) -> None:
        """Watch a folder; new studies in it are added to the list."""
        name = str(folder.absolute())
        if name not in self._settings.watched:
            self._settings.watched.append(name)
            self._settings.save()
            self._watch(folder)
            sentence = tr("New studies in {} are added to the list as they arrive.")
            self._messages.say(Severity.SUCCESS, sentence.format(folder.name or folder))
            self.changed.emit()

    def unwatch(self, folder: str) -> None:
        """Stop watching a folder."""
        if folder in self._settings.watched:
            self._settings.watched.remove(folder)
            self._settings.save()
            self._inboxes.pop(folder, None)
            self.changed.emit()

    def _watch(self, folder: Path) -> None:
        self._inboxes[str(folder.absolute())] = Inbox(folder.absolute(), self._quiet_s)
        if self._watcher is None:
            try:
                self._watcher = start_thread(self._follow, "watch")
            except NoThread as refusal:
                self._messages.error(str(refusal))

    def _follow(self) -> None:
        """Report complete new studies; on its own thread."""
        while not self._stop.wait(self._look_s):
            for inbox in list(self._inboxes.values()):
                try:
                    arrived = inbox.arrived()
                except MarviewError:
                    continue  # a network folder may become available again
                for path in arrived:
                    self._background.post(partial(self._library.add, path))

    def close(self) -> None:
        """Stop watching folders and adding series to the index."""
        self._stop.set()
        self._searching.drop()
        if self._watcher is not None:
            self._watcher.join(5)

    def close_index(self) -> None:
        """Close the index after all background work has ended."""
        if self._index is not None:
            self._index.close()


def _look(path: Path) -> tuple[Entry, ...]:
    try:
        return look(path).entries
    except MarviewError:
        return ()
