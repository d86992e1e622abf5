"""A process that is killed leaves a whole target or none, its source as it was, and nothing that stays.

`MARVIEW_KILLS` says how often; a failure names its number, verb and moment.
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
