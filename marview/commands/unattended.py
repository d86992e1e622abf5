"""Correct the study of one job, on this machine or in a cluster worker, and always report the outcome."""

import json
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import cache, partial
from pathlib import Path
from typing import Any, Self

from marview.batch.job import Ending, Job, State
from marview.commands.correction import Correction, corrected_series
from marview.commands.metal import FoundMetal
from marview.dicom.atomic import whole_file
from marview.errors import MarviewError, NoMetal
from marview.mar import MarWorker, SliceDone
from marview.mar.messages import Message
from marview.small_text import read_json
from marview.threads import cores

_log = logging.getLogger(__name__)

_STARTS_WITHIN_S = 1200.0
"""Time limit for the start of a worker; it is long, so that studies do not fail while a machine is busy."""

_TELLS_EVERY_S = 1.0
"""Interval between two records of a study's progress in the job table."""


class LocalCorrector:
    """Corrector for use on several threads; each thread keeps its own worker process running.

    Args:
        output: folder of the results.
        correction: method and options for every study.
        number: number of threads that call `correct`; they share the processor cores.
        advance: called with a job and its number of slices corrected so far, at most once per second.
    """

    def __init__(
        self,
        output: Path,
        correction: Correction,
        number: int,
        advance: Callable[[Job, int], None] = lambda _job, _corrected: None,
    ) -> None:
        self._output, self._correction, self._number, self._advance = output, correction, number, advance
        self._mine = threading.local()
        self._workers: list[MarWorker] = []

    def __enter__(self) -> Self:
        if self._number > 1 and "MARVIEW_THREADS" not in os.environ:
            os.environ["MARVIEW_THREADS"] = str(max(1, cores() // self._number))
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.close()

    def correct(self, job: Job, stop: threading.Event) -> Ending | None:
        """Correct the study of a job.

        Returns:
            The outcome for the job table: state, reason, number of corrected slices, seconds and notes;
            None if `stop` ended the run early. If the folder already contains a result, the outcome of
            the run that wrote this result is returned.
        """
        folder, follow = self._output / job.folder, partial(self._advance, job)
        return ending_of(folder) or correct_study(job, folder, self._correction, self._worker, stop.is_set, follow)

    def _worker(self) -> MarWorker:
        worker: MarWorker | None = getattr(self._mine, "worker", None)
        if worker is None:
            worker = self._mine.worker = MarWorker(starts_within_s=_STARTS_WITHIN_S)
            self._workers.append(worker)
        return worker


def correct_remotely(output: Path, correction: Correction, job: Job) -> Ending:
    """Correct the study of a job on a cluster worker; all machines share the results folder.

    If a worker dies, another worker corrects the study from the start, unless the complete result was
    already written.
    """
    folder = output / job.folder
    ending = ending_of(folder) or correct_study(job, folder, correction, _warm_worker)
    assert ending is not None
    return ending


@cache
def _warm_worker() -> MarWorker:
    return MarWorker(starts_within_s=_STARTS_WITHIN_S)


def correct_study(
    job: Job,
    folder: Path,
    correction: Correction,
    worker: Callable[[], MarWorker],
    is_cancelled: Callable[[], bool] = lambda: False,
    advance: Callable[[int], None] = lambda _: None,
) -> Ending | None:
    """Correct the study of a job without raising exceptions; return None if `is_cancelled` ended the run early.

    Args:
        job: the study.
        folder: output folder.
        correction: method and options.
        worker: function that returns the worker that runs the method.
        is_cancelled: called a few times per second.
        advance: called with the number of slices corrected so far, at most once per second.
    """
    started = told = time.monotonic()
    so_far = 0
    said: list[str] = []
    endings: list[Ending] = []

    def announce(metal: FoundMetal, report: Mapping[str, Any]) -> None:
        corrected = sum(1 for each in report.get("slices", ()) if each["metal_pixels"])
        notes = tuple(dict.fromkeys([*said, *metal.notes, *map(str, report.get("notes", ()))]))
        endings.append(Ending(State.DONE, "", corrected, time.monotonic() - started, notes))
        with whole_file(_announcement(folder)) as part:
            part.write_text(json.dumps(asdict(endings[-1])), encoding="utf-8")

    def hear(message: Message) -> None:
        nonlocal so_far, told
        if isinstance(message, SliceDone) and message.metal_pixels:
            so_far += 1
            if time.monotonic() - told >= _TELLS_EVERY_S:
                told = time.monotonic()
                advance(so_far)

    try:
        corrected_series(
            job.source,
            folder,
            correction,
            worker,
            series_key=job.series,
            tell=said.append,
            on_message=hear,
            is_cancelled=is_cancelled,
            before_writing=announce,
        )
    except NoMetal as why:
        return Ending(State.SKIPPED, str(why))
    except MarviewError as why:
        return None if is_cancelled() else Ending(State.FAILED, str(why))
    except OSError as why:
        _log.exception("the system refused")
        return Ending(
            State.FAILED, f"The operating system reported an error: {(why.strerror or type(why).__name__).lower()}."
        )
    except Exception as bug:  # noqa: BLE001 - one study must not end the others
        _log.exception("not expected")
        sentence = f"Something went wrong inside marview ({type(bug).__name__}); the log contains the details."
        return Ending(State.FAILED, sentence)
    return endings[-1]


def ending_of(folder: Path) -> Ending | None:
    """Return the outcome of a study if its result was written before the process died; None otherwise.

    An existing results folder is always complete: a record next to the folder is written first, and the
    folder itself is created last.
    """
    if not folder.is_dir() or not any(folder.iterdir()):
        return None
    try:
        told = read_json(_announcement(folder))
        return Ending(**told | {"state": State(told["state"]), "notes": tuple(told["notes"])})
    except (OSError, ValueError, KeyError, TypeError):
        return Ending(State.DONE, notes=("The program was stopped after it had written this result.",))


def forget_announcement(folder: Path) -> None:
    """Delete the record next to a result once the outcome is in the job table."""
    _announcement(folder).unlink(missing_ok=True)


def _announcement(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.json")
