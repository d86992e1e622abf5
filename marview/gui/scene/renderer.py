"""Client of the process that draws the 3D scene; it sends one request at a time, always the latest."""

import contextlib
import logging
import os
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from marview import children
from marview.gui.scene.messages import ANSWERS, Contents, Draw, Drawn, Ready, Refused
from marview.text import tr
from marview.threads import NoThread, start_thread

BACKENDS = ("vtkEGLRenderWindow", "", "vtkOSOpenGLRenderWindow") if sys.platform == "linux" else ("",)
"""OpenGL contexts to try in order: EGL, which needs no display, then VTK's default, then software."""

CHANNELS = 3
_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Shown:
    """A rendered image of the scene: its header and RGB bytes, with rows from bottom to top."""

    drawn: Drawn
    rgb: bytes


class Renderer:
    """Renderer in a separate process; `start` launches the process, and relaunches it if it has ended.

    Args:
        post: function that runs a call on the window's thread.
        on_picture: function called with each image.
        on_state: function called when the process becomes ready, refuses a request or ends.
        command: command line of the process.
    """

    def __init__(
        self,
        post: Callable[[Callable[[], None]], None],
        on_picture: Callable[[Shown], None],
        on_state: Callable[[], None],
        command: Sequence[str] = (),
    ) -> None:
        self.is_ready = False
        self.refusal = ""
        self._post = post
        self._on_picture, self._on_state = on_picture, on_state
        self._command = list(command) or children.command("marview.gui.scene.child")
        self._process: subprocess.Popen[bytes] | None = None
        self._run = 0
        self._contents: Contents | None = None
        self._sent: Contents | None = None
        self._wanted: Draw | None = None
        self._is_busy = self._is_starting = False

    def start(self) -> None:
        """Start the process and check whether it can draw; do nothing if it is already running."""
        if self._process is not None or self._is_starting:
            return
        self.refusal, self.is_ready = "", False
        self._run += 1
        run = self._run
        self._is_busy = False
        self._contents = self._sent = None
        try:
            start_thread(lambda: self._serve(run), "3D scene")
        except NoThread as error:
            self._end(run, str(error))
            return
        self._is_starting = True

    def fill(self, contents: Contents) -> None:
        """Set the contents; they are sent before the next image is drawn."""
        self._contents = contents
        self._next()

    def draw(self, wanted: Draw) -> None:
        """Request an image; the request replaces any waiting request."""
        self._wanted = wanted
        self._next()

    def stop(self) -> None:
        """Stop the process."""
        self._run += 1
        self._is_starting = self.is_ready = False
        self._contents = self._sent = self._wanted = None
        process, self._process = self._process, None
        if process is not None:
            _kill(process)

    def _next(self) -> None:
        """Send the waiting request if the process is idle."""
        process = self._process
        if process is None or process.stdin is None or not self.is_ready or self._is_busy or self._wanted is None:
            return
        if self._contents is None:
            return
        wanted, self._wanted = self._wanted, None
        with contextlib.suppress(OSError):  # the reading thread reports the end of the process
            if self._contents is not self._sent:
                self._sent = self._contents
                process.stdin.write(self._contents.line())
            process.stdin.write(wanted.line())
            process.stdin.flush()
            self._is_busy = True

    # -- on a thread of its own

    def _serve(self, run: int) -> None:
        """Try the kinds of context until one can draw, and pass its answers to the window."""
        why = ""
        for backend in BACKENDS:
            try:
                process = self._open(backend)
            except OSError as error:
                why = tr("The process that draws the 3D view cannot be started: {}.").format(error.strerror or error)
                break
            last_words: deque[str] = deque(maxlen=3)
            start_thread(lambda p=process, w=last_words: _read_log(p, w), "3D log")  # type: ignore[misc]
            self._post(lambda p=process: self._adopt(run, p))  # type: ignore[misc]
            has_drawn, why = self._read(run, process)
            if why:
                process.kill()
            code = process.wait()
            _close(process)
            if has_drawn or why or run != self._run:
                break
            why = _why(code, last_words)
        self._post(lambda: self._end(run, why or tr("The 3D view stopped unexpectedly. Your images are unchanged.")))

    def _open(self, backend: str) -> "subprocess.Popen[bytes]":
        environment = children.environment({"VTK_DEFAULT_OPENGL_WINDOW": backend} if backend else {})
        return subprocess.Popen(  # noqa: S603 - our own interpreter
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=children.NEUTRAL_FOLDER,
            env=environment,
        )

    def _read(self, run: int, process: "subprocess.Popen[bytes]") -> tuple[bool, str]:
        """Read answers until the process ends; return whether it could draw and, if known, the reason why not."""
        has_drawn = False
        assert process.stdout is not None
        for line in process.stdout:
            try:
                answer = ANSWERS.validate_json(line)
            except ValidationError:
                return has_drawn, tr("The process that draws the 3D view sent an unexpected response.")
            if isinstance(answer, Drawn):
                size = answer.width * answer.height * CHANNELS
                rgb = process.stdout.read(size)
                if len(rgb) < size:
                    break
                self._post(lambda a=answer, b=rgb: self._take(run, Shown(a, b)))  # type: ignore[misc]
            elif isinstance(answer, Ready):
                has_drawn = True
                _log.info("3D scenes are drawn with %s", answer.backend)
                self._post(lambda: self._be_ready(run))
            elif has_drawn:
                self._post(lambda a=answer: self._refuse(run, a))  # type: ignore[misc]
            else:
                return False, answer.sentence
        return has_drawn, ""

    # -- on the window's thread

    def _adopt(self, run: int, process: "subprocess.Popen[bytes]") -> None:
        if run == self._run:
            self._process, self._is_starting = process, False
        else:
            _kill(process)

    def _be_ready(self, run: int) -> None:
        if run == self._run:
            self.is_ready = True
            self._on_state()
            self._next()

    def _take(self, run: int, shown: Shown) -> None:
        if run == self._run:
            self._is_busy = False
            self._next()
            self._on_picture(shown)

    def _refuse(self, run: int, refused: Refused) -> None:
        if run == self._run:
            self._is_busy = False
            self.refusal = refused.sentence
            self._on_state()
            self.refusal = ""

    def _end(self, run: int, why: str) -> None:
        if run != self._run:
            return
        self._process, self._is_starting, self.is_ready, self.refusal = None, False, False, why
        self._on_state()


def _kill(process: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(OSError):
        process.kill()


def _close(process: "subprocess.Popen[bytes]") -> None:
    for pipe in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):
            if pipe is not None:
                pipe.close()


def _read_log(process: "subprocess.Popen[bytes]", last_words: deque[str]) -> None:
    assert process.stderr is not None
    with process.stderr as stderr:
        for line in stderr:
            text = line.decode(errors="replace").rstrip()
            last_words.append(text)
            _log.info("%s", text)


def _why(code: int, last_words: Sequence[str]) -> str:
    how = tr("signal {}").format(-code) if code < 0 else tr("exit code {}").format(code)
    mesa = tr("The 3D view needs OpenGL, which Mesa provides even without a graphics card.")
    opengl = tr("The 3D view needs OpenGL.")
    words = tr("The 3D view cannot draw on this machine (its process ended with {}).").format(how)
    said = tr("VTK said: {}").format(last_words[-1]) if last_words else ""
    return " ".join(filter(None, (words, mesa if os.name == "posix" else opengl, said)))
