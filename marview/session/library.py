"""The open series: scanning folders for them, and reading the chosen one into memory."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from marview.dicom import Cancelled, LoadedSeries, Outcome, Series, SeriesReport, Study, check, read, scan
from marview.dicom.read import Allocate
from marview.errors import BadInput
from marview.session.background import Background, IsStale
from marview.session.messages import Messages, Severity
from marview.session.thumbnail import shrink, thumbnail
from marview.text import tr
from marview.told import told

ANNOUNCE_SECONDS = 0.1


@dataclass(frozen=True, eq=False)
class Entry:
    """An entry of the series list.

    Attributes:
        picture: thumbnail, uint8 `[y, x]`; None if it cannot be made from the headers.
    """

    study: Study
    series: Series
    report: SeriesReport
    picture: NDArray[np.uint8] | None = None

    @property
    def key(self) -> str:
        """Return the unique key of the series."""
        return f"{self.study.uid}/{self.series.key}"

    @property
    def slice_count(self) -> int:
        """Return the number of slices, or of files if the series cannot be stacked."""
        return self.report.stack.grid.shape[0] if self.report.stack else len(self.series)


@dataclass(frozen=True, eq=False)
class Found:
    """The series found under a path, with a message for the user."""

    path: Path
    entries: tuple[Entry, ...]
    notes: str = ""


def look(path: Path, is_cancelled: Callable[[], bool] = lambda: False) -> Found:
    """Find the series under a path by their headers.

    Raises:
        BadInput: there is no series.
        Cancelled: `is_cancelled` returned True.
    """
    found = scan(path, is_cancelled=is_cancelled)
    entries = tuple(
        Entry(study, series, report, thumbnail(series, report))
        for study in found.studies
        for series in study.series
        for report in (check(series),)
    )
    return Found(path, entries, " ".join(found.damaged[:2]))


def _found(path: Path, is_cancelled: Callable[[], bool], *, may_be_refused: bool) -> Found:
    """As `look`, but a refused path returns its message if other paths were given."""
    try:
        return look(path, is_cancelled)
    except BadInput as refusal:
        if not may_be_refused:
            raise
        return Found(path, (), str(refusal))


def patient_of(study: Study) -> tuple[str, ...]:
    """Return a key of the patient from identifier and normalised name; a study without both is its own patient."""
    name = " ".join(study.patient_name.replace("^", " ").split()).casefold()
    who = (study.patient_id.strip(), name)
    return who if any(who) else ("", "", study.uid or str(id(study)))


def grouped(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """Group entries by patient and study; keep their order otherwise."""
    patients: dict[tuple[str, ...], dict[str, list[Entry]]] = {}
    for entry in entries:
        study = entry.study.uid or str(id(entry.study))
        patients.setdefault(patient_of(entry.study), {}).setdefault(study, []).append(entry)
    return tuple(entry for studies in patients.values() for series in studies.values() for entry in series)


class Library:
    """Finds series and reads the chosen one, in the background.

    Events, all on the window's thread: `listed()` when the list of entries changed, `started(LoadedSeries)` when the
    grid of the chosen series is known, `arrived(slices)` as slices are decoded (at most ten times a second),
    `finished(LoadedSeries)` when all are, `busy(text)` with a text that is empty when idle, `opened(path)` when series
    were found under a path, `scanned(path, entries)` with these series, and `emptied()` when the last series was
    closed.
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
        """Find series under paths, list them and choose the first, unless another is chosen meanwhile.

        If a key is given, the series with this key is chosen instead.
        """
        path = paths[0]
        is_chosen_since = self._reading.drop()
        self.busy.emit(tr("Looking through {} …").format(path.name or path))

        def work(is_stale: IsStale) -> list[Found]:
            return [_found(each, is_stale, may_be_refused=len(paths) > 1) for each in paths]

        def done(answer: list[Found]) -> None:
            self.busy.emit("")
            entries = tuple(entry for found in answer for entry in found.entries)
            for found in reversed(answer):
                self._take(found)
            if entries and not is_chosen_since():
                self.choose(min(entries, key=lambda entry: (entry.key != key, entry.report.outcome)))

        self._scanning.run(work, done, self._fail)

    def add(self, path: Path) -> None:
        """Find series under a path and list them; the series in view stays."""
        self._background.run(
            lambda: _found(path, lambda: False, may_be_refused=False), self._take, lambda _sentence: None
        )

    def _take(self, found: "Found") -> None:
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
        self.chosen = entry
        self.busy.emit(tr("Reading {} …").format(entry.series.description))
        pending: set[int] = set()
        announced = [0.0]

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

        def done(loaded: LoadedSeries | None) -> None:
            if loaded is None:
                return
            self.busy.emit("")
            self.loaded = loaded
            self._complete(entry, loaded)
            self.arrived.emit(frozenset(pending))
            self.finished.emit(loaded)

        self._reading.run(work, done, self._fail)

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
        """Choose the next (1) or previous (-1) series of the list."""
        keys = [entry.key for entry in self.entries]
        if not keys:
            return
        at = keys.index(self.chosen.key) if self.chosen and self.chosen.key in keys else -1
        wanted = max(0, min(len(keys) - 1, at + step))
        if wanted != at:
            self.choose(self.entries[wanted])

    def _complete(self, entry: Entry, loaded: LoadedSeries) -> None:
        """Add findings of the reading, and a picture if there was none, to the entry."""
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
