"""Correct several studies: run `marview batch` in a separate process, and read its job table.

The window and the command line use the same job table and results, so a batch started in one can be resumed in the
other. Nothing is lost if the window's process is killed.
"""

import enum
import logging
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from psygnal import Signal

from marview import children
from marview.batch.job import Job
from marview.batch.job import State as JobState
from marview.batch.table import TABLE, look_at
from marview.errors import MarviewError
from marview.export import Format
from marview.session.background import IsStale, Latest, Post
from marview.text import tr

COMMAND = (*children.command("marview.__main__"), "batch")
LOOK_S = 0.5
_SOME_FAILED = 4
_log = logging.getLogger(__name__)


class Stage(enum.StrEnum):
    """State of a batch."""

    IDLE = "idle"
    RUNNING = "running"
    PAUSING = "pausing"
    PAUSED = "paused"
    DONE = "done"
    FAILED = "failed"

    @property
    def is_under_way(self) -> bool:
        """Return whether the process is running."""
        return self in {Stage.RUNNING, Stage.PAUSING}


@dataclass(frozen=True)
class BatchOrder:
    """Settings of a batch.

    Attributes:
        inputs: folders, archives and files.
        output: folder for the results and the job table.
        method: identifier of the method.
        parameters: values that differ from the method's defaults.
        margin_mm: margin of the metal mask in mm; positive grows the mask, negative shrinks it.
        format_: format of the corrected series.
        restores_cut_off: whether dark streaks that are clipped in the files are restored before the method
            runs.
    """

    inputs: tuple[Path, ...]
    output: Path
    method: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    margin_mm: float = 0.0
    format_: Format = Format.DICOM
    restores_cut_off: bool = True

    def words(self, *, is_resumed: bool, retries_failed: bool = False) -> list[str]:
        """Return the command-line arguments for `marview batch`.

        Args:
            is_resumed: whether the output folder already contains a job table.
            retries_failed: whether to correct failed studies again.
        """
        said = [*map(str, self.inputs), "--output", str(self.output), "--method", self.method]
        for name, value in self.parameters.items():
            said += ["--set", f"{name}={value}"]
        said += ["--margin", str(self.margin_mm), "--format", self.format_.value, "--report", "jsonl"]
        said += [] if self.restores_cut_off else ["--no-restore"]
        said += ["--resume"] if is_resumed else []
        return [*said, "--retry-failed"] if retries_failed else said


class Several:
    """Runner that processes one batch at a time.

    Event, sent on the window's thread: `changed()` when the stage or a job changes.

    Attributes:
        stage: state of the batch.
        jobs: rows of the job table.
        sentence: message that explains why the batch failed; empty if it did not fail.
        order: settings of the last batch; None before the first batch.
    """

    changed = Signal()

    def __init__(self, post: Post, command: Sequence[str] = COMMAND) -> None:
        self.stage = Stage.IDLE
        self.jobs: tuple[Job, ...] = ()
        self.sentence = ""
        self.order: BatchOrder | None = None
        self._command = tuple(command)
        self._post = post
        self._following = Latest.on_own_thread(post, "batch")
        self._process: subprocess.Popen[str] | None = None

    @property
    def settled(self) -> int:
        """Return the number of jobs that are done, skipped or failed."""
        return sum(job.state.is_final for job in self.jobs)

    @property
    def unsaved(self) -> list[str]:
        """Describe the unfinished batch that closing marview would interrupt."""
        if not self.stage.is_under_way:
            return []
        return [tr("the unfinished correction of several studies, which can be resumed from its folder")]

    def begin(self, order: BatchOrder, *, retries_failed: bool = False) -> None:
        """Start a batch; if the output folder contains a job table, correct only the remaining studies.

        With `retries_failed`, failed studies count as remaining.
        """
        if self.stage.is_under_way:
            return
        is_resumed = (order.output / TABLE).exists()
        words = order.words(is_resumed=is_resumed, retries_failed=retries_failed and is_resumed)
        try:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter
                [*self._command, *words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                cwd=children.NEUTRAL_FOLDER,
                env=children.environment(),
            )
        except OSError as why:
            sentence = tr("marview batch cannot be started: {}.")
            self._end(Stage.FAILED, sentence.format((why.strerror or tr("unknown reason")).lower()))
            return
        if not is_resumed:
            self.jobs = ()
        self.order, self._process = order, process
        self.stage, self.sentence = Stage.RUNNING, ""
        self.changed.emit()
        self._following.run(
            lambda is_stale: self._follow(process, order.output / TABLE, is_stale),
            lambda complaint: self._take_end(process, complaint),
            lambda sentence: self._end(Stage.FAILED, sentence),
        )

    def resume(self, *, retries_failed: bool = False) -> None:
        """Correct the remaining studies of the last batch."""
        if self.order is not None:
            self.begin(self.order, retries_failed=retries_failed)

    def pause(self) -> None:
        """Stop the batch; studies in progress go back to the waiting state."""
        if self.stage is Stage.RUNNING and self._process is not None:
            self.stage = Stage.PAUSING
            self._process.terminate()
            self.changed.emit()

    def result_of(self, job: Job) -> Path | None:
        """Return the folder of a job's corrected series; None if there is none."""
        if self.order is None or job.state is not JobState.DONE:
            return None
        return self.order.output / job.folder

    def close(self) -> None:
        """Stop the process; the job table stays valid, so the batch can be resumed."""
        self._following.drop()
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()

    def _follow(self, process: "subprocess.Popen[str]", table: Path, is_stale: IsStale) -> str:
        """Read the table until the process ends; return its last error message."""
        seen: tuple[Job, ...] = ()
        while True:
            try:
                _, complaint = process.communicate(timeout=LOOK_S)
                is_over = True
            except subprocess.TimeoutExpired:
                complaint, is_over = "", False
            jobs = _rows(table)
            if jobs and jobs != seen:
                seen = jobs
                self._post(partial(self._show, jobs, is_stale))
            if is_over:
                return (complaint.strip().splitlines() or [""])[-1].removeprefix("marview: ")

    def _show(self, jobs: tuple[Job, ...], is_stale: IsStale) -> None:
        if not is_stale():
            self.jobs = jobs
            self.changed.emit()

    def _take_end(self, process: "subprocess.Popen[str]", complaint: str) -> None:
        if self.stage is Stage.PAUSING:
            self._end(Stage.PAUSED, "")
        elif process.returncode in {0, _SOME_FAILED}:
            self._end(Stage.DONE, "")
        else:
            self._end(
                Stage.FAILED, complaint or tr("The correction stopped unexpectedly. The log contains the details.")
            )

    def _end(self, stage: Stage, sentence: str) -> None:
        self.stage, self.sentence, self._process = stage, sentence, None
        self.changed.emit()


def _rows(table: Path) -> tuple[Job, ...]:
    try:
        return tuple(look_at(table))
    except MarviewError:
        _log.info("the job table cannot be read yet")
        return ()
