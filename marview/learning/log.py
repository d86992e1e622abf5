"""The TensorBoard log of a run, if tensorboardX is installed.

marview writes the records itself, because the tensorboardX writer uses a thread whose errors cannot be
caught, and waits forever if the thread ends.
"""

import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Log:
    """TensorBoard writer for scalars and images; a disk error ends the log but not the training.

    Args:
        folder: folder of the log.
        tell: function called with a message if the log ends.
    """

    def __init__(self, folder: Path, tell: Callable[[str], None] = lambda _: None) -> None:
        self._folder, self._tell = folder, tell
        self._records: Any = None
        try:
            from tensorboardX.record_writer import RecordWriter
        except ImportError:
            return
        with self._ending():
            folder.mkdir(parents=True, exist_ok=True)
            self._records = RecordWriter(str(folder / f"events.out.tfevents.{time.time():.6f}.{socket.gethostname()}"))
            self._write(file_version="brain.Event:2")

    def add_number(self, name: str, value: float, step: int) -> None:
        """Log a scalar for a step."""
        if self._records is not None:
            from tensorboardX.summary import scalar

            self._write(step=step, summary=scalar(name, value))

    def add_picture(self, name: str, picture: NDArray[np.uint8], step: int) -> None:
        """Log a greyscale image `[y, x]` for a step."""
        if self._records is not None:
            from tensorboardX.summary import image

            self._write(step=step, summary=image(name, picture[None]))

    def flush(self) -> None:
        """Write all records to disk."""
        if self._records is not None:
            with self._ending():
                self._records.flush()

    def close(self) -> None:
        """Close the log."""
        if self._records is not None:
            with self._ending():
                self._records.close()
            self._records = None

    def _write(self, **event: Any) -> None:
        from tensorboardX.proto.event_pb2 import Event

        with self._ending():
            self._records.write(Event(wall_time=time.time(), **event).SerializeToString())

    @contextmanager
    def _ending(self) -> Iterator[None]:
        try:
            yield
        except OSError as why:
            if self._records is not None:
                with contextlib.suppress(OSError):  # closing also fails if the disk is full
                    self._records.close()
            self._records = None
            reason = (why.strerror or type(why).__name__).lower()
            self._tell(f"{self._folder} cannot be written: {reason}. Training continues without the TensorBoard log.")
