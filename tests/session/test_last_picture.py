"""The corrected slice computed last is shared by those who show it, and kept for nobody."""

import numpy as np
import pytest

from marview.session.last_picture import LastPicture
from marview.session.plane_store import PlaneStore


@pytest.fixture
def corrections():
    store = PlaneStore()
    return [store.keep(np.full((4, 5), value, np.float32)) for value in (1, 2)]


def picture() -> np.ndarray:
    return np.zeros((4, 5), np.int16)


def test_who_asks_for_a_picture_that_is_shown_gets_that_one(corrections) -> None:
    last, shown = LastPicture(), picture()
    last.put(corrections[0], shown)
    assert last.get(corrections[0]) is shown
    assert last.get(corrections[0]) is shown
    assert last.get(corrections[1]) is None


def test_a_picture_that_nobody_shows_is_not_kept(corrections) -> None:
    last = LastPicture()
    last.put(corrections[0], picture())
    assert last.get(corrections[0]) is None


def test_an_awaited_picture_stays_until_it_is_asked_for(corrections) -> None:
    last = LastPicture()
    last.put(corrections[0], picture(), is_awaited=True)
    shown = last.get(corrections[0])
    assert shown is not None
    del shown
    assert last.get(corrections[0]) is None


def test_the_next_picture_replaces_an_awaited_one(corrections) -> None:
    last, shown = LastPicture(), picture()
    last.put(corrections[0], picture(), is_awaited=True)
    last.put(corrections[1], shown)
    assert last.get(corrections[0]) is None
    assert last.get(corrections[1]) is shown
    last.drop()
    assert last.get(corrections[1]) is None


def test_a_shared_picture_is_not_written_to(corrections) -> None:
    last, shown = LastPicture(), picture()
    last.put(corrections[0], shown)
    with pytest.raises(ValueError, match="read-only"):
        shown[0, 0] = 1
