"""A killed process leaves a complete target or none, its source unchanged, and no other files.

`MARVIEW_KILLS` sets the number of kills; a failure names its number, verb and moment.
"""

import os
import sys
from pathlib import Path

import pytest

from tests.kills.killing import campaign


@pytest.mark.slow
@pytest.mark.timeout(14_400)
@pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")
def test_a_kill_leaves_no_half_written_target(tmp_path: Path) -> None:
    wrong = campaign(tmp_path, int(os.environ.get("MARVIEW_KILLS", "21")))
    assert not wrong, "\n".join(wrong)
