"""A worker ends with its parent, even while it loads libraries."""

import subprocess
import sys

import pytest

from marview import children


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent has ended")
def test_a_worker_whose_parent_is_gone_ends_before_it_loads_torch() -> None:
    with subprocess.Popen(
        children.command("marview.worker.start"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=children.environment(),
        cwd=children.NEUTRAL_FOLDER,
    ) as started:
        said, _ = started.communicate(timeout=120)
    assert (started.returncode, said) == (0, b""), "it served, or said that it is ready"
