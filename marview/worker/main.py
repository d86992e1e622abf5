"""Worker process that handles requests one by one and answers with Finished, Failed or Cancelled."""

import argparse
import contextlib
import gc
import logging
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from marview.errors import MarviewError, MethodFailed
from marview.heap import give_back
from marview.log_file import without_words
from marview.mar.manifest import code_folder, read_manifest
from marview.mar.messages import (
    Cancelled as CancelledMessage,
)
from marview.mar.messages import (
    CasesRequest,
    CheckRequest,
    DescribeRequest,
    DevicesRequest,
    Failed,
    Finished,
    Message,
    Ready,
    ReduceRequest,
    Request,
    SinogramRequest,
    TraceRequest,
)
from marview.methods.api import Cancelled
from marview.projection import scratch, warm_up
from marview.threads import NoThread, start_thread
from marview.worker.batches import LARGEST
from marview.worker.cases import run_cases
from marview.worker.channel import Channel, end_group, limit_memory
from marview.worker.devices import list_devices, use_free_threads
from marview.worker.loading import load_method
from marview.worker.method_errors import as_sentence, place
from marview.worker.prepare import prepare
from marview.worker.reduce import Reduction, show_sinogram
from marview.worker.reprojection import Reprojections
from marview.worker.tracing import mark_trace

IDLE_S = 0.5
"""Seconds without a request after which the worker compiles kernels and frees the memory of the last run."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Handle requests until the window closes the connection."""
    options = argparse.ArgumentParser(prog="python -m marview.worker.main", description=__doc__)
    options.add_argument("--memory-limit-mb", type=int, help="memory limit of this process; default: no limit")
    limit_mb = options.parse_args(arguments).memory_limit_mb
    limit_memory(limit_mb)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(name)s: %(message)s")
    channel = Channel()
    channel.send(Ready(os.getpid()))
    keep_what_is_loaded()
    may_warm_up, holds_memory = True, False
    projections = Reprojections()
    while True:
        if (may_warm_up or holds_memory) and not channel.is_asked(IDLE_S):
            if holds_memory:
                scratch.let_go()
                give_back()
            if may_warm_up:
                with contextlib.suppress(NoThread):  # the first run compiles the kernels that it needs
                    start_thread(_warm_up, "warm-up")
            may_warm_up = holds_memory = False
        request = channel.next()
        if isinstance(request, TraceRequest):  # the user may be in the middle of a stroke
            may_warm_up = False
        channel.send(_answer(request, channel, projections))
        if isinstance(request, ReduceRequest | CasesRequest):
            give_back()
        holds_memory = True


def keep_what_is_loaded() -> None:
    """Exclude loaded libraries from garbage collection, which would take 170 ms while the user paints."""
    gc.freeze()
    gc.enable()


def _warm_up() -> None:
    """Compile the kernels while the worker is idle, so that the first run starts faster."""
    try:
        warm_up((1, LARGEST["cpu"]))
    except Exception:
        logging.getLogger(__name__).exception("the kernels could not be compiled ahead")


def _answer(request: Request, channel: Channel, projections: Reprojections) -> Message:
    """Handle a request, and convert any exception of a method to an error message."""
    try:
        if isinstance(request, ReduceRequest | CasesRequest | CheckRequest):
            use_free_threads()
        return _serve(request, channel, projections)
    except Cancelled:
        return CancelledMessage()
    except MarviewError as refusal:
        return Failed(str(refusal), refusal.exit_code, _trace_of_method(refusal, _code_of(request)))
    except BaseException as error:  # noqa: BLE001 - method code may raise anything, SystemExit included
        who = (
            f"The method {request.method}"
            if isinstance(request, ReduceRequest | CasesRequest | CheckRequest)
            else "The worker"
        )
        code = _code_of(request)
        why = as_sentence(error, code)
        return Failed(f"{who} failed: {why}", MethodFailed.exit_code, _trace(error, code), is_unexpected=True)


def _code_of(request: Request) -> Path | None:
    """Return the folder with the code of the method of a request; None if the request has no method."""
    if isinstance(request, ReduceRequest | CasesRequest | DescribeRequest | CheckRequest):
        with contextlib.suppress(MarviewError):
            return code_folder(Path(request.folder), read_manifest(Path(request.folder)))
    return None


def _trace_of_method(refusal: MarviewError, code: Path | None) -> str:
    """Return the traceback of the exception in a method that caused an error; empty for other errors.

    `_answer` must not keep the exception in a variable: its traceback holds the memory of the method, and refers to the
    variables of `_answer`.
    """
    cause = refusal.__cause__ if isinstance(refusal, MethodFailed) else None
    return "" if cause is None else _trace(cause, code)


def _trace(error: BaseException, code: Path | None) -> str:
    """Return the traceback of an exception for the log.

    Only an exception that passed through the method's code keeps its message, which its author needs. Other messages
    might contain patient data.
    """
    trace = "".join(traceback.format_exception(error))
    return trace if place(error, code) else without_words(trace)


def _serve(request: Request, channel: Channel, projections: Reprojections) -> Finished:
    match request:
        case ReduceRequest():
            return Reduction(request, channel, projections).run()
        case SinogramRequest():
            return show_sinogram(request, channel)
        case TraceRequest():
            return mark_trace(request)
        case CasesRequest():
            return run_cases(request, channel)
        case DescribeRequest():
            return Finished({"parameters": load_method(Path(request.folder)).schema()})
        case CheckRequest():
            prepare(request)
            return Finished()
        case DevicesRequest():
            return Finished({"devices": list_devices()})
    raise MethodFailed(f"The worker cannot handle a {type(request).__name__}.")


if __name__ == "__main__":
    try:
        main()
    finally:
        end_group()
