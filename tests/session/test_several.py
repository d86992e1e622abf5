"""The order of the window as arguments of `marview batch`."""

from pathlib import Path

import pytest

from marview.session.several import BatchOrder


@pytest.mark.parametrize("restores", [True, False])
def test_the_switch_of_restoring_reaches_the_command(restores: bool) -> None:
    order = BatchOrder((Path("ward"),), Path("out"), "nmar", restores_cut_off=restores)
    assert ("--no-restore" in order.words(is_resumed=False)) is not restores
