"""Index the headers of all opened series in an SQLite file, so that the user can find the series again.

The index contains patient names and identifiers. Only the user can read the file, which is in the user's
data folder, and its contents are never logged. The index can be deleted and rebuilt from the study files
at any time.
"""

import logging
import sqlite3
import time
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_data_path

from marview.dicom import Outcome
from marview.paths import make_private
from marview.session.entries import Entry
from marview.text import tr, translatable

MOST_FOUND = 200
"""Largest number of series that a search returns."""

_VERSION = 1
_CREATE = """
CREATE TABLE IF NOT EXISTS series (
    key TEXT PRIMARY KEY,
    path TEXT NOT NULL,
    patient TEXT NOT NULL,
    patient_id TEXT NOT NULL,
    study TEXT NOT NULL,
    date TEXT NOT NULL,
    series TEXT NOT NULL,
    modality TEXT NOT NULL,
    slices INTEGER NOT NULL,
    findings TEXT NOT NULL,
    is_refused INTEGER NOT NULL,
    rows INTEGER NOT NULL,
    picture BLOB,
    opened REAL NOT NULL
);
"""
_COLUMNS = "key, path, patient, patient_id, study, date, series, modality, slices, findings, is_refused, rows, picture"
_SEARCHED = ("patient", "patient_id", "study", "date", "series", "modality", "findings")
_OPENING_S, _WRITING_MS = 2, 10_000
"""Time in milliseconds to wait while another program writes the file: when opening the file, and later."""
_UNREACHABLE = translatable("The list of earlier studies cannot be opened. Check that its folder is writable.")
_log = logging.getLogger(__name__)


def index_file() -> Path:
    """Return the path of the user's index file."""
    return user_data_path("marview", appauthor=False) / "studies.sqlite"


@dataclass(frozen=True, eq=False)
class KnownSeries:
    """A series in the index.

    Attributes:
        key: key of the series, as in `Entry`.
        path: folder, archive or file in which the series was found.
        findings: types of findings reported when the series was checked.
        is_refused: whether the series cannot be shown.
        picture: thumbnail, uint8 `[y, x]`; None if there is none.
    """

    key: str
    path: Path
    patient: str
    patient_id: str
    study: str
    date: str
    series: str
    modality: str
    slices: int
    findings: tuple[str, ...]
    is_refused: bool
    picture: NDArray[np.uint8] | None


class StudyIndex:
    """Thread-safe index that stores and finds series.

    A damaged file is renamed and replaced by an empty index; `is_fresh` is then True, and `rebuild`
    fills the index. A file that is locked, cannot be written or was written by a newer version of
    marview is left unchanged, and the index is kept in memory only.

    Attributes:
        trouble: message that explains why the file is not used and what to do; empty if the file is used.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = Lock()
        self.is_fresh = not file.exists()
        self.trouble = ""
        try:
            self._connection = _opened(file)
        except _NotUsed as why:
            self.trouble = str(why)
            self._connection = _prepared(":memory:")
        except sqlite3.DatabaseError:
            _log.warning("the index of studies is damaged; starting an empty one")
            file.replace(_aside(file))
            self.is_fresh = True
            self._connection = _opened(file)

    def remember(self, path: Path, entries: Iterable[Entry]) -> None:
        """Store the series found under a path, replacing earlier entries of that path."""
        rows = [_row(path, entry) for entry in entries]
        marks = ", ".join("?" * 14)
        with self._lock, suppress(sqlite3.Error), self._connection:
            self._connection.execute("DELETE FROM series WHERE path = ?", (str(path.absolute()),))
            self._connection.executemany(f"INSERT OR REPLACE INTO series VALUES ({marks})", rows)  # noqa: S608

    def find(self, text: str = "") -> list[KnownSeries]:
        """Return the series whose headers contain every word of a text, most recently opened first."""
        words = text.split()
        where = " AND ".join(["(" + " || ' ' || ".join(_SEARCHED) + ") LIKE ? ESCAPE '\\'"] * len(words)) or "1"
        values = [f"%{_escaped(word)}%" for word in words]
        query = f"SELECT {_COLUMNS} FROM series WHERE {where} ORDER BY opened DESC, rowid LIMIT {MOST_FOUND}"  # noqa: S608
        with self._lock, suppress(sqlite3.Error), closing(self._connection.execute(query, values)) as cursor:
            return [_known(row) for row in cursor.fetchall()]
        return []

    def forget(self, key: str) -> None:
        """Remove a series from the index."""
        with self._lock, suppress(sqlite3.Error):
            self._connection.execute("DELETE FROM series WHERE key = ?", (key,))

    def clear(self) -> None:
        """Remove all series and overwrite their data in the file; also remove a damaged file that was renamed."""
        with suppress(OSError):
            _aside(self._file).unlink(missing_ok=True)
        with self._lock, suppress(sqlite3.Error):
            self._connection.execute("DELETE FROM series")
            self._connection.execute("VACUUM")

    @property
    def paths(self) -> list[Path]:
        """Return the paths of all series."""
        with self._lock, suppress(sqlite3.Error):
            rows = self._connection.execute("SELECT DISTINCT path FROM series ORDER BY opened").fetchall()
            return [Path(path) for (path,) in rows]
        return []

    def rebuild(self, paths: Iterable[Path], look: Callable[[Path], Iterable[Entry]]) -> None:
        """Read the headers of all series again; remove series that no longer exist.

        Args:
            paths: paths to read in addition to those in the index.
            look: function that finds the series under a path; it returns no series if the path cannot be read.
        """
        for path in dict.fromkeys((*self.paths, *(path.absolute() for path in paths))):
            self.remember(path, look(path))

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._connection.close()


class _NotUsed(Exception):  # noqa: N818 - a reason, for the user
    """Error for a file that marview leaves unchanged and does not use."""


def _aside(file: Path) -> Path:
    return file.with_name(f"{file.name}.damaged")


def _opened(file: Path) -> sqlite3.Connection:
    """Open the SQLite file of an index.

    Raises:
        _NotUsed: the file cannot be used now, but does not appear to be damaged.
        sqlite3.DatabaseError: the file is damaged.
    """
    try:
        make_private(file.parent)
        file.touch(mode=0o600)  # the file contains names of patients
        file.chmod(0o600)
        return _prepared(str(file))
    except sqlite3.OperationalError as why:
        if why.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            raise _NotUsed(
                tr(
                    "The list of earlier studies is in use by another program. Close that program and start "
                    "marview again."
                )
            ) from why
        if why.sqlite_errorcode & 0xFF == sqlite3.SQLITE_ERROR:  # the columns of the table differ
            raise
        raise _NotUsed(tr(_UNREACHABLE)) from why
    except OSError as why:
        raise _NotUsed(tr(_UNREACHABLE)) from why


def _prepared(place: str) -> sqlite3.Connection:
    connection = sqlite3.connect(place, timeout=_OPENING_S, check_same_thread=False, isolation_level=None)
    try:
        connection.execute("PRAGMA secure_delete = ON")
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        if version > _VERSION:
            raise _NotUsed(
                tr(
                    "The list of earlier studies was written by a newer version of marview. Use that version to see "
                    "the list."
                )
            )
        if version != _VERSION:
            connection.executescript(_CREATE)
            connection.execute(f"PRAGMA user_version = {_VERSION}")
        connection.execute(f"SELECT {_COLUMNS}, opened FROM series LIMIT 1").fetchall()  # noqa: S608 - our own words
        connection.execute(f"PRAGMA busy_timeout = {_WRITING_MS}")
    except BaseException:
        connection.close()
        raise
    return connection


def _escaped(word: str) -> str:
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _row(path: Path, entry: Entry) -> tuple[Any, ...]:
    study, picture = entry.study, entry.picture
    return (
        entry.key,
        str(path.absolute()),
        study.patient_name,
        study.patient_id,
        study.description,
        study.date,
        entry.series.description,
        entry.series.modality,
        entry.slice_count,
        "\n".join(str(finding.kind) for finding in entry.report.findings),
        entry.report.outcome == Outcome.REFUSES,
        0 if picture is None else len(picture),
        None if picture is None else picture.tobytes(),
        time.time(),
    )


def _known(row: tuple[Any, ...]) -> KnownSeries:
    key, path, patient, patient_id, study, date, series, modality, slices, findings, is_refused, rows, blob = row
    picture = np.frombuffer(blob, np.uint8).reshape(rows, -1) if blob and rows and not len(blob) % rows else None
    kinds = tuple(str(findings).split("\n")) if findings else ()
    return KnownSeries(
        key, Path(path), patient, patient_id, study, date, series, modality, slices, kinds, bool(is_refused), picture
    )
