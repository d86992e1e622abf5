"""Damaged files open or are refused with a message: no other exception, no 20 seconds, no 2 GB, no crash.

`MARVIEW_MUTANTS` sets the number of mutants of the slow test; a failure names the number that reproduces it.
"""

import os

import pytest

from tests.fuzz.campaign import campaign


def test_some_damaged_files_open_or_are_refused() -> None:
    problems = campaign(304)
    assert not problems, "\n".join(map(str, problems[:3]))


@pytest.mark.slow
@pytest.mark.timeout(14_400)
def test_many_damaged_files_open_or_are_refused() -> None:
    problems = campaign(int(os.environ.get("MARVIEW_MUTANTS", "20000")), first=1000)
    assert not problems, f"{len(problems)} problems\n" + "\n".join(map(str, problems[:5]))
