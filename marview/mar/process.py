"""Start and end a worker process, and exchange lines of text with it."""

import contextlib
import logging
import os
import re
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Thread

from marview import children
from marview.mar.messages import Request, encode
from marview.mar.scratch import spare_temporary_folder
from marview.threads import NoThread, start_thread, wait_passively

log = logging.getLogger("marview.worker")

_ENDINGS = {
    "SIGSEGV": "a segmentation fault",
    "SIGABRT": "an abort in its compiled code",
    "SIGFPE": "an arithmetic fault in its compiled code",
    "SIGILL": "an instruction that this processor does not support",
    "SIGBUS": "a bus error: memory or disk may be full",
    "SIGKILL": "the system: memory may have run out",
}
"""Descriptions of signals by name, because Windows does not define all of them."""


def how_it_ended(code: int) -> str:
    """Describe how a process ended, given its exit code, to complete the sentence "its process ..."."""
    if code >= 0:
        return f"ended with exit code {code}"
    with contextlib.suppress(ValueError):
        name = signal.Signals(-code).name
        return f"was ended by {_ENDINGS.get(name, name)}"
    return f"was ended by signal {-code}"


def lacks_packages(printed: str, python: str) -> str:
    """Return a message if a process ended because its interpreter lacks a package that marview needs, else "".

    Args:
        printed: standard error output of the process.
        python: interpreter of the process.
    """
    last = printed.strip().rpartition("\n")[2]
    found = re.fullmatch(r"ModuleNotFoundError: No module named '([\w.]+)'", last)
    if found is None or python == sys.executable:
        return ""
    source = Path(__file__).resolve().parents[2]
    name = source if (source / "pyproject.toml").is_file() else "marview"
    return f"{python} does not have the package {found[1]}, which marview needs. Run {python} -m pip install {name}."


class WorkerProcess:
    """A running worker process.

    Create the object in a thread that lives at least as long as the worker is needed, because some systems
    kill the worker when this thread ends.
    """

    def __init__(
        self,
        python: str,
        arguments: Sequence[str],
        on_line: Callable[["WorkerProcess", str], None],
        on_end: Callable[["WorkerProcess"], None],
    ) -> None:
        """Start the process. Other threads call `on_line` with each line of output, and `on_end` after the last one.

        Raises:
            OSError: the interpreter cannot be started.
            NoThread: no thread could be started for reading the output, so the process was ended.
        """
        self.python = python
        self.last_words: deque[str] = deque(maxlen=20)
        self._on_line, self._on_end = on_line, on_end
        environment = children.environment({"TORCH_FORCE_WEIGHTS_ONLY_LOAD": "1", "PYTHONUNBUFFERED": "1"})
        wait_passively(environment)
        spare_temporary_folder(environment)
        self._process = self._start(arguments, environment)
        self._readers: list[Thread] = []
        try:
            for read in (self._read_lines, self._read_log):
                self._readers.append(start_thread(read, "worker-output"))
            start_thread(self._wait, "worker-end")
        except NoThread:
            self.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
                with contextlib.suppress(OSError):
                    pipe.close()  # type: ignore[union-attr]  # all three are pipes
            raise

    @property
    def pid(self) -> int:
        """Process id, which is also the id of its process group."""
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        """Whether the process has ended."""
        return self._process.poll() is not None

    @property
    def ending(self) -> str:
        """Description of how the process ended, to complete the sentence "its process ..."."""
        code = self._process.returncode
        return "still runs" if code is None else how_it_ended(code)

    def _start(self, arguments: Sequence[str], environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
        """Start the process in its own process group, with pipes as its standard streams."""
        return subprocess.Popen(  # noqa: S603 - our own interpreter, or the one the manifest names
            children.command("marview.worker.start", *arguments, python=self.python),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            cwd=children.NEUTRAL_FOLDER,
            env=environment,
        )

    def send(self, request: Request) -> None:
        """Write a request to the process, unless the process has ended."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError, ValueError):
            self._process.stdin.write(encode(request).encode())
            self._process.stdin.flush()

    def hang_up(self) -> None:
        """Close the standard input of the process, so that it exits."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()

    def terminate(self) -> None:
        """Ask the worker process and all its children to end."""
        self._signal("SIGTERM")

    def kill(self) -> None:
        """Kill the worker process and all its children immediately."""
        self._signal("SIGKILL")

    def join(self, timeout: float) -> bool:
        """Wait up to `timeout` seconds for the process to end; return whether it has ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout)
        return self._process.returncode is not None

    def _signal(self, name: str) -> None:
        with contextlib.suppress(OSError):
            if sys.platform == "win32":
                self._process.kill()
            else:
                os.killpg(self._process.pid, getattr(signal, name))

    def _read_lines(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as stdout:
            for line in stdout:
                self._on_line(self, line.decode(errors="replace"))

    def _read_log(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as stderr:
            while line := stderr.readline(4096):
                text = line.decode(errors="replace").rstrip()
                self.last_words.append(text)
                log.info("%s", text)

    def _wait(self) -> None:
        self._process.wait()
        self.kill()  # surviving children would keep the pipes open
        for thread in self._readers:
            thread.join(5)
        self.hang_up()
        self._on_end(self)
