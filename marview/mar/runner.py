"""Run methods in a worker process, so that a crash of a method does not affect marview."""

import dataclasses
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

from marview.errors import UsageError
from marview.mar.arrays import check_arrays, check_trace
from marview.mar.discovery import Listing, discover, find_usable
from marview.mar.manifest import Manifest
from marview.mar.messages import (
    CasesRequest,
    CheckRequest,
    DescribeRequest,
    Device,
    DevicesRequest,
    Message,
    ReduceRequest,
    Request,
    SinogramRequest,
    TraceRequest,
)
from marview.mar.run import OnMessage, Run
from marview.mar.run_queue import RunQueue
from marview.mar.scratch import scratch

_START_S = 120.0


class MarWorker:
    """Worker process that stays ready between runs.

    The process starts with the first request and is replaced after a failure. Runs are executed one after
    the other. Listeners (`on_message`) are called on a thread of the worker and must not block it.

    Args:
        listings: function that finds the installed methods.
        memory_limit_mb: memory limit of the worker in MB; None for no limit.
        patience_s: seconds that a cancelled run may take to end before the worker is terminated, and then
            killed.
        starts_within_s: seconds that the process may take to start.

    Raises:
        NoThread: the system cannot start another thread.
    """

    def __init__(
        self,
        *,
        listings: Callable[[], list[Listing]] = discover,
        memory_limit_mb: int | None = None,
        patience_s: float = 2.0,
        starts_within_s: float = _START_S,
    ) -> None:
        self._listings = listings
        arguments = [] if memory_limit_mb is None else ["--memory-limit-mb", str(memory_limit_mb)]
        self._queue = RunQueue(arguments, patience_s=patience_s, starts_within_s=starts_within_s)

    def describe(self, method: str) -> dict[str, Any]:
        """Return the JSON schema of a method's parameters.

        Raises:
            UsageError: there is no such method.
            MethodFailed: the code of the method cannot be loaded.
        """
        listing, python = self._find(method)
        report = self._submit(DescribeRequest(str(listing.folder)), python, _ignore).wait().check()
        return dict(report["parameters"])

    def check(self, method: str, parameters: Mapping[str, Any] | None = None, device: Device | None = None) -> None:
        """Import a method, and perform all checks that a run performs before it begins.

        Args:
            method: identifier of the method.
            parameters: values of the method's parameters that differ from their defaults.
            device: device for the method; None to skip the check of the device.

        Raises:
            UsageError: there is no such method, parameter, value or device.
            MethodFailed: the code of the method cannot be imported, or its weights are missing or damaged.
        """
        listing, python = self._find(method)
        request = CheckRequest(
            method=method, folder=str(listing.folder), parameters=dict(parameters or {}), device=device
        )
        self._submit(request, python, _ignore).wait().check()

    def devices(self) -> list[dict[str, Any]]:
        """List the devices of this computer: name (such as "cpu" or "cuda:0"), title, free_mb and total_mb.

        Raises:
            MethodFailed: the worker does not start.
        """
        return list(self._submit(DevicesRequest(), sys.executable, _ignore).wait().check()["devices"])

    def reduce(self, request: ReduceRequest, on_message: OnMessage) -> Run:
        """Correct slices of a volume; return immediately.

        Raises:
            UsageError: there is no such method, or the arrays and slices do not match.
        """
        check_arrays(request)
        listing, python = self._find(request.method)
        return self._submit(dataclasses.replace(request, folder=str(listing.folder)), python, on_message)

    def sinogram(self, request: SinogramRequest, on_message: OnMessage) -> Run:
        """Compute the sinogram, trace and LI sinogram of a slice for display; return immediately.

        Raises:
            UsageError: the arrays and the slice do not match.
        """
        check_arrays(request)
        return self._submit(request, sys.executable, on_message)

    def trace(self, request: TraceRequest) -> Run:
        """Compute the metal trace of a slice and write it to the request's array; return immediately.

        Raises:
            UsageError: the mask, the slice and the trace do not match.
        """
        check_trace(request)
        return self._submit(request, sys.executable, _ignore)

    def cases(self, request: CasesRequest, on_message: OnMessage) -> Run:
        """Run a method on case files; return immediately.

        Raises:
            UsageError: there is no such method, or the number of cases differs from the number of result files.
        """
        if len(request.cases) != len(request.results):
            raise UsageError(
                f"{len(request.cases)} cases need the same number of result files, not {len(request.results)}."
            )
        listing, python = self._find(request.method)
        return self._submit(dataclasses.replace(request, folder=str(listing.folder)), python, on_message)

    def close(self) -> None:
        """End the worker and its runs, and remove the image files of the runs."""
        self._queue.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _find(self, method: str) -> tuple[Listing, str]:
        listing = find_usable(method, self._listings())
        assert listing.manifest is not None
        return listing, interpreter(listing.folder, listing.manifest)

    def _submit(self, request: Request, python: str, on_message: OnMessage) -> Run:
        if self._queue.is_closed:
            raise UsageError("The worker is closed.")
        run = Run(request, python, on_message, self._queue.cancel)
        if isinstance(request, ReduceRequest | SinogramRequest):
            folder = scratch(Path(tempfile.gettempdir())) / f"run-{run.id}"
            run.request = dataclasses.replace(request, output_folder=str(folder))
        self._queue.add(run)
        return run


def interpreter(folder: Path, manifest: Manifest) -> str:
    """Return the Python interpreter that runs a method: the one in its manifest, or marview's own.

    Raises:
        UsageError: the interpreter does not exist.
    """
    if not manifest.python:
        return sys.executable
    python = folder / Path(manifest.python).expanduser()
    if not python.is_file():
        raise UsageError(f"The method {manifest.id} needs the interpreter {python}, which does not exist.")
    return str(python)


def _ignore(_message: Message) -> None:
    pass
