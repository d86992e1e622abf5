"""Run methods on benchmark cases in a worker process."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from marview.errors import BadInput, MethodFailed
from marview.evaluation.benchmark import Corrected, Entry, Tell
from marview.evaluation.case import KnownCase
from marview.evaluation.notes import notes_from_json
from marview.evaluation.taking_part import entry
from marview.mar import CasesRequest, Listing, MarWorker, Message, Outcome, Progress, Run, discover
from marview.mar.messages import Device
from marview.mar.scratch import scratch
from marview.worker.case_files import save_case, save_neighbours
from marview.worker.neighbours import Neighbours

_ALONE = (
    "Training needs other slices of the scan, but there are none: the cases include no other slice of the patient, or "
    "do not name the patient. Use a DICOM series, a NIfTI file, or a TIFF stack with several slices of a patient and "
    "an index.csv beside it (columns file, page, patient)."
)


class WorkerMethods:
    """Installed methods, run on cases in a separate worker process, so that a crash does not end the benchmark.

    Args:
        device: device for the methods.
        listings: function that finds the installed methods.
    """

    def __init__(self, device: Device = "auto", listings: Callable[[], list[Listing]] = discover) -> None:
        self._device, self._listings = device, listings
        self._worker = MarWorker(listings=listings)
        self._folder = tempfile.TemporaryDirectory(dir=scratch(Path(tempfile.gettempdir())))
        self._saved: KnownCase | None = None

    def entry(self, method: str, parameters: Mapping[str, Any] | None = None) -> Entry:
        """Return an installed method as a benchmark entry.

        Raises:
            UsageError: the method is unknown or not trained.
        """
        return entry(method, self._listings(), parameters)

    def notices(self, methods: Sequence[str]) -> list[str]:
        """Return a message for each method that replaces another one."""
        return [each.notice for each in self._listings() if each.id in methods and each.notice]

    def __call__(self, entry: Entry, known: KnownCase, tell: Tell) -> Corrected:
        """Run a method on a case.

        Raises:
            MethodFailed: the method failed, crashed or refused its parameters, or other slices of the scan cannot be
                read.
        """
        folder = Path(self._folder.name)
        case, result, neighbours = (folder / f"{name}.npz" for name in ("case", "result", "neighbours"))
        if self._saved is not known:
            save_case(known.case, case)
            neighbours.unlink(missing_ok=True)
            self._saved = known
        if entry.learns_from_scan and known.neighbours is not None and not neighbours.exists():
            save_neighbours(_read(known.neighbours), neighbours)
        request = CasesRequest(
            method=entry.id,
            cases=(str(case),),
            results=(str(result),),
            parameters=entry.parameters,
            device=self._device,
            neighbours=str(neighbours) if entry.learns_from_scan and neighbours.exists() else "",
        )
        furthest = 0.0

        def hear(message: Message) -> None:
            nonlocal furthest
            if isinstance(message, Progress):  # learning takes longest, and the bar never moves back
                furthest = max(furthest, message.fraction)
                tell(furthest)

        run = self._worker.cases(request, hear)
        try:
            outcome = _wait(run)
        except KeyboardInterrupt:
            run.cancel()
            raise
        is_alone = entry.learns_from_scan and known.neighbours is None
        if outcome.state != "done":
            raise MethodFailed(f"{outcome.sentence} {_ALONE}" if is_alone else outcome.sentence)
        with np.load(result, allow_pickle=False) as file:
            hu = file["hu"]
        result.unlink()
        seconds = float(sum(outcome.report["seconds_per_slice"])) * len(hu)
        notes = notes_from_json(outcome.report["single_notes"])
        return Corrected(hu, seconds, (*notes, _ALONE) if is_alone else notes)

    def close(self) -> None:
        """Stop the worker process and remove its files."""
        self._worker.close()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _read(neighbours: Callable[[], Neighbours]) -> Neighbours:
    try:
        return neighbours()
    except BadInput as reason:
        raise MethodFailed(f"other slices of its scan cannot be used for learning: {reason}") from reason


def _wait(run: Run) -> Outcome:
    """Wait in short steps, because Ctrl-C does not interrupt a long wait on every system."""
    while True:
        try:
            return run.wait(0.2)
        except TimeoutError:
            continue
