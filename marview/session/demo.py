"""Create the demo study in a separate process, so that the window need not import the simulation."""

import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from marview import children
from marview.errors import MarviewError
from marview.text import tr

COMMAND = (*children.command("marview.__main__"), "demo", "--no-window")
ASK_S = 0.2
_STUDY = re.compile(r"^(.*[\\/]study): ", re.MULTILINE)


def make_demo(is_cancelled: Callable[[], bool], command: Sequence[str] = COMMAND) -> Path:
    """Create the demo study if it does not exist, and return its folder.

    Args:
        is_cancelled: called a few times per second; True cancels the simulation.
        command: command line that creates the study.

    Raises:
        MarviewError: the study cannot be created, or the simulation was cancelled.
    """
    with subprocess.Popen(  # noqa: S603 - our own interpreter
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=children.NEUTRAL_FOLDER,
        env=children.environment(),
    ) as process:
        while True:
            try:
                said, complained = process.communicate(timeout=ASK_S)
                break
            except subprocess.TimeoutExpired:
                if is_cancelled():
                    process.terminate()
    found = _STUDY.search(said)
    if process.returncode != 0 or found is None:
        last = (complained.strip().splitlines() or [tr("the program gave no reason")])[-1].removeprefix("marview: ")
        raise MarviewError(tr("The demo study could not be created: {}").format(last))
    return Path(found[1])
