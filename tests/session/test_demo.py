import sys
import time

import pytest

from marview.errors import MarviewError
from marview.session.demo import make_demo


def say(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


def test_the_folder_is_parsed_from_the_output(tmp_path) -> None:
    study = tmp_path / "hip-1" / "study"
    assert make_demo(lambda: False, say(f"print('{study}: Two hips, simulated.')")) == study


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import sys; print('marview: The disk is full.', file=sys.stderr); sys.exit(3)", "The disk is full."),
        ("", "no reason"),
    ],
)
def test_a_failure_gives_a_message(code: str, why: str) -> None:
    with pytest.raises(MarviewError, match=why):
        make_demo(lambda: False, say(code))


def test_it_ends_with_the_window() -> None:
    began = time.monotonic()
    with pytest.raises(MarviewError):
        make_demo(lambda: True, say("import time; time.sleep(60)"))
    assert time.monotonic() - began < 20
