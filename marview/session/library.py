"""Manage the list of open series: scan folders for series, and read the chosen series into memory."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from psygnal import Signal

from marview.dicom import Cancelled, Finding, Kind, LoadedSeries, Outcome, SeriesReport, read
from marview.dicom.read import Allocate
from marview.errors import BadInput
from marview.session.background import Background, IsStale
from marview.session.entries import Entry, Found, find, grouped
from marview.session.messages import Messages, Severity
from marview.session.thumbnail import shrink
from marview.text import tr
from marview.told import told

ANNOUNCE_SECONDS = 0.1


class Library:
    """List of the series found under the opened paths; the chosen series is read in the background.

    Events, all on the window's thread: `listed()` when the list of entries changed, `started(LoadedSeries)` when the
    grid of the chosen series is known, `arrived(slices)` as slices are decoded (at most ten times a second),
    `finished(LoadedSeries)` when all slices are decoded, `busy(text)` when the status text changes
    (empty when idle), `opened(path)` when series were found under a path, `scanned(path, entries)` when
    the scan of a path has finished, with the series found under it, and `emptied()` when no series is in
    view any more, because the last one was closed or the only one cannot be read.
    """

    listed = Signal()
    started = Signal(LoadedSeries)
    arrived = Signal(frozenset)
    finished = Signal(LoadedSeries)
    busy = Signal(str)
    opened = Signal(Path)
    scanned = Signal(Path, tuple)
    emptied = Signal()

    def __init__(self, background: Background, messages: Messages, allocate: Allocate | None = None) -> None:
        self.entries: tuple[Entry, ...] = ()
        self.chosen: Entry | None = None
        self.loaded: LoadedSeries | None = None
        self._allocate = allocate
        self._background = background
        self._post = background.post
        self._messages = messages
        self._scanning = background.latest()
        self._reading = background.latest()

    def open(self, *paths: Path, key: str = "") -> None:
        """List the series under paths, and open one of them unless the user has opened another in the meantime.

        This is the series with the given `key`. Without a key, it is the first of the series whose findings are
        least serious.
        """
        path = paths[0]
        is_chosen_since = self._reading.drop()
        self.busy.emit(tr("Looking through {} …").format(path.name or path))

        def work(is_stale: IsStale) -> list[Found]:
            return [find(each, is_stale, may_be_refused=len(paths) > 1) for each in paths]

        def done(answer: list[Found]) -> None:
            self.busy.emit("")
            entries = tuple(entry for found in answer for entry in found.entries)
            for found in reversed(answer):
                self._take(found)
            if entries and not is_chosen_since():
                self.choose(min(entries, key=lambda entry: (entry.key != key, entry.report.outcome)))

        self._scanning.run(work, done, self._fail)

    def add(self, path: Path) -> None:
        """Find the series under a path and add them to the list without changing the series in view."""
        self._background.run(
            lambda: find(path, lambda: False, may_be_refused=False), self._take, lambda _sentence: None
        )

    def _take(self, found: Found) -> None:
        if found.entries:
            self.opened.emit(found.path)
        new = {entry.key for entry in found.entries}
        self.entries = grouped((*found.entries, *(entry for entry in self.entries if entry.key not in new)))
        self.listed.emit()
        self.scanned.emit(found.path, found.entries)
        if found.notes:
            self._messages.say(Severity.WARNING, found.notes)

    def choose(self, entry: Entry) -> None:
        """Read a series; it comes into view as soon as its grid is known."""
        if entry.report.outcome == Outcome.REFUSES:
            self._messages.error(told(entry.report.reason))
            return
        before, self.chosen = self.chosen, entry
        self.busy.emit(tr("Reading {} …").format(entry.series.description))
        pending: set[int] = set()
        announced = [0.0]
        refusals: list[str] = []

        def work(is_stale: IsStale) -> LoadedSeries | None:
            def post(call: Callable[[], None]) -> None:
                self._post(lambda: None if is_stale() else call())

            def start(loaded: LoadedSeries) -> None:
                post(lambda: self._start(loaded))

            def arrive(slice_index: int) -> None:
                pending.add(slice_index)
                now = time.monotonic()
                if now - announced[0] >= ANNOUNCE_SECONDS:
                    announced[0] = now
                    slices = frozenset(pending)
                    pending.clear()
                    post(lambda: self.arrived.emit(slices))

            try:
                return read(
                    entry.series,
                    report=entry.report,
                    allocate=self._allocate,
                    on_start=start,
                    on_slice=arrive,
                    is_cancelled=is_stale,
                )
            except Cancelled:
                return None
            except BadInput as why:
                refusals.append(str(why))
                raise

        def failed(sentence: str) -> None:
            self._turn_back(entry, before, sentence if refusals else "")
            self._fail(sentence)

        def done(loaded: LoadedSeries | None) -> None:
            if loaded is None:
                return
            self.busy.emit("")
            self.loaded = loaded
            self._complete(entry, loaded)
            self.arrived.emit(frozenset(pending))
            self.finished.emit(loaded)

        self._reading.run(work, done, failed)

    def _turn_back(self, entry: Entry, before: Entry | None, refusal: str) -> None:
        """Show the previous series again after one that cannot be read, or none if there was no previous one.

        Args:
            entry: entry that cannot be read. If it had come into view, its files are refused from now on.
            before: entry that was chosen before.
            refusal: reason why the files of the entry are refused; empty if something else failed.
        """
        is_in_view = self.loaded is not None and self.loaded.series is entry.series
        there = next((one for one in self.entries if before and one.key == before.key != entry.key), None)
        if not is_in_view:
            self.chosen = there
            self.listed.emit()
            return
        if refusal:
            finding = Finding(Kind.DAMAGED, refusal, Outcome.REFUSES)
            refused = replace(entry, report=SeriesReport((*entry.report.findings, finding), entry.report.stack))
            self.entries = tuple(refused if one is entry else one for one in self.entries)
        self.chosen = self.loaded = None
        self.listed.emit()
        if there is None:
            self.emptied.emit()
        else:
            self.choose(there)

    def remove(self, entry: Entry) -> None:
        """Remove a series from the list; if it was in view, read the next one."""
        keys = [one.key for one in self.entries]
        at = keys.index(entry.key)
        self.entries = tuple(one for one in self.entries if one.key != entry.key)
        is_in_view = self.chosen is not None and self.chosen.key == entry.key
        if is_in_view:
            self._reading.drop()
            self.chosen = self.loaded = None
            self.busy.emit("")
        self.listed.emit()
        readable = [one for one in (*self.entries[at:], *self.entries[:at]) if one.report.outcome != Outcome.REFUSES]
        if is_in_view and readable:
            self.choose(readable[0])
        elif is_in_view:
            self.emptied.emit()

    def close(self) -> None:
        """Stop scanning and reading."""
        self._scanning.drop()
        self._reading.drop()

    def choose_neighbour(self, step: int) -> None:
        """Choose the next (1) or previous (-1) series in the list."""
        keys = [entry.key for entry in self.entries]
        if not keys:
            return
        at = keys.index(self.chosen.key) if self.chosen and self.chosen.key in keys else -1
        wanted = max(0, min(len(keys) - 1, at + step))
        if wanted != at:
            self.choose(self.entries[wanted])

    def _complete(self, entry: Entry, loaded: LoadedSeries) -> None:
        """Add the findings made while reading to the entry, and a thumbnail if it has none."""
        hu = loaded.volume.hu
        picture = shrink(hu[len(hu) // 2]) if entry.picture is None else entry.picture
        if picture is entry.picture and len(loaded.report.findings) == len(entry.report.findings):
            return
        complete = replace(entry, picture=picture, report=loaded.report)
        self.entries = tuple(complete if one is entry else one for one in self.entries)
        self.chosen = complete
        self.listed.emit()

    def _start(self, loaded: LoadedSeries) -> None:
        self.loaded = loaded
        self.started.emit(loaded)

    def _fail(self, sentence: str) -> None:
        self.busy.emit("")
        self._messages.error(sentence)
