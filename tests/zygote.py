"""Worker processes of tests as forks of one process that has loaded PyTorch and the kernels.

Run as a program, this is that process: it forks a worker for each order on its socket.
"""

import gc
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
_NUMBER = struct.Struct("<i")
_LARGEST_ORDER = 1 << 20
_READ_AT_LOAD = ("OMP_", "MKL_", "KMP_", "OPENBLAS_", "NUMBA_", "TORCH_", "LD_", "PYTHON")
"""Beginnings of environment variables that a process reads while it loads PyTorch, too early for a fork."""


class Zygote:
    """A process that has loaded what workers need."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._read_at_load = _read_at_load(environment)
        self._connection, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "tests.zygote", str(other.fileno())],
            stdin=subprocess.DEVNULL,
            pass_fds=[other.fileno()],
            env={**environment, "PYTHONPATH": str(ROOT)},
        )
        other.close()

    def suits(self, environment: Mapping[str, str]) -> bool:
        """Whether a worker with this environment would have loaded the same."""
        return _read_at_load(environment) == self._read_at_load

    def fork(self, arguments: Sequence[str], environment: Mapping[str, str], folder: Path) -> "Fork":
        """Start a worker."""
        order = {"arguments": list(arguments), "environment": dict(environment), "folder": str(folder)}
        return Fork(self._connection, order)

    def close(self) -> None:
        """End the process; its forks live on."""
        self._connection.close()
        self._process.wait()


class Fork:
    """A forked worker with the part of the interface of `subprocess.Popen` that `WorkerProcess` uses."""

    def __init__(self, connection: socket.socket, order: Mapping[str, Any]) -> None:
        pipes = [os.pipe() for _ in range(4)]
        (stdin, to_stdin), (from_stdout, stdout), (from_stderr, stderr), (from_status, status) = pipes
        socket.send_fds(connection, [json.dumps(order).encode()], [stdin, stdout, stderr, status])
        for file in (stdin, stdout, stderr, status):
            os.close(file)
        self.stdin = os.fdopen(to_stdin, "wb")
        self.stdout, self.stderr = os.fdopen(from_stdout, "rb"), os.fdopen(from_stderr, "rb")
        self._status = os.fdopen(from_status, "rb")
        self.pid = self._told()
        self.returncode: int | None = None
        self._has_ended = threading.Event()
        threading.Thread(target=self._follow, name="fork-end", daemon=True).start()

    def poll(self) -> int | None:
        """Return the exit code; None while it runs."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait until it has ended, and return the exit code."""
        if not self._has_ended.wait(timeout):
            raise subprocess.TimeoutExpired("fork", timeout or 0)
        return self.returncode

    def _follow(self) -> None:
        with self._status:
            self.returncode = self._told()
        self._has_ended.set()

    def _told(self) -> int:
        data = self._status.read(_NUMBER.size)
        return int(_NUMBER.unpack(data)[0]) if len(data) == _NUMBER.size else -signal.SIGKILL


def _read_at_load(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(_READ_AT_LOAD)}


def main() -> None:
    """Fork workers until the socket closes."""
    connection = socket.socket(fileno=int(sys.argv[1]))
    gc.disable()
    from marview.projection import warm_up
    from marview.worker import main  # noqa: F401 - loaded for the forks
    from marview.worker.batches import LARGEST

    warm_up((1, LARGEST["cpu"]))
    gc.freeze()
    sys.path.remove(str(ROOT))  # a worker does not have it
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        data, files, *_ = socket.recv_fds(connection, _LARGEST_ORDER, 4)
        if not data:
            return
        if os.fork() == 0:
            connection.close()
            _attend(json.loads(data), files)
        for file in files:
            os.close(file)


def _attend(order: Mapping[str, Any], files: Sequence[int]) -> None:
    """Start a worker and tell its exit code when it ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    pid = os.fork()
    if pid == 0:
        _serve(order, *files)
    for file in files[:3]:
        os.close(file)
    _, code = os.waitpid(pid, 0)
    os.write(files[3], _NUMBER.pack(os.waitstatus_to_exitcode(code)))
    os._exit(0)


def _serve(order: Mapping[str, Any], stdin: int, stdout: int, stderr: int, status: int) -> None:
    from marview.worker import start

    code = 1
    try:
        os.setsid()
        os.write(status, _NUMBER.pack(os.getpid()))
        for at, file in enumerate((stdin, stdout, stderr)):
            os.dup2(file, at)
        for file in (stdin, stdout, stderr, status):
            os.close(file)
        os.chdir(order["folder"])
        os.environ.clear()
        os.environ.update(order["environment"])
        start.main(order["arguments"])
        code = 0
    except BaseException:  # noqa: BLE001 - a fork must never return into the loop of its parent
        traceback.print_exc()
    finally:
        os._exit(code)


if __name__ == "__main__":
    main()
