"""What was opened: scans of folders, the series in them, and the one that is read into memory."""

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

ANNOUNCE_SECONDS = 0.1


@dataclass(frozen=True, eq=False)
class Entry:
    """A line of the series list.

    Attributes:
        picture: a small grey picture, uint8 `[y, x]`; None where none can be made from the headers.
    """

    study: Study
    series: Series
    report: SeriesReport
    picture: NDArray[np.uint8] | None = None

    @property
    def key(self) -> str:
        """Tells entries apart."""
        return f"{self.study.uid}/{self.series.key}"

    @property
    def slice_count(self) -> int:
        """Slices of the stack; of a series that cannot be stacked, its files."""
        return self.report.stack.grid.shape[0] if self.report.stack else len(self.series)


@dataclass(frozen=True, eq=False)
class Found:
    """The series under a path, and what the person should know of it."""

    path: Path
    entries: tuple[Entry, ...]
    notes: str = ""


def look(path: Path, is_cancelled: Callable[[], bool] = lambda: False) -> Found:
    """Find the series under a path by their headers.

    Raises:
        BadInput: there is none.
        Cancelled: nobody wants to know any more.
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
    """As `look`; of several paths one that is refused does not hide the others."""
    try:
        return look(path, is_cancelled)
    except BadInput as refusal:
        if not may_be_refused:
            raise
        return Found(path, (), str(refusal))


def patient_of(study: Study) -> tuple[str, ...]:
    """Tells patients apart: by identifier and name, however the name is spelt; a study that names nobody is alone."""
    name = " ".join(study.patient_name.replace("^", " ").split()).casefold()
    who = (study.patient_id.strip(), name)
    return who if any(who) else ("", "", study.uid or str(id(study)))


def grouped(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """The series of a patient together, and within them those of a study; else in their order."""
    patients: dict[tuple[str, ...], dict[str, list[Entry]]] = {}
    for entry in entries:
        study = entry.study.uid or str(id(entry.study))
        patients.setdefault(patient_of(entry.study), {}).setdefault(study, []).append(entry)
    return tuple(entry for studies in patients.values() for series in studies.values() for entry in series)


class Library:
    """Finds series and reads the chosen one, off the window's thread.

    Events, all on the window's thread: `listed()` when the list of entries changed, `started(LoadedSeries)` when the
    grid of the chosen series is known, `arrived(slices)` as slices are decoded (at most ten times a second),
    `finished(LoadedSeries)`, `busy(text)`, empty when idle, `opened(path)` when series were
    found under a path, `scanned(path, entries)` with them, and `emptied()` when the series in view was closed and none
    is left.
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
        """Look for series under some paths, add them to the list and, unless one is chosen meanwhile, choose the first.

        Where a key is given, the series of that key is chosen instead.
        """
        path = paths[0]
        is_chosen_since = self._reading.drop()
        self.busy.emit(f"Looking through {path.name or path} …")

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
        """Look for series under a path and add them to the list; what is in view stays."""
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
        """Read a series, and make it the one in view as soon as its grid is known."""
        if entry.report.outcome == Outcome.REFUSES:
            self._messages.error(entry.report.reason)
            return
        self.chosen = entry
        self.busy.emit(f"Reading {entry.series.description} …")
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
        """Take a series off the list; where it is in view, the next one is read, or none is left."""
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
        """Show in the list what reading added: findings, and a picture where there was none."""
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
