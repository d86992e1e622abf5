"""Processes that draw scenes end with their training."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

KILLED = """
import os
from marview.learning.scene_workers import SceneWorkers
workers = SceneWorkers(None, None, (0,), 1)
print(workers._pool.submit(os.getpid).result(), flush=True)
os.kill(os.getpid(), 9)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
def test_they_end_where_the_training_is_killed() -> None:
    done = subprocess.run([sys.executable, "-c", KILLED], stdout=subprocess.PIPE, text=True, check=False)
    assert done.returncode == -9
    child = Path("/proc", done.stdout.strip())
    until = time.monotonic() + 60
    while child.is_dir() and ") Z " not in (child / "stat").read_text():
        assert time.monotonic() < until, "a process outlived the training"
        time.sleep(0.05)
