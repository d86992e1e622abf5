import numpy as np
import pytest

from marview.geometry import SliceNumbers
from marview.session.display import ZOOM_RANGE, Comparison, Display, Overlay, View
from marview.volume.window import HuWindow


@pytest.fixture
def view() -> View:
    made = View()
    made.update(slice_count=20, numbers=SliceNumbers(20), slice_index=10)
    return made


def heard(view: View) -> list[frozenset[str]]:
    names: list[frozenset[str]] = []
    view.changed.connect(lambda _display, changed: names.append(changed))
    return names


def test_only_differences_are_listed(view: View) -> None:
    names = heard(view)
    view.update(slice_index=10, is_inverted=True)
    view.update(is_inverted=True)
    assert names == [frozenset({"is_inverted"})]


def test_a_snapshot_is_immutable(view: View) -> None:
    before = view.display
    view.scroll(3)
    assert (before.slice_index, view.display.slice_index) == (10, 13)
    assert before.differing(view.display) == {"slice_index"}


@pytest.mark.parametrize(("step", "arrives"), [(5, 15), (-5, 5), (100, 19), (-100, 0)])
def test_scrolling_stops_at_the_ends(view: View, step: int, arrives: int) -> None:
    view.scroll(step)
    assert view.display.slice_index == arrives


def test_nothing_open_is_slice_0() -> None:
    view = View()
    view.scroll(3)
    assert view.display.slice_index == 0


@pytest.mark.parametrize("factor", [1.3, 0.8, 40.0])
def test_the_point_zoomed_at_stays_where_it_is(view: View, factor: float) -> None:
    view.update(centre_mm=(5.0, -7.0), zoom=1.5)
    at = (31.0, 12.0)

    def on_screen(display: Display) -> np.ndarray:
        return (np.array(at) - display.centre_mm) * display.zoom

    before = on_screen(view.display)
    view.zoom_at(factor, at)
    np.testing.assert_allclose(on_screen(view.display), before)


def test_zoom_has_limits(view: View) -> None:
    view.zoom_at(1e9, (0.0, 0.0))
    assert view.display.zoom == ZOOM_RANGE[1]
    view.zoom_at(1e-9, (0.0, 0.0))
    assert view.display.zoom == ZOOM_RANGE[0]


def test_panning_there_and_back_changes_nothing(view: View) -> None:
    view.pan(3.0, 4.0)
    assert view.display.centre_mm == (-3.0, -4.0)
    view.pan(-3.0, -4.0)
    assert view.display.centre_mm == (0.0, 0.0)


def test_a_window_never_loses_its_width(view: View) -> None:
    view.update(window=HuWindow(10, 40))
    view.adjust_window(-1000, 5)
    assert view.display.window == HuWindow(1, 45)


def test_an_overlay_switched_on_while_all_are_hidden_is_shown(view: View) -> None:
    view.update(are_overlays_hidden=True)
    assert not view.display.shows(Overlay.MASK)
    view.toggle_overlay(Overlay.MASK)
    assert view.display.shows(Overlay.MASK)
    view.toggle_overlay(Overlay.MASK)
    assert not view.display.shows(Overlay.MASK)
    assert view.display.shows(Overlay.TRACE)


def test_a_comparison_toggles_and_is_replaced_by_another(view: View) -> None:
    view.compare(Comparison.SWIPE)
    view.compare(Comparison.DIFFERENCE)
    assert view.display.comparison is Comparison.DIFFERENCE
    view.compare(Comparison.DIFFERENCE)
    assert view.display.comparison is Comparison.NONE


def test_reset_fits_the_slice(view: View) -> None:
    view.update(zoom=3.0, centre_mm=(1.0, 2.0), cursor_mm=(0.0, 0.0), slice_index=4)
    view.reset()
    display = view.display
    assert (display.zoom, display.centre_mm, display.cursor_mm, display.slice_index) == (1.0, (0.0, 0.0), None, 4)
