"""Decode compressed slices in child processes, because codecs hold the GIL and may crash.

`main` runs in the child process. For each slice it reads a line of JSON from standard input (path, size,
member, entry) and answers on standard output with a line of JSON ({"rows", "columns", "remarks"} or
{"refusal"}), followed by the HU as int16.
"""

import contextlib
import json
import os
import queue
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from marview import children
from marview.dicom.codec import COMPRESSED, RLE
from marview.dicom.header import SliceHeader, read_header
from marview.dicom.pixels import write_hu
from marview.dicom.quiet import quiet
from marview.dicom.remark import Remark
from marview.dicom.source import Source
from marview.errors import BadInput

_WORTH_SECONDS = 1.5
_MOST_PROCESSES = 4


def is_worthwhile(headers: Mapping[int, SliceHeader]) -> bool:
    """Return whether child processes would decode the slices sooner than this process.

    The result is False for frames of Enhanced CT, because a child process would search the whole file again
    for each frame.
    """
    if any(header.frame for header in headers.values()):
        return False  # a child would search the whole file again for each frame
    return sum(_seconds(header) for header in headers.values()) > _WORTH_SECONDS


def _seconds(header: SliceHeader) -> float:
    """Estimate the decoding time of a slice in seconds; JPEG 2000 takes longest. A child sends it in a millisecond."""
    if header.transfer_syntax not in COMPRESSED:
        return 0.0
    if header.transfer_syntax == RLE:
        return 0.001
    is_wavelet = header.transfer_syntax.split(".")[-1] in {"90", "91", "201", "202", "203"}
    return (0.03 if is_wavelet else 0.007) * header.rows * header.columns / 512**2


class Decoder:
    """A child process that decodes slices; it starts with the first slice and restarts after a crash."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def decode(self, header: SliceHeader) -> tuple[NDArray[np.int16], Remark]:
        """Return the HU of a slice, `[y, x]`, and remarks on its pixels.

        Raises:
            BadInput: the slice is damaged, or the codec crashed while decoding it.
            OSError: the process cannot be started.
        """
        process = self._started()
        stdin, stdout = process.stdin, process.stdout
        if stdin is None or stdout is None:
            raise RuntimeError("a child without pipes")
        source = header.source
        request = json.dumps([os.fspath(source.path.absolute()), source.size, source.member, source.entry])
        try:
            stdin.write(request.encode("ascii") + b"\n")
            stdin.flush()
            answer = json.loads(stdout.readline())
            if "refusal" in answer:
                raise BadInput(answer["refusal"])
            data = stdout.read(2 * header.rows * header.columns)
            return np.frombuffer(data, np.int16).reshape(header.rows, header.columns), Remark(answer["remarks"])
        except (OSError, ValueError):
            self.close()
            raise BadInput(f"{header.name} contains a damaged compressed image: its decoder crashed.") from None

    def close(self) -> None:
        """Stop the child process."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter
                children.command("marview.dicom.decoder"),
                cwd=children.NEUTRAL_FOLDER,
                env=children.environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        return self._process


def decode_apart(headers: Mapping[int, SliceHeader]) -> Iterator[tuple[int, NDArray[np.int16] | BadInput, Remark]]:
    """Yield each slice's index z, its HU `[y, x]` or the error that prevented decoding, and remarks.

    While the child processes start (about a second), or if none can start, slices are decoded in this
    process.

    Args:
        headers: headers by index z, in decoding order.
    """
    number = min(_MOST_PROCESSES, os.cpu_count() or 1)
    idle: queue.SimpleQueue[Decoder] = queue.SimpleQueue()
    decoders = [Decoder() for _ in range(number)]
    for decoder in decoders:
        idle.put(decoder)

    def work(header: SliceHeader) -> tuple[NDArray[np.int16] | BadInput, Remark]:
        decoder = idle.get()
        try:
            return decoder.decode(header)
        except BadInput as why:
            return why, Remark.NONE
        except OSError:
            return _here(header)
        finally:
            idle.put(decoder)

    with ThreadPoolExecutor(number) as threads:
        try:
            tasks: dict[Future[tuple[NDArray[np.int16] | BadInput, Remark]], int] = {}
            for z, header in headers.items():
                with contextlib.suppress(RuntimeError, MemoryError):  # no thread can start; decode the slice here
                    tasks[threads.submit(work, header)] = z
            for z in headers.keys() - set(tasks.values()):
                yield z, *_here(headers[z])
            for task, z in tasks.items():
                if any(one.done() and not one.cancelled() for one in tasks):
                    break
                if task.cancel():
                    yield z, *_here(headers[z])
            for task in as_completed([task for task in tasks if not task.cancelled()]):
                hu, remarks = task.result()
                yield tasks[task], hu, remarks
        finally:
            threads.shutdown(wait=True, cancel_futures=True)
            for decoder in decoders:
                decoder.close()


def _here(header: SliceHeader) -> tuple[NDArray[np.int16] | BadInput, Remark]:
    hu = np.empty((header.rows, header.columns), np.int16)
    try:
        return hu, write_hu(header, hu)
    except BadInput as why:
        return why, Remark.NONE


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until the input ends; this function runs in the child process."""
    for line in requests:
        path, size, member, entry = json.loads(line)
        try:
            header = read_header(Source(Path(path), size, member, entry))
            hu = np.empty((header.rows, header.columns), np.int16)
            remarks = write_hu(header, hu)
        except BadInput as why:
            answers.write(json.dumps({"refusal": str(why)}).encode("ascii") + b"\n")
        else:
            answer = {"rows": header.rows, "columns": header.columns, "remarks": int(remarks)}
            answers.write(json.dumps(answer).encode("ascii") + b"\n" + hu.tobytes())
        answers.flush()


def main(_arguments: Sequence[str] = ()) -> None:
    """Decode slices in a child process until standard input is closed."""
    with quiet():
        serve(sys.stdin.buffer, sys.stdout.buffer)
