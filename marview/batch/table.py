"""The job table: a SQLite file that stays consistent even if the process is killed."""

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any, Self

from marview.batch.job import Ending, Job, Plan, State
from marview.errors import BadInput, UsageError
from marview.text import count

TABLE = "jobs.sqlite"
"""Name of the job table in an output folder."""

_VERSION = 1
_CREATE = """
CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,
    source TEXT NOT NULL,
    series TEXT NOT NULL,
    slices INTEGER NOT NULL,
    state TEXT NOT NULL,
    reason TEXT NOT NULL DEFAULT '',
    corrected INTEGER NOT NULL DEFAULT 0,
    seconds REAL NOT NULL DEFAULT 0,
    notes TEXT NOT NULL DEFAULT '[]'
);
CREATE TABLE IF NOT EXISTS orders (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
_COLUMNS = "number, key, source, series, slices, state, reason, corrected, seconds, notes"


class JobTable:
    """Job table of one output folder, safe to use from several threads.

    The file uses write-ahead logging (WAL), and every change is a single transaction. If the process is
    killed during a change, the change is therefore either complete or absent.
    """

    def __init__(self, path: Path) -> None:
        """Open the table, or create a new one.

        Raises:
            BadInput: the file is not a job table, or was written by a newer version of marview.
        """
        self._path, self._lock = path, Lock()
        try:
            self._connection = sqlite3.connect(path, timeout=30, check_same_thread=False, isolation_level=None)
            self._connection.execute("PRAGMA journal_mode=WAL")
            version = int(self._connection.execute("PRAGMA user_version").fetchone()[0])
            if version > _VERSION:
                raise BadInput(
                    f"{path} was created by a newer version of marview. Update marview, or choose another "
                    f"output folder."
                )
            self._connection.executescript(_CREATE)
            self._connection.execute(f"PRAGMA user_version={_VERSION}")
        except (sqlite3.Error, OSError) as why:
            raise BadInput(
                f"{path} cannot be used as a job table: {why}. Choose another output folder, or move the file away."
            ) from None

    def order(self, wanted: Mapping[str, Any]) -> None:
        """Store the options in a new table, or check that they match the options stored in an existing one.

        Raises:
            BadInput: the disk is full or read-only.
            UsageError: the stored options differ; all results in a table must use the same options.
        """
        known = dict(self._all("SELECT name, value FROM orders"))
        given = {name: json.dumps(value, sort_keys=True) for name, value in wanted.items()}
        if not known:
            with self._writing() as connection, connection:
                connection.executemany("INSERT INTO orders VALUES (?, ?)", list(given.items()))
            return
        for name in {**given, **known}:
            before, now = (options.get(name, "the default") for options in (known, given))
            if before != now:
                raise UsageError(
                    f"The job table in {self._path.parent} was created with {name} = {before}, not {now}. "
                    "Repeat the earlier options, or choose another output folder."
                )

    def add(self, plan: Plan) -> bool:
        """Add a job, or update an uncorrected one whose files have changed; return whether the table changed.

        If a study had no usable series and its files are repaired later, the study keeps its row.
        """
        row = (plan.key, _stored(plan.source), plan.series, plan.slices, plan.state.value, plan.reason)
        names = "key, source, series, slices, state, reason"
        with self._writing() as connection:
            for key in (plan.key, *plan.earlier):
                known = connection.execute(f"SELECT {names} FROM jobs WHERE key = ?", (key,)).fetchone()  # noqa: S608
                if known is None:
                    continue
                _, _, series, slices, state, _ = known
                is_as_before = key == plan.key and slices == plan.slices and series
                if state in {State.DONE, State.RUNNING} or is_as_before or known == row:
                    return False
                connection.execute(f"UPDATE jobs SET ({names}) = (?, ?, ?, ?, ?, ?) WHERE key = ?", (*row, key))  # noqa: S608
                return True
            connection.execute(f"INSERT INTO jobs ({names}) VALUES (?, ?, ?, ?, ?, ?)", row)  # noqa: S608
        return True

    def note_growth(self, plan: Plan) -> Job | None:
        """Add a note to the row of a corrected study if its number of slices has changed.

        Returns:
            The job with the new note; None if the study is unchanged or the row already has the note.
        """
        job = self.job(plan.key)
        note = f"The study now has {count(plan.slices, 'slice')}. Correct it again with marview reduce."
        if job is None or job.state is not State.DONE or plan.slices in {0, job.slices} or note in job.notes:
            return None
        self._set(job, "notes = ?", (json.dumps([*job.notes, note]),))
        return replace(job, notes=(*job.notes, note))

    def start(self, job: Job) -> None:
        """Mark a job as running."""
        self._set(job, "state = ?", (State.RUNNING.value,))

    def requeue(self, job: Job) -> None:
        """Return a job to the queue after a cancelled run."""
        self._set(job, "state = ?, reason = '', corrected = 0", (State.QUEUED.value,))

    def advance(self, job: Job, corrected: int) -> None:
        """Record the number of slices corrected so far in a running job."""
        self._set(job, "corrected = ?", (corrected,))

    def finish(self, job: Job, ending: Ending) -> None:
        """Record the outcome of a job."""
        values = (ending.state.value, ending.reason, ending.corrected, ending.seconds, json.dumps(ending.notes))
        self._set(job, "state = ?, reason = ?, corrected = ?, seconds = ?, notes = ?", values)

    def recover(self, ending_of: Callable[[Job], Ending | None]) -> None:
        """Recover the jobs of a killed process: record existing results, and queue unfinished jobs again.

        Args:
            ending_of: function that returns the outcome of a job, or None if the job has no result.
        """
        for job in [*self.jobs(State.RUNNING), *self.jobs(State.QUEUED)]:
            ending = ending_of(job)
            if ending is not None:
                self.finish(job, ending)
            elif job.state is State.RUNNING:
                self.requeue(job)

    def retry_failed(self) -> None:
        """Queue every failed job again."""
        with self._writing() as connection:
            connection.execute(
                "UPDATE jobs SET state = ?, reason = '' WHERE state = ?", (State.QUEUED.value, State.FAILED.value)
            )

    def job(self, key: str) -> Job | None:
        """Return the job with the given key; None if there is none."""
        rows = self._all(f"SELECT {_COLUMNS} FROM jobs WHERE key = ?", (key,))  # noqa: S608 - our own words
        return _job(rows[0]) if rows else None

    def jobs(self, state: State | None = None) -> list[Job]:
        """Return all jobs, or only the jobs in one state, ordered by number."""
        where, values = ("", ()) if state is None else ("WHERE state = ?", (state.value,))
        rows = self._all(f"SELECT {_COLUMNS} FROM jobs {where} ORDER BY number", values)  # noqa: S608 - our own words
        return [_job(row) for row in rows]

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _set(self, job: Job, what: str, values: tuple[Any, ...]) -> None:
        with self._writing() as connection:
            connection.execute(f"UPDATE jobs SET {what} WHERE key = ?", (*values, job.key))  # noqa: S608

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Yield the connection to one thread at a time.

        Raises:
            BadInput: the disk is full or read-only.
        """
        try:
            with self._lock:
                yield self._connection
        except sqlite3.OperationalError as why:
            raise BadInput(f"{self._path} cannot be written: {why}. Free disk space, then use --resume.") from None

    def _all(self, query: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        with self._writing() as connection, closing(connection.execute(query, values)) as cursor:
            return cursor.fetchall()


def look_at(path: Path) -> list[Job]:
    """Read the jobs in a table, even while another process is using it.

    Raises:
        BadInput: the table does not exist, or cannot be read at the moment.
    """
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5)) as connection:
            return [_job(row) for row in connection.execute(f"SELECT {_COLUMNS} FROM jobs ORDER BY number")]  # noqa: S608
    except sqlite3.Error as why:
        raise BadInput(f"{path} cannot be read as a job table: {why}.") from None


def _job(row: tuple[Any, ...]) -> Job:
    number, key, source, series, slices, state, reason, corrected, seconds, notes = row
    source = source if isinstance(source, str) else source.decode(errors="surrogatepass")
    return Job(
        number, key, Path(source), series, slices, State(state), reason, corrected, seconds, tuple(json.loads(notes))
    )


def _stored(path: Path) -> str | bytes:
    """Return a path as text, or as bytes if its name is not valid text, which SQLite refuses."""
    words = str(path)
    try:
        words.encode()
    except UnicodeEncodeError:
        return words.encode(errors="surrogatepass")
    return words
