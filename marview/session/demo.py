"""The demo study: made once, by a program of its own, so that the window loads none of the simulation."""

import re
import subprocess
import sys
from pathlib import Path

from marview.errors import MarviewError

_STUDY = re.compile(r"^(.*[\\/]study): ", re.MULTILINE)


def make_demo(kind: str = "hip") -> Path:
    """Make the demo study where it is not there yet; gives its folder.

    Raises:
        MarviewError: it cannot be made.
    """
    command = [sys.executable, "-m", "marview", "demo", "--kind", kind, "--no-window"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own program
    found = _STUDY.search(done.stdout)
    if done.returncode != 0 or found is None:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1].removeprefix("marview: ")
        raise MarviewError(f"The demo study could not be made: {last}")
    return Path(found[1])
